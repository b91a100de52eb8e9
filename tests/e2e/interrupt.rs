//! A run that is killed leaves nothing broken, and the next one goes on.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use pipeline_tests::{command, run, succeed, write_texts};

const WORDS: [&str; 8] = [
    "run",
    "texts.csv",
    "--encoder",
    "hash",
    "--k",
    "20",
    "--out",
    "out",
];

/// Starts the pipeline and kills it as soon as `file` is there.
fn kill_after(dir: &Path, file: &str) {
    let mut process = command(dir, "skerry", &WORDS);
    let mut process = process
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let began = Instant::now();
    while !dir.join("out").join(file).exists()
        && process.try_wait().expect("it can be asked").is_none()
    {
        assert!(
            began.elapsed() < Duration::from_mins(2),
            "{file} never came"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    process.kill().ok();
    process.wait().expect("it ends");
}

#[test]
fn the_next_run_goes_on_and_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    for file in ["documents.parquet", "neighbors.parquet", "mst.parquet"] {
        kill_after(dir.path(), file);
    }
    // What a writer that was killed leaves beside its file is no stumbling block.
    std::fs::write(dir.path().join("out/.clusters.parquet.abc.tmp"), "half")
        .expect("it can be written");
    let report = succeed(dir.path(), "skerry", &WORDS);
    assert!(report.contains("kept"), "nothing was kept:\n{report}");
    let mut whole = WORDS;
    whole[7] = "whole";
    succeed(dir.path(), "skerry", &whole);
    for file in [
        "documents",
        "embeddings",
        "neighbors",
        "clusters",
        "projection",
        "topics",
        "map",
    ] {
        let hash = |out: &str| {
            artifacts::sha256(&dir.path().join(out).join(format!("{file}.parquet")))
                .expect("it is there")
        };
        assert_eq!(
            hash("out"),
            hash("whole"),
            "{file}.parquet differs after the interruption"
        );
    }
    let litter: Vec<_> = std::fs::read_dir(dir.path().join("out"))
        .expect("it can be listed")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains("clusters") && name != "clusters.parquet")
        .collect();
    assert_eq!(litter, Vec::<String>::new());
}

#[test]
fn two_runs_do_not_share_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    std::fs::create_dir_all(dir.path().join("out")).expect("it can be made");
    let lock = std::fs::File::create(dir.path().join("out/.lock")).expect("it can be made");
    lock.lock().expect("it can be locked");
    let output = run(dir.path(), "skerry", &WORDS);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another run is at work"));
}
