//! `skerry setup`: brings the model and ONNX Runtime.

use std::process::ExitCode;

use clap::{ArgMatches, Command};
use stage::{Hint, Progress, Terminal, explain};

pub(crate) fn command() -> Command {
    stage::cli::common(
        Command::new("setup")
            .about("Bring the default model and ONNX Runtime into Skerry's cache, with their hashes checked")
            .after_help("Needs pip and a network once; with the cache filled nothing is fetched."),
    )
}

pub(crate) fn run(matches: &ArgMatches) -> ExitCode {
    let terminal = Terminal::new("setup", matches.get_flag("be_quiet"));
    let result = embed::setup::run(&stage::cache_dir(), &terminal);
    terminal.end();
    match result {
        Ok(report) if matches.get_flag("json_report") => {
            stage::cli::print(&serde_json::to_string(&report).expect("a report is plain data"))
        }
        Ok(report) => stage::cli::print(&report.to_string()),
        Err(error) => stage::cli::fail(&explain(&error, error.hint().as_deref()), 1),
    }
}
