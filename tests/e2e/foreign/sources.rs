//! Sources: read only where that is allowed, and never overwritten.

use std::path::Path;

use pipeline_tests::{manifest_of, refused, run, set, small_run, succeed, write_texts};

use super::by_a_stranger;

#[test]
fn the_log_records_absolute_normalized_input_paths() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    std::fs::create_dir(dir.path().join("sub")).expect("it can be made");
    let words = [
        "run",
        "sub/../texts.csv",
        "--encoder",
        "hash",
        "--only",
        "ingest",
    ];
    succeed(dir.path(), "skerry", &words);
    let input = manifest_of(dir.path())["input"][0]
        .as_str()
        .expect("it is text")
        .to_owned();
    assert!(
        !input.contains("..") && input.ends_with("texts.csv"),
        "{input}"
    );
    assert_eq!(
        Path::new(&input).canonicalize().expect("it is there"),
        dir.path()
            .join("texts.csv")
            .canonicalize()
            .expect("it is there")
    );
}

#[test]
fn a_source_that_would_be_overwritten_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let documents = dir.path().join("runs/latest/documents.parquet");
    let before = artifacts::sha256(&documents).expect("it reads");
    for (program, words) in [
        ("skerry", &["run", "runs/latest/documents.parquet"][..]),
        (
            "skerry-ingest",
            &[
                "--run",
                "runs/latest",
                "runs/../runs/latest/documents.parquet",
            ],
        ),
        (
            "skerry-ingest",
            &[
                "--documents",
                "runs/latest/documents.parquet",
                "runs/latest/doc*.parquet",
            ],
        ),
    ] {
        let output = run(dir.path(), program, words);
        refused(&output, 2, &["documents.parquet", "hint: "]);
        let after = artifacts::sha256(&documents).expect("it is there");
        assert_eq!(after, before, "{program} {words:?}");
    }
}

#[test]
fn a_pattern_in_a_run_directory_reads_no_file_outside() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("runs/latest");
    let secret = dir.path().join("secret.csv");
    std::fs::write(&secret, "text\nmy password\nmy other password\nmy third\n")
        .expect("it can be written");
    // The name itself is that of a file inside, which is removed as a temporary file of a writer. As a pattern it matches a
    // link that leads outside.
    let name = ".d.parquet.aaaaaa.tmp";
    std::fs::create_dir_all(out.join("[l]ink")).expect("it can be made");
    std::fs::create_dir_all(out.join("link")).expect("it can be made");
    std::fs::write(out.join("[l]ink").join(name), "x").expect("it can be written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, out.join("link").join(name)).expect("a link");
    let input = out.join("[l]ink").join(name).display().to_string();
    std::fs::write(
        out.join("pipeline.toml"),
        format!(
            "[run]\ninput = [\"{input}\"]\nsteps = [\"ingest\"]\n[ingest]\nformat = \"csv\"\nfiles = {{ documents = \"[l]ink/d.parquet\" }}\n"
        ),
    )
    .expect("it can be written");
    for words in [&["run"][..], &["run", "--from", "ingest"]] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        refused(&output, 1, &["[l]ink", "--allow-external"]);
        assert!(!out.join("[l]ink/d.parquet").exists());
    }
}

#[test]
fn a_step_that_would_overwrite_its_source_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let table = out.join("t.csv");
    std::fs::copy(dir.path().join("texts.csv"), &table).expect("it can be copied");
    let before = artifacts::sha256(&table).expect("it reads");
    set(dir.path(), "viz", "files = { html = \"t.csv\" }");
    for input in ["runs/latest/t.csv", "runs/latest/*.csv"] {
        let words = ["run", input, "--config", "runs/latest/pipeline.toml"];
        let output = run(dir.path(), "skerry", &words);
        refused(&output, 2, &["`viz`", "t.csv", "over its source"]);
        assert_eq!(artifacts::sha256(&table).expect("it is there"), before);
    }
    // A table needs an extension that its readers recognize.
    set(dir.path(), "viz", "files = { map = \"map.arrow\" }");
    let output = run(dir.path(), "skerry", &["run"]);
    refused(&output, 2, &["map.arrow", ".parquet"]);
}
