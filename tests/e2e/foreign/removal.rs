//! A run removes only files that a run wrote.

use pipeline_tests::{errors, manifest_of, refused, run, set, small_run, succeed};
use serde_json::json;

use super::{by_a_stranger, snapshot};

#[test]
fn files_elsewhere_that_the_log_names_are_not_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let victims = [
        dir.path().join("victim.txt"),
        dir.path().join("runs/victim2.txt"),
        // In the directory, but not by us.
        out.join("notes.txt"),
    ];
    for victim in &victims {
        std::fs::write(victim, "precious").expect("it can be written");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&victims[0], out.join("link.txt")).expect("a link");
        std::os::unix::fs::symlink(dir.path(), out.join("up")).expect("a link");
    }
    let hash = artifacts::sha256_of(b"precious");
    let mut manifest = manifest_of(dir.path());
    let mut bonus = manifest["steps"][0].clone();
    bonus["step"] = json!("bonus");
    bonus["outputs"] = json!({
        victims[0].display().to_string(): hash,
        "../victim2.txt": hash,
        "sub/../../victim2.txt": hash,
        "notes.txt": "00",
        "link.txt": hash,
        "up/victim.txt": hash,
        "pipeline.toml": hash,
        "Manifest.JSON": hash,
    });
    manifest["steps"]
        .as_array_mut()
        .expect("a list")
        .push(bonus);
    let log = out.join("manifest.json");
    std::fs::write(&log, manifest.to_string()).expect("it can be written");

    let verdict = by_a_stranger(dir.path(), "skerry", &["verify"]);
    assert_eq!(verdict.status.code(), Some(1));
    let text = String::from_utf8_lossy(&verdict.stdout).into_owned();
    for name in ["../victim2.txt", "victim.txt", "up/victim.txt"] {
        assert!(
            text.lines()
                .any(|line| line.starts_with("OUTSIDE") && line.contains(name)),
            "{text}"
        );
    }
    let before = snapshot(dir.path());
    let resumed = by_a_stranger(dir.path(), "skerry", &["run"]);
    assert!(resumed.status.success(), "{}", errors(&resumed));
    assert_eq!(snapshot(dir.path()), before);
    for victim in &victims {
        assert_eq!(std::fs::read(victim).expect("it is there"), b"precious");
    }
    #[cfg(unix)]
    assert!(out.join("link.txt").is_symlink());
}

#[test]
fn outputs_that_the_settings_no_longer_write_are_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    succeed(dir.path(), "skerry", &["run", "--membership", "3"]);
    assert!(out.join("membership.parquet").exists());
    succeed(dir.path(), "skerry", &["run", "--membership", "0"]);
    assert!(!out.join("membership.parquet").exists());
    // A file of that name that no run wrote is kept, and the report says so.
    std::fs::write(out.join("membership.parquet"), "my notes").expect("it can be written");
    let output = run(dir.path(), "skerry", &["run", "--min-cluster-size", "9"]);
    assert!(output.status.success());
    assert!(
        errors(&output).contains("left membership.parquet"),
        "{}",
        errors(&output)
    );
    assert!(out.join("membership.parquet").exists());
}

#[cfg(unix)]
#[test]
fn temporary_files_behind_a_link_are_not_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let litter = elsewhere.path().join(".report.aB3xY9.tmp");
    std::fs::write(&litter, "mine").expect("it can be written");
    std::os::unix::fs::symlink(elsewhere.path(), out.join("up")).expect("a link");
    // An output that these settings do not even write.
    set(
        dir.path(),
        "cluster",
        "files = { soft_membership = \"up/report\" }",
    );
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 1, &["lies outside the run"]);
    assert!(litter.exists());
}
