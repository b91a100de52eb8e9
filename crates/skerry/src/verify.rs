//! `skerry verify`: whether the files of a run are those that were written.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};

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
}

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir: &PathBuf = matches.get_one("dir").expect("it has a default");
    let manifest = Manifest::read(dir);
    if manifest.steps.is_empty() {
        let fact = format!("{} has no {FILE} with steps in it", dir.display());
        return Err(Failure::usage(fact, "name the directory of a run"));
    }
    let mut lines = Vec::new();
    let mut faults = 0;
    for record in &manifest.steps {
        for (file, written) in &record.outputs {
            let verdict = match artifacts::sha256(&dir.join(file)) {
                Ok(found) if found == *written => "ok",
                Ok(_) => "CHANGED",
                Err(_) => "MISSING",
            };
            faults += usize::from(verdict != "ok");
            lines.push(format!("{verdict:8} {file}  ({})", record.step));
        }
    }
    let status = stage::cli::print(&lines.join("\n"));
    if faults > 0 {
        return Err(Failure::step(
            format_args!(
                "{faults} files of {} are not as they were written",
                dir.display()
            ),
            1,
        ));
    }
    Ok(status)
}
