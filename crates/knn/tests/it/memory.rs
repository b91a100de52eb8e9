//! What is foreseen against what is taken, by programs of their own.

use std::path::Path;
use std::process::Command;

use artifacts::{Embeddings, Footer};

use crate::data::topics;

/// Rows and values: enough that what grows with them outweighs what does not.
const SIZE: (usize, usize) = (40_000, 192);

/// Runs the program on `embeddings`: the bytes that were foreseen and those that were taken at the peak.
fn run(embeddings: &Path, words: &[&str]) -> (f64, f64) {
    let output = Command::new(env!("CARGO_BIN_EXE_skerry-knn"))
        .arg("--embeddings")
        .arg(embeddings)
        .arg("--neighbors")
        .arg(embeddings.with_file_name("neighbors.parquet"))
        .args(["--threads", "2", "--json"])
        .args(words)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let bytes = |value: &serde_json::Value| value.as_f64().unwrap();
    (
        bytes(&said["estimated_bytes"]),
        bytes(&said["usage"]["peak_memory"]),
    )
}

/// With the guaranteed margin, the fast one, another k, rows set apart, and cells.
#[test]
#[cfg(target_os = "linux")]
fn what_is_foreseen_is_what_is_taken() {
    let (n, d) = SIZE;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("embeddings.parquet");
    let mut values = topics(n, d, 100, 3);
    values[5 * d..6 * d].fill(0.0);
    Embeddings::new(d, values)
        .write(&path, &Footer::default())
        .unwrap();
    for words in [
        &["--backend", "flat", "--k", "50"][..],
        &["--backend", "flat", "--k", "50", "--margin", "fast"],
        &["--backend", "flat", "--k", "10"],
        &["--backend", "partitioned", "--k", "50"],
        &["--backend", "partitioned", "--k", "10", "--cell-size", "64"],
    ] {
        let words = [words, &["--bad-rows", "isolate"]].concat();
        let (foreseen, taken) = run(&path, &words);
        let ratio = foreseen / taken;
        assert!(
            (1.0 / 1.2..1.2).contains(&ratio),
            "{words:?}: foreseen {:.0} MiB, taken {:.0} MiB",
            foreseen / 1_048_576.0,
            taken / 1_048_576.0
        );
    }
}
