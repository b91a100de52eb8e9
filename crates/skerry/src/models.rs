//! `skerry models`: the models on this machine, and the vectors cached for them.

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use stage::Failure;

pub(crate) fn command() -> Command {
    let model = |help: &'static str| Arg::new("model").value_name("MODEL").help(help);
    Command::new("models")
        .about("List and remove models and cached vectors")
        .after_help(
            "Models by name, such as `skerry run --model BAAI/bge-m3`, are downloaded when they are first used, into the cache of \
             the Hugging Face hub, which other programs share.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("List the default model and the models in the cache of the hub, with the engines that run them")
                .arg(stage::cli::json_flag()),
        )
        .subcommand(
            Command::new("remove")
                .about("Remove a model from Skerry's cache or the cache of the hub")
                .arg(model("The model, as `skerry models list` names it").required(true))
                .arg(stage::cli::json_flag()),
        )
        .subcommand(
            Command::new("cache")
                .about("List the cached vectors by model, or remove them")
                .arg(model("Only the vectors of this model"))
                .arg(
                    Arg::new("clear")
                        .long("clear")
                        .action(ArgAction::SetTrue)
                        .help("Remove them"),
                )
                .arg(stage::cli::json_flag()),
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let cache = stage::cache_dir().map_err(|error| Failure::of(&error))?;
    let (name, matches) = matches.subcommand().expect("a subcommand is required");
    let model = || matches.get_one::<String>("model").map(String::as_str);
    let failed = |error| Failure::of(&error);
    Ok(match name {
        "list" => print(matches, &embed::models::list(&cache)),
        "remove" => {
            let model = model().expect("it is required");
            let waiting = || stage::say(&format!("waiting for a download of {model}"));
            let removed = embed::models::remove(&cache, model, waiting);
            print(matches, &removed.map_err(failed)?)
        }
        _ => {
            let report = if matches.get_flag("clear") {
                embed::models::clear(&cache, model())
            } else {
                embed::models::vectors(&cache, model())
            };
            print(matches, &report.map_err(failed)?)
        }
    })
}

fn print<R: Serialize + Display>(matches: &ArgMatches, report: &R) -> ExitCode {
    if matches.get_flag("json_report") {
        stage::cli::print_json(&serde_json::to_string(report).expect("a report is plain data"))
    } else {
        stage::cli::print(&report.to_string())
    }
}
