//! The backend milvus against real servers: Milvus Lite 2.5.1, which `skerry setup --milvus-lite` installs, and those of the
//! environment variable.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use artifacts::{Embeddings, Footer, Neighbors};
use knn::backends::milvus::lite_package;

use crate::data::topics;

/// Addresses of further servers, separated by blanks, each with an optional token after a comma.
const SERVERS: &str = "SKERRY_TEST_MILVUS";

const D: usize = 16;

/// Whether Milvus Lite is installed; else the test is counted as skipped.
fn has_lite() -> bool {
    let cache = stage::cache_dir().expect("a cache");
    let is_installed = lite_package::program(&cache).is_file();
    if !is_installed {
        test_support::skip("Milvus Lite is not installed (skerry setup --milvus-lite)");
    }
    is_installed
}

fn embeddings(dir: &Path, rows: usize) -> Vec<f32> {
    let values = topics(rows, D, 20, 4);
    Embeddings::new(D, values.clone())
        .write(&dir.join("embeddings.parquet"), &Footer::default())
        .unwrap();
    values
}

fn command(dir: &Path, out: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-knn"));
    command
        .arg("--embeddings")
        .arg(dir.join("embeddings.parquet"))
        .arg("--neighbors")
        .arg(dir.join(out))
        .args(["--json", "--k", "10"])
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

/// Searches with `words`, twice, and compares with `flat`.
fn is_like_flat(dir: &Path, words: &[&str], least: f64) {
    for metric in ["l2", "cosine", "ip"] {
        let flat = command(dir, "flat.parquet", &["--metric", metric]).output();
        succeeds(&flat.unwrap());
        let words = [words, &["--metric", metric]].concat();
        for (run, inserted) in [(1, 3000), (2, 0)] {
            let report = succeeds(&command(dir, "found.parquet", &words).output().unwrap());
            assert_eq!(report["backend"], "milvus");
            assert_eq!(
                report["engine"]["rows_inserted"]["now"], inserted,
                "run {run}"
            );
            assert_eq!(report["filled"], 0);
            let same = agreement(dir, "found.parquet", "flat.parquet");
            assert!(same >= least, "{words:?}: {same}");
        }
        let words = [&words[..], &["--drop"]].concat();
        let report = succeeds(&command(dir, "found.parquet", &words).output().unwrap());
        assert_eq!(report["engine"]["dropped"], true);
    }
}

#[test]
fn lite_finds_the_neighbors_of_flat() {
    if !has_lite() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    embeddings(dir.path(), 3000);
    let words = ["--backend", "milvus", "--uri", "milvus.db"];
    is_like_flat(dir.path(), &words, 0.9999);
    let approximate = [&words[..], &["--milvus-index", "ivf_flat"]].concat();
    is_like_flat(dir.path(), &approximate, 0.8);
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

#[test]
fn other_servers_find_the_neighbors_of_flat() {
    let Ok(servers) = std::env::var(SERVERS) else {
        test_support::skip("no other server of Milvus is named by SKERRY_TEST_MILVUS");
        return;
    };
    for server in servers.split_whitespace() {
        let (uri, token) = server.split_once(',').unwrap_or((server, ""));
        let dir = tempfile::tempdir().unwrap();
        embeddings(dir.path(), 3000);
        let mut words = vec!["--backend", "milvus", "--uri", uri];
        if !token.is_empty() {
            words.extend(["--token", token]);
        }
        is_like_flat(dir.path(), &words, 0.9999);
        let graph = [&words[..], &["--milvus-index", "HNSW"]].concat();
        is_like_flat(dir.path(), &graph, 0.9);
    }
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

/// Waits until `reached`, at most half a minute.
fn wait(what: &str, mut reached: impl FnMut() -> bool) {
    let began = Instant::now();
    while !reached() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Kills the program while its server runs: the server ends as well, and the next run completes the collection.
#[cfg(target_os = "linux")]
#[test]
fn lite_ends_with_the_program_however_that_ends() {
    if !has_lite() {
        return;
    }
    for signal in ["KILL", "INT", "TERM"] {
        let dir = tempfile::tempdir().unwrap();
        embeddings(dir.path(), 30_000);
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
