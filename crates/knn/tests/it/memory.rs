//! The memory estimate against the peak memory of the program.

use std::path::Path;
use std::process::Command;

use artifacts::{Embeddings, Footer};

use crate::data::topics;

/// Rows and values: enough that what grows with them outweighs what does not.
const SIZE: (usize, usize) = (40_000, 192);

/// Runs the program on `embeddings`: the estimated bytes and the peak.
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
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let bytes = |value: &serde_json::Value| value.as_f64().unwrap();
    (
        bytes(&report["estimated_bytes"]),
        bytes(&report["usage"]["peak_memory"]),
    )
}

/// With brute force, another k, isolated rows, and inverted lists.
#[test]
#[cfg(target_os = "linux")]
fn the_estimate_is_near_the_peak() {
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
        &["--backend", "flat", "--k", "10"],
        &["--backend", "partitioned", "--k", "50"],
        &["--backend", "partitioned", "--k", "10", "--list-size", "64"],
    ] {
        let words = [words, &["--bad-rows", "isolate"]].concat();
        let (estimate, peak) = run(&path, &words);
        let ratio = estimate / peak;
        assert!(
            (1.0 / 1.2..1.2).contains(&ratio),
            "{words:?}: estimate {:.0} MiB, peak {:.0} MiB",
            estimate / 1_048_576.0,
            peak / 1_048_576.0
        );
    }
}
