//! `skerry verify`: whether the files of a run are those that were written.

use std::path::{Path, PathBuf};
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

const OK: &str = "ok";

pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let dir: &PathBuf = matches.get_one("dir").expect("it has a default");
    let manifest = Manifest::read(dir).map_err(|why| {
        Failure::work(
            format_args!(
                "{} cannot be read\n  because: {why}",
                dir.join(FILE).display()
            ),
            format_args!("`skerry run --out {}` makes the files again", dir.display()),
            1,
        )
    })?;
    if manifest.steps.is_empty() {
        let fact = format!("{} has no {FILE} with steps in it", dir.display());
        return Err(Failure::usage(fact, "name the directory of a run"));
    }
    let mut verdicts = Vec::new();
    for record in &manifest.steps {
        for (file, written) in &record.outputs {
            let verdict = match artifacts::sha256(&dir.join(file)) {
                Ok(found) if found == *written => OK,
                Ok(_) => "CHANGED",
                Err(_) => "MISSING",
            };
            verdicts.push((verdict, file.clone(), record.step.as_str()));
        }
    }
    let faults = verdicts
        .iter()
        .filter(|(verdict, ..)| *verdict != OK)
        .count();
    // Written by something else, say a sweep: whether it is whole is not known here.
    for file in tables(dir) {
        if !verdicts.iter().any(|(_, known, _)| *known == file) {
            verdicts.push(("unknown", file, "no step of the run"));
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
        return Err(Failure::work(
            format_args!(
                "{faults} files of {dir} are not as the last run left them: damaged, or written since by a stage run alone"
            ),
            format_args!("`skerry run --out {dir}` makes them again"),
            1,
        ));
    }
    Ok(status)
}

/// The Parquet files in `dir`, by name.
fn tables(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".parquet"))
        .collect();
    names.sort();
    names
}
