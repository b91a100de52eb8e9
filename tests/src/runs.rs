//! A small run, and helpers to inspect it.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::{succeed, write_texts};

/// The command line of [`small_run`].
pub const SMALL_RUN: [&str; 8] = [
    "run",
    "texts.csv",
    "--encoder",
    "hash",
    "--k",
    "20",
    "--min-cluster-size",
    "8",
];

/// A run of the default recipe on [`write_texts`] in `dir`, into `runs/latest`.
///
/// # Panics
///
/// If it fails.
pub fn small_run(dir: &Path, more: &[&str]) {
    write_texts(dir);
    let words: Vec<&str> = SMALL_RUN
        .iter()
        .chain(&["--quiet"])
        .chain(more)
        .copied()
        .collect();
    succeed(dir, "skerry", &words);
}

/// The standard error of a program.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that a program failed with the exit status `status` and a message that contains all of `fragments`.
///
/// # Panics
///
/// If it was not.
pub fn refused(output: &Output, status: i32, fragments: &[&str]) {
    let errors = errors(output);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    for fragment in fragments {
        assert!(
            errors.contains(fragment),
            "`{fragment}` is not in: {errors}"
        );
    }
}

/// Sets the setting in `line` in the table `[step]` of the run's settings file.
///
/// # Panics
///
/// If there is no such file or table.
pub fn set(dir: &Path, step: &str, line: &str) {
    let path = dir.join("runs/latest/pipeline.toml");
    let text = std::fs::read_to_string(&path).expect("it reads");
    let mut settings: toml::Table = text.parse().expect("it is TOML");
    let added: toml::Table = line.parse().expect("it is TOML");
    let table = settings
        .get_mut(step)
        .and_then(toml::Value::as_table_mut)
        .expect("there is such a table");
    table.extend(added);
    std::fs::write(&path, settings.to_string()).expect("it can be written");
}

/// The `manifest.json` of the run.
///
/// # Panics
///
/// If it cannot be read.
pub fn manifest_of(dir: &Path) -> Value {
    let text = std::fs::read(dir.join("runs/latest/manifest.json")).expect("it reads");
    serde_json::from_slice(&text).expect("it is JSON")
}
