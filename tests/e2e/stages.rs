//! Each stage's own program, from the files of a run.

use std::path::Path;

use pipeline_tests::{command, run, succeed, write_texts};
use serde_json::Value;

const STAGES: [&str; 7] = [
    "ingest", "embed", "knn", "cluster", "project", "label", "viz",
];

fn prepared(dir: &Path) {
    write_texts(dir);
    succeed(
        dir,
        "skerry",
        &[
            "run",
            "texts.csv",
            "--preset",
            "direct",
            "--encoder",
            "hash",
            "--k",
            "20",
            "--quiet",
        ],
    );
}

#[test]
fn each_stage_runs_alone_and_writes_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    prepared(dir.path());
    let out = dir.path().join("runs/latest");
    let hash = |file: &str| artifacts::sha256(&out.join(file)).expect("it is there");
    let steps: [(&str, &[&str], &str); 7] = [
        ("skerry-ingest", &["texts.csv"], "documents.parquet"),
        ("skerry-embed", &["--encoder", "hash"], "embeddings.parquet"),
        ("skerry-knn", &["--k", "20"], "neighbors.parquet"),
        ("skerry-cluster", &[], "clusters.parquet"),
        ("skerry-project", &[], "projection.parquet"),
        ("skerry-label", &[], "topics.parquet"),
        ("skerry-viz", &[], "map.parquet"),
    ];
    for (program, options, file) in steps {
        let before = hash(file);
        let mut words = vec!["--run", "runs/latest", "--json"];
        words.extend(options);
        let report: Value = serde_json::from_str(&succeed(dir.path(), program, &words))
            .expect("--json prints JSON");
        assert_eq!(
            format!(
                "skerry-{}",
                report["stage"].as_str().expect("it names the stage")
            ),
            program
        );
        assert!(report["usage"]["seconds"].as_f64().expect("it was timed") >= 0.0);
        assert_eq!(hash(file), before, "{program} alone wrote another {file}");
    }
}

#[test]
fn files_can_be_given_by_flags() {
    let dir = tempfile::tempdir().expect("a directory");
    prepared(dir.path());
    let words = [
        "--embeddings",
        "runs/latest/embeddings.parquet",
        "--neighbors",
        "own.parquet",
        "--k",
        "5",
    ];
    succeed(dir.path(), "skerry-knn", &words);
    // The subcommand is the same program.
    let words = [
        "knn",
        "--embeddings",
        "runs/latest/embeddings.parquet",
        "--neighbors",
        "own2.parquet",
        "--k",
        "5",
    ];
    succeed(dir.path(), "skerry", &words);
    let hash = |file: &str| artifacts::sha256(&dir.path().join(file)).expect("it is there");
    assert_eq!(hash("own.parquet"), hash("own2.parquet"));
}

#[test]
fn help_names_files_options_and_defaults() {
    let dir = tempfile::tempdir().expect("a directory");
    for stage in STAGES {
        let help = succeed(dir.path(), &format!("skerry-{stage}"), &["--help"]);
        for word in [
            "--run",
            "--seed",
            "--threads",
            "--json",
            "--quiet",
            "Files:",
            "Options:",
        ] {
            assert!(
                help.contains(word),
                "the help of {stage} lacks {word}:\n{help}"
            );
        }
    }
    let help = succeed(dir.path(), "skerry", &["run", "--help"]);
    for word in [
        "--preset",
        "--force",
        "--from",
        "--only",
        "--dry-run",
        "--min-cluster-size",
        "--text",
        "--model",
    ] {
        assert!(help.contains(word), "the help of run lacks {word}");
    }
    let settings = succeed(dir.path(), "skerry", &["config"]);
    for part in [
        "min_cluster_size =",
        "# command =",
        "# files =",
        "{documents}, {embeddings}",
        "\"hash\"",
        "\"plotly\"",
    ] {
        assert!(settings.contains(part), "config lacks {part}:\n{settings}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_a_hint() {
    let dir = tempfile::tempdir().expect("a directory");
    for (program, words) in [
        ("skerry-knn", &["--k", "5"][..]),
        ("skerry-knn", &["--run", "here", "--k", "many"]),
        (
            "skerry-cluster",
            &[
                "--neighbors",
                "no-such-file.parquet",
                "--clusters",
                "c.parquet",
            ],
        ),
        ("skerry", &["run"]),
        ("skerry", &["run", "x.csv", "--only", "nothing"]),
        ("skerry", &["run", "x.csv", "--set", "knn"]),
        ("skerry", &["no-such-command"]),
    ] {
        let output = run(dir.path(), program, words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{program} {words:?}:\n{errors}"
        );
        assert!(!errors.is_empty());
    }
}

/// What a program says that refuses to work.
fn refusal(dir: &Path, program: &str, words: &[&str], status: i32) -> String {
    let output = run(dir, program, words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(status),
        "{program} {words:?}:\n{errors}"
    );
    assert!(errors.contains("hint: "), "{errors}");
    errors
}

#[test]
fn an_unknown_step_is_reported_with_the_existing_ones() {
    let dir = tempfile::tempdir().expect("a directory");
    prepared(dir.path());
    let words = ["--run", "runs/latest", "--step", "clusters"];
    let errors = refusal(dir.path(), "skerry-cluster", &words, 2);
    assert!(
        errors.contains("no step `clusters`")
            && errors.contains("has: cluster, embed, ingest, knn, label, project, viz"),
        "{errors}"
    );
    let words = ["--run", "runs/latest", "--step", "run"];
    let errors = refusal(dir.path(), "skerry-cluster", &words, 2);
    assert!(errors.contains("no step `run`"), "{errors}");
    let words = ["--embeddings", "e.parquet", "--step", "knn-2"];
    let errors = refusal(dir.path(), "skerry-knn", &words, 2);
    assert!(errors.contains("--config FILE"), "{errors}");
    for flag in ["--from", "--only"] {
        let words = ["run", "texts.csv", "--preset", "direct", flag, "clusters"];
        let errors = refusal(dir.path(), "skerry", &words, 2);
        assert!(
            errors.contains(flag)
                && errors.contains("steps are ingest, embed, knn, cluster, project, label, viz"),
            "{errors}"
        );
    }
}

#[test]
fn a_missing_directory_is_reported_and_not_created() {
    let dir = tempfile::tempdir().expect("a directory");
    let nowhere = dir.path().join("nowhere");
    for program in ["skerry-embed", "skerry-knn", "skerry-cluster", "skerry-viz"] {
        let errors = refusal(dir.path(), program, &["--run", "nowhere"], 2);
        assert!(errors.contains("no directory nowhere"), "{errors}");
        assert!(!nowhere.exists(), "{program} made it");
    }
    let words = ["missing.csv", "--run", "nowhere"];
    refusal(dir.path(), "skerry-ingest", &words, 2);
    assert!(!nowhere.exists());
    write_texts(dir.path());
    let words = ["texts.csv", "--run", "nowhere", "--text", "missing"];
    refusal(dir.path(), "skerry-ingest", &words, 1);
    assert!(!nowhere.exists());
    // What was there stays.
    std::fs::create_dir(&nowhere).expect("it can be made");
    refusal(dir.path(), "skerry-ingest", &words, 1);
    assert!(nowhere.exists());
    let words = ["texts.csv", "--run", "nowhere"];
    succeed(dir.path(), "skerry-ingest", &words);
    assert!(nowhere.join("documents.parquet").exists());
}

#[test]
fn only_regular_files_are_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    std::fs::create_dir(dir.path().join("folder")).expect("it can be made");
    let words = ["texts.csv", "--documents", "folder"];
    let errors = refusal(dir.path(), "skerry-ingest", &words, 2);
    assert!(
        errors.contains("folder is a directory, not a file"),
        "{errors}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo starts").success());
        let words = ["texts.csv", "--documents", "pipe"];
        let errors = refusal(dir.path(), "skerry-ingest", &words, 2);
        assert!(
            errors.contains("a device or a pipe, not a file"),
            "{errors}"
        );
        let kind = pipe.symlink_metadata().expect("it is there").file_type();
        assert!(kind.is_fifo());
    }
}

