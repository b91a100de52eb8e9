//! Run directories are handed around. One from somebody else runs no program, reads and writes no file elsewhere, and
//! removes nothing but what a run wrote.

mod files;
mod programs;
mod verify;

use std::path::Path;
use std::process::Output;

use pipeline_tests::command;

/// The same command in the hands of somebody else: nothing is remembered of the run.
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
