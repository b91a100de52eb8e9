//! Milvus Lite 2.5.1, as the backend starts it on a file.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use knn::backends::milvus::lite_package;

use super::alike::{D, METRICS, ROWS, is_like_flat};
use super::{agreement, command, embeddings, succeeds, wait};

/// Whether Milvus Lite is installed; else the test is counted as skipped.
fn has_lite() -> bool {
    let cache = stage::cache_dir().expect("a cache");
    let is_installed = lite_package::program(&cache).is_file();
    if !is_installed {
        test_support::skip("Milvus Lite is not installed (skerry setup --milvus-lite)");
    }
    is_installed
}

#[test]
fn lite_finds_the_neighbors_of_flat() {
    if !has_lite() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    embeddings(dir.path(), ROWS, D);
    let words = ["--backend", "milvus", "--uri", "milvus.db"];
    is_like_flat(dir.path(), &words, &METRICS, 0.9999);
    let approximate = [&words[..], &["--milvus-index", "ivf_flat"]].concat();
    is_like_flat(dir.path(), &approximate, &METRICS, 0.8);
    // It has no HNSW, which is said in our words, and nothing is written.
    let refused = [&words[..], &["--milvus-index", "HNSW"]].concat();
    let output = command(dir.path(), "none.parquet", &refused)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("does not build the index HNSW") && stderr.contains("FLAT works"),
        "{stderr}"
    );
    assert!(!dir.path().join("none.parquet").exists());
    assert!(running(dir.path()).is_empty());
}

/// The processes whose command line holds the directory.
fn running(dir: &Path) -> Vec<u32> {
    let name = dir.display().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let of_dir = processes.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let is_server = String::from_utf8_lossy(&line).contains(&format!("{name}/milvus.db"));
        let is_zombie = std::fs::read_to_string(entry.path().join("stat"))
            .is_ok_and(|stat| stat.contains(") Z "));
        let id = entry.file_name().to_str()?.parse().ok()?;
        (is_server && !is_zombie && id != std::process::id()).then_some(id)
    });
    of_dir.collect()
}

/// Kills the program while its server runs: the server ends as well, and the next run completes the collection.
#[test]
fn lite_ends_with_the_program_however_that_ends() {
    if !has_lite() {
        return;
    }
    for signal in ["KILL", "INT", "TERM"] {
        let dir = tempfile::tempdir().unwrap();
        embeddings(dir.path(), 30_000, 16);
        let words = [
            "--backend",
            "milvus",
            "--uri",
            "milvus.db",
            "--metric",
            "l2",
        ];
        let mut child: Child = command(dir.path(), "found.parquet", &words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let database = dir.path().join("milvus.db");
        wait("the server starts", || database.exists());
        std::thread::sleep(Duration::from_millis(700));
        let killed = Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        assert!(!child.wait().unwrap().success());
        assert!(!dir.path().join("found.parquet").exists());
        wait("the server ends", || running(dir.path()).is_empty());
        if signal == "KILL" {
            let flat = command(dir.path(), "flat.parquet", &["--metric", "l2"]).output();
            succeeds(&flat.unwrap());
            let again = command(dir.path(), "found.parquet", &words)
                .output()
                .unwrap();
            succeeds(&again);
            assert!(agreement(dir.path(), "found.parquet", "flat.parquet") >= 0.9999);
            assert!(running(dir.path()).is_empty());
        }
    }
}
