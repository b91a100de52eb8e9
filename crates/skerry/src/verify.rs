//! `skerry verify`: whether the files of a run are those that were written.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use crate::failure::Failure;
use crate::manifest::{FILE, Manifest};

pub(crate) fn command() -> Command {
    Command::new("verify")
        .about("Recompute the hashes of a run and compare them with its manifest")
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .default_value("runs/latest")
                .help("The directory of the run"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the verdicts as one JSON object"),
        )
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir: &PathBuf = matches.get_one("dir").expect("it has a default");
    let manifest = Manifest::read(dir);
    if manifest.steps.is_empty() {
        let fact = format!("{} has no {FILE} with steps in it", dir.display());
        return Err(Failure::usage(fact, "name the directory of a run"));
    }
    let mut verdicts = Vec::new();
    let mut faults = 0;
    for record in &manifest.steps {
        for (file, written) in &record.outputs {
            let verdict = match artifacts::sha256(&dir.join(file)) {
                Ok(found) if found == *written => "ok",
                Ok(_) => "CHANGED",
                Err(_) => "MISSING",
            };
            faults += usize::from(verdict != "ok");
            verdicts.push((verdict, file, &record.step));
        }
    }
    let text = if matches.get_flag("json") {
        let files = verdicts
            .iter()
            .map(|(verdict, file, step)| json!({ "file": file, "step": step, "verdict": verdict.to_lowercase() }));
        json!({ "files": files.collect::<Vec<_>>(), "faults": faults }).to_string()
    } else {
        let lines = verdicts
            .iter()
            .map(|(verdict, file, step)| format!("{verdict:8} {file}  ({step})"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let status = stage::cli::print(&text);
    if faults > 0 {
        let dir = dir.display();
        return Err(Failure::step(
            format_args!(
                "{faults} files of {dir} are not as the last run left them: damaged, or written since by a stage run alone\n  \
                 hint: `skerry run --out {dir}` makes them again"
            ),
            1,
        ));
    }
    Ok(status)
}