#[test]
fn non_finite_numbers_are_refused_in_flags_and_files() {
    let dir = tempfile::tempdir().expect("a directory");
    prepared(dir.path());
    for number in ["nan", "inf", "-inf"] {
        let flag = format!("--min-dist={number}");
        let words = ["--run", "runs/latest", &flag];
        let errors = refusal(dir.path(), "skerry-project", &words, 2);
        assert!(
            errors.contains(&format!("`--min-dist` is {number}, not a finite number")),
            "{errors}"
        );
        let settings = dir.path().join("own.toml");
        std::fs::write(&settings, format!("[project]\nmin_dist = {number}\n"))
            .expect("it can be written");
        let words = ["--run", "runs/latest", "--config", "own.toml"];
        let errors = refusal(dir.path(), "skerry-project", &words, 2);
        assert!(
            errors.contains("`min_dist` of `[project]` is")
                && errors.contains("not a finite number"),
            "{errors}"
        );
    }
    for seed in ["-1", "1.5", "\"x\""] {
        let settings = dir.path().join("own.toml");
        std::fs::write(&settings, format!("[run]\nseed = {seed}\n")).expect("it can be written");
        let words = ["--run", "runs/latest", "--config", "own.toml"];
        let errors = refusal(dir.path(), "skerry-project", &words, 2);
        assert!(errors.contains("`seed` of `[run]` is"), "{errors}");
    }
}

/// As in `skerry-ingest --help | head -1`.
#[test]
fn a_closed_output_pipe_is_not_a_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    prepared(dir.path());
    let gone = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    for (program, words) in [
        ("skerry-ingest", &["--help"][..]),
        ("skerry", &["--help"]),
        ("skerry", &["config"]),
        ("skerry", &["verify"]),
        ("skerry-label", &["--run", "runs/latest"]),
    ] {
        let output = command(dir.path(), program, words)
            .stdout(gone())
            .output()
            .expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {words:?}:\n{errors}");
        let status = command(dir.path(), program, words)
            .stdout(std::process::Stdio::null())
            .stderr(gone())
            .status()
            .expect("it starts");
        assert!(status.success(), "{program} {words:?}");
    }
}

#[test]
fn a_damaged_file_is_named_and_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    prepared(dir.path());
    let out = dir.path().join("runs/latest");
    let clusters = artifacts::sha256(&out.join("clusters.parquet")).expect("it is there");
    let whole = std::fs::read(out.join("neighbors.parquet")).expect("it is there");
    std::fs::write(out.join("neighbors.parquet"), &whole[..whole.len() / 2])
        .expect("it can be written");
    let output = run(dir.path(), "skerry-cluster", &["--run", "runs/latest"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("neighbors.parquet") && errors.contains("hint:"),
        "{errors}"
    );
    assert_eq!(
        artifacts::sha256(&out.join("clusters.parquet")).expect("it is there"),
        clusters
    );
    // A file of another kind is refused by name.
    std::fs::copy(out.join("documents.parquet"), out.join("neighbors.parquet"))
        .expect("it can be written");
    let output = run(dir.path(), "skerry-cluster", &["--run", "runs/latest"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("holds documents, not neighbors"));
}
