//! The `skerry` program: the whole pipeline, and each stage as a subcommand.

mod arguments;
mod export;
mod interrupt;
mod models;
mod run;
mod settings;
mod setup;
mod stages;
mod store;
mod summary;
mod verify;

use std::process::ExitCode;

use clap::Command;
use stage::Failure;

fn main() -> ExitCode {
    let matches = command().get_matches();
    let (name, matches) = matches.subcommand().expect("a subcommand is required");
    let result = match name {
        "run" => run::run(matches),
        "config" => settings::print(matches),
        "setup" => setup::run(matches),
        "models" => models::run(matches),
        "export" => export::run(matches),
        "store" => store::run(matches),
        "verify" => verify::run(matches),
        "sweep" => return stage::cli::execute::<cluster::Sweep>(matches),
        "predict" => return stage::cli::execute::<cluster::Predict>(matches),
        _ => {
            let stage = stages::by_name(name).expect("the other subcommands are the stages");
            return stage.execute(matches);
        }
    };
    result.unwrap_or_else(Failure::report)
}

fn command() -> Command {
    let mut command = Command::new("skerry")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Turn a table of texts into a clustered, labeled map that opens in a browser")
        .after_help("Start with `skerry run news.csv`, then open runs/latest/map.html.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(arguments::command())
        .subcommand(settings::command())
        .subcommand(setup::command())
        .subcommand(models::command())
        .subcommand(export::command())
        .subcommand(store::command())
        .subcommand(verify::command())
        .subcommand(stage::cli::command::<cluster::Sweep>("sweep"))
        .subcommand(stage::cli::command::<cluster::Predict>("predict"));
    for stage in stages::ALL {
        command = command.subcommand(stage.command(stage.name()));
    }
    command
}
