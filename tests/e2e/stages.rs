//! Each stage's own program, from the files of a run.

use std::path::Path;

use pipeline_tests::{run, succeed, write_texts};
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
fn each_runs_alone_and_writes_the_same_bytes() {
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
fn files_can_be_named_one_by_one() {
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

#[test]
fn a_damaged_file_is_named_and_nothing_is_lost() {
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
