//! `skerry setup`: downloads the model and ONNX Runtime.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use stage::{Failure, Progress, Terminal};

pub(crate) fn command() -> Command {
    Command::new("setup")
        .about("Download the default model and ONNX Runtime into Skerry's cache")
        .after_help("The hashes of the downloads are checked. This needs pip and a network once; what is in the cache is not downloaded again.")
        .arg(stage::cli::json_flag())
        .arg(stage::cli::quiet_flag())
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let report = download_default_model(matches)?;
    Ok(if matches.get_flag("json_report") {
        stage::cli::print_json(&serde_json::to_string(&report).expect("a report is plain data"))
    } else {
        stage::cli::print(&report.to_string())
    })
}

/// Downloads the default model and ONNX Runtime if they are missing.
pub(crate) fn download_default_model(
    matches: &ArgMatches,
) -> Result<embed::setup::Report, Failure> {
    let cache = stage::cache_dir().map_err(|error| Failure::of(&error))?;
    let terminal = Terminal::new("setup", matches.get_flag("be_quiet"));
    let report = embed::setup::run(&cache, &terminal);
    terminal.end();
    report.map_err(|error| Failure::of(&error))
}
