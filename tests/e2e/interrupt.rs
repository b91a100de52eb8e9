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
fn an_interrupted_run_continues_with_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    for file in ["documents.parquet", "neighbors.parquet", "mst.parquet"] {
        kill_after(dir.path(), file);
    }
    // What a writer that was killed leaves beside its file is no stumbling block.
    std::fs::write(dir.path().join("out/.clusters.parquet.aB3xY9.tmp"), "half")
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

/// Hidden files that writers leave.
fn litter(dir: &Path) -> Vec<String> {
    std::fs::read_dir(dir)
        .expect("it can be listed")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with('.') && name != ".lock")
        .collect()
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_current_step() {
    use std::io::Read as _;
    use std::os::unix::process::ExitStatusExt as _;

    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let words = |out: &'static str, more: &[&'static str]| {
        let mut words = WORDS.to_vec();
        words[7] = out;
        words.extend(["--preset", "direct"]);
        words.extend(more);
        words
    };
    let hash = |out: &str| {
        artifacts::sha256(&dir.path().join(out).join("projection.parquet")).expect("it is there")
    };
    succeed(
        dir.path(),
        "skerry",
        &words("whole", &["--min-dist", "0.5"]),
    );
    for (signal, out, code) in [
        ("INT", "interrupted", Some(130)),
        ("TERM", "ended", Some(143)),
        ("KILL", "killed", None),
    ] {
        // A layout that takes long, once its inputs are there.
        let endless = words(out, &["--epochs", "1000000"]);
        let mut process = command(dir.path(), "skerry", &endless)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let clusters = dir.path().join(out).join("manifest.json");
        let began = Instant::now();
        let at_work =
            || std::fs::read_to_string(&clusters).is_ok_and(|log| log.contains("clusters.parquet"));
        while !at_work() {
            assert!(
                began.elapsed() < Duration::from_mins(2)
                    && process.try_wait().expect("it can be asked").is_none(),
                "no clusters"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = std::process::Command::new("kill")
            .args([format!("-{signal}"), process.id().to_string()])
            .status();
        assert!(sent.expect("there is a kill").success());
        let mut errors = process.stderr.take().expect("it is piped");
        let status = process.wait().expect("it ends");
        assert_eq!(status.code(), code, "{signal}");
        assert_eq!(status.signal(), code.is_none().then_some(9), "{signal}");
        if code.is_some() {
            assert_eq!(litter(&dir.path().join(out)), Vec::<String>::new());
        }
        // At once, with other settings: what the old step may still do is not mixed into it.
        succeed(dir.path(), "skerry", &words(out, &["--min-dist", "0.5"]));
        assert_eq!(hash(out), hash("whole"), "{signal}");
        // The end of this comes when no process of the old run lives.
        let mut message = String::new();
        errors.read_to_string(&mut message).expect("it is text");
        assert_eq!(
            message.contains("interrupted; "),
            code.is_some(),
            "{message}"
        );
    }
}

/// The log is written between two steps, when a signal ends the run at once.
#[cfg(unix)]
#[test]
fn a_signal_does_not_truncate_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    for attempt in 0..8 {
        let name = format!("out {attempt}");
        let mut words = WORDS;
        words[7] = &name;
        let out = dir.path().join(&name);
        std::fs::create_dir(&out).expect("it can be made");
        let mut process = command(dir.path(), "skerry", &words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let id = process.id().to_string();
        let mut temporary = 0;
        // The log is first written before the first step; each attempt waits for another one.
        while temporary <= attempt && process.try_wait().expect("it can be asked").is_none() {
            temporary += usize::from(litter(&out).iter().any(|name| name.contains("manifest")));
        }
        // The program may have ended by itself.
        let _ = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .stderr(Stdio::null())
            .status();
        process.wait().expect("it ends");
        assert_eq!(litter(&out), Vec::<String>::new(), "attempt {attempt}");
        succeed(dir.path(), "skerry", &words);
    }
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
    assert!(String::from_utf8_lossy(&output.stderr).contains("another run is in progress"));
    let words = ["--run", "out", "texts.csv"];
    let output = run(dir.path(), "skerry-ingest", &words);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another run is in progress"));
    drop(lock);
    succeed(dir.path(), "skerry-ingest", &words);
}
