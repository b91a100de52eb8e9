//! Helpers of the end-to-end tests: programs of the workspace as processes, and small inputs.

mod programs;
mod runs;
mod snapshots;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use programs::program;
pub use runs::{SMALL_RUN, errors, manifest_of, refused, set, small_run};
pub use snapshots::{Transcript, differs_from_snapshot};

/// Runs a program of the workspace in `dir`, with an empty cache.
///
/// # Panics
///
/// If it cannot be started.
pub fn run(dir: &Path, name: &str, arguments: &[&str]) -> Output {
    command(dir, name, arguments)
        .output()
        .expect("the program starts")
}

/// The command that [`run`] runs.
pub fn command(dir: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command
        .args(arguments)
        .current_dir(dir)
        .env("SKERRY_CACHE", dir.join("cache"))
        // The name of a model may not reach the network.
        .env("HF_HOME", dir.join("hf"))
        .env("HF_HUB_OFFLINE", "1");
    command
}

/// Runs a program that has to succeed, and returns its standard output.
///
/// # Panics
///
/// If it fails.
pub fn succeed(dir: &Path, name: &str, arguments: &[&str]) -> String {
    let output = run(dir, name, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name} {arguments:?} failed:\n{errors}"
    );
    String::from_utf8(output.stdout).expect("reports are UTF-8")
}

const SUBJECTS: [(&str, [&str; 8]); 6] = [
    (
        "harbor",
        [
            "ferry",
            "harbor",
            "pilot",
            "dredger",
            "quay",
            "tugboat",
            "mooring",
            "lighthouse",
        ],
    ),
    (
        "oven",
        [
            "baker",
            "sourdough",
            "flour",
            "oven",
            "yeast",
            "crust",
            "pastry",
            "kneading",
        ],
    ),
    (
        "orbit",
        [
            "satellite",
            "orbit",
            "thruster",
            "telescope",
            "launchpad",
            "payload",
            "docking",
            "antenna",
        ],
    ),
    (
        "orchard",
        [
            "orchard",
            "apple",
            "grafting",
            "pruning",
            "blossom",
            "cider",
            "beehive",
            "rootstock",
        ],
    ),
    (
        "court",
        [
            "judge",
            "appeal",
            "verdict",
            "witness",
            "lawsuit",
            "prosecutor",
            "hearing",
            "testimony",
        ],
    ),
    (
        "glacier",
        [
            "glacier",
            "moraine",
            "meltwater",
            "crevasse",
            "icefall",
            "snowpack",
            "fjord",
            "ablation",
        ],
    ),
];

/// Writes a table of 240 texts on six subjects as `texts.csv` in `dir`. Each subject has its own words, chosen by a fixed
/// rule, so that the hash encoder separates the subjects.
///
/// # Panics
///
/// If it cannot be written.
pub fn write_texts(dir: &Path) -> PathBuf {
    let mut csv = String::from("title,description,topic,number\n");
    for at in 0..240usize {
        let (topic, words) = SUBJECTS[at % SUBJECTS.len()];
        let pick = |salt: usize| {
            words[(at / SUBJECTS.len() * 7 + salt * (3 + at % 5) + salt) % words.len()]
        };
        let title = format!("{} {} and the {}", pick(0), pick(1), pick(2));
        let description = format!(
            "{} {} with {}, {} near the {} {}",
            pick(3),
            pick(4),
            pick(5),
            pick(1),
            pick(6),
            at % 17
        );
        writeln!(csv, "{title},\"{description}\",{topic},{at}").expect("a string takes any text");
    }
    let path = dir.join("texts.csv");
    std::fs::write(&path, csv).expect("the directory can be written");
    path
}
