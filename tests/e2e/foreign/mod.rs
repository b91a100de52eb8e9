//! Run directories are passed between people. One from somebody else runs no program, reads and writes no file outside, and
//! removes only files that a run wrote.

mod links;
mod names;
mod programs;
mod removal;
mod sources;
mod verify;

use std::path::Path;
use std::process::Output;

use pipeline_tests::command;

/// The command as run by another user: no setting of the run is remembered.
fn by_a_stranger(dir: &Path, program: &str, words: &[&str]) -> Output {
    command(dir, program, words)
        .env("SKERRY_CACHE", dir.join("cache of the stranger"))
        .output()
        .expect("it starts")
}

/// All files of the run with their hashes, but for the log, which is written by every run.
fn snapshot(dir: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(dir.join("runs/latest"))
        .expect("it can be listed")
        .map(|entry| entry.expect("it is there").path())
        .filter(|path| path.is_file() && !path.ends_with("manifest.json"))
        .map(|path| {
            let hash = artifacts::sha256(&path).expect("it reads");
            (path.display().to_string(), hash)
        })
        .collect();
    files.sort();
    files
}

/// The tables among `files`: settings may have been edited.
fn tables(files: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_table = |file: &(String, String)| file.0.ends_with(".parquet");
    files.into_iter().filter(is_table).collect()
}
