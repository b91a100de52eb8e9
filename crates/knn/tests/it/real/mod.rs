//! The backend milvus against real servers: Milvus Lite 2.5.1, which `skerry setup --milvus-lite` installs, and those that
//! `cargo xtask ci` installs for the tests, Milvus Lite 3.2.2 and the standalone server 2.3.5.

mod alike;
mod faults;
mod lite;
mod namespace;
mod servers;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use artifacts::{Embeddings, Footer, Neighbors};

use crate::data::topics;

/// Writes `embeddings.parquet` with this number of rows and of values.
fn embeddings(dir: &Path, rows: usize, d: usize) {
    let values = topics(rows, d, 20, 4);
    Embeddings::new(d, values)
        .write(&dir.join("embeddings.parquet"), &Footer::default())
        .unwrap();
}

/// The search of `embeddings.parquet` to the file `out`.
fn command(dir: &Path, out: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-knn"));
    command
        .arg("--embeddings")
        .arg(dir.join("embeddings.parquet"))
        .arg("--neighbors")
        .arg(dir.join(out))
        .args(["--json", "--k", "10", "--recall-sample", "100"])
        .args(words)
        .current_dir(dir)
        .env_remove("MILVUS_URI")
        .env_remove("MILVUS_TOKEN");
    command
}

fn succeeds(output: &Output) -> serde_json::Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The message of a search that fails: it ends with a remedy, shows no password, and nothing is written.
fn fails(dir: &Path, out: &str, output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it succeeds: {message}");
    let last = message.trim_end().lines().last().unwrap_or_default();
    assert!(last.starts_with("  hint: "), "{message}");
    assert!(!message.contains("secret"), "{message}");
    let names = std::fs::read_dir(dir).unwrap().flatten();
    let names: Vec<String> = names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(out)), "{names:?}");
    message
}

/// The share of neighbors that are those of `flat`, or at the same distance up to the rounding of the server.
fn agreement(dir: &Path, found: &str, expected: &str) -> f64 {
    let read = |name: &str| Neighbors::read(&dir.join(name)).unwrap().value;
    let (found, expected) = (read(found), read(expected));
    assert_eq!((found.k, found.len()), (expected.k, expected.len()));
    let k = found.k;
    let mut hits = 0;
    for (found, expected) in found.distances.chunks(k).zip(expected.distances.chunks(k)) {
        let farthest = expected[k - 1] + 1e-5 * (1.0 + expected[k - 1].abs());
        hits += found
            .iter()
            .filter(|&&distance| distance <= farthest)
            .count();
    }
    hits as f64 / found.ids.len() as f64
}

/// Waits until `reached`, at most two minutes: a server that starts on a busy machine needs one.
fn wait(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < Duration::from_mins(2), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
