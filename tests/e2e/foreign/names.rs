//! Names of files and directories: files of a run are in its directory, each under its own name.

use pipeline_tests::{command, errors, refused, run, set, small_run, succeed, write_texts};

use super::{by_a_stranger, snapshot, tables};

#[test]
fn file_names_outside_the_run_or_of_its_own_files_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let victim = dir.path().join("victim.html");
    std::fs::write(&victim, "precious").expect("it can be written");
    let absolute = victim.display().to_string();
    let out = dir.path().join("runs/latest");
    let whole = std::fs::read(out.join("pipeline.toml")).expect("it reads");
    let before = snapshot(dir.path());
    for name in [
        absolute.as_str(),
        "../../victim.html",
        "sub/../../../victim.html",
        "manifest.json",
        "Manifest.JSON",
        "pipeline.toml",
        ".lock",
        "",
        "map.html/.",
        "./map.html",
    ] {
        // As an output and as an input, in a run and in a stage run alone.
        for (step, key) in [("viz", "html"), ("viz", "topics"), ("label", "documents")] {
            set(
                dir.path(),
                step,
                &format!("files = {{ {key} = \"{name}\" }}"),
            );
            for words in [
                &["run", "--only", step][..],
                &["run"],
                &[step, "--run", "runs/latest"],
                &["run", "texts.csv", "--config", "runs/latest/pipeline.toml"],
            ] {
                refused(
                    &by_a_stranger(dir.path(), "skerry", words),
                    2,
                    &["is not a name for a file of the run"],
                );
            }
            std::fs::write(out.join("pipeline.toml"), &whole).expect("it can be written");
        }
    }
    // Two names that are the same on some file systems.
    for (one, other) in [
        ("map.html", "MAP.html"),
        ("caf\u{e9}.html", "cafe\u{301}.html"),
    ] {
        let line = format!("files = {{ html = \"{one}\", svg = \"{other}\" }}");
        set(dir.path(), "viz", &line);
        refused(
            &by_a_stranger(dir.path(), "skerry", &["run"]),
            2,
            &["both write"],
        );
        std::fs::write(out.join("pipeline.toml"), &whole).expect("it can be written");
    }
    assert_eq!(snapshot(dir.path()), before);
    assert_eq!(std::fs::read(&victim).expect("it is there"), b"precious");
    // Another name inside the directory is accepted.
    set(dir.path(), "viz", "files = { html = \"my map.html\" }");
    succeed(dir.path(), "skerry", &["run"]);
    assert!(out.join("my map.html").exists());
}

#[test]
fn outputs_that_are_inputs_or_other_outputs_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let before = snapshot(dir.path());
    let out = "runs/latest";
    let refuse = |program: &str, words: &[&str], expected: &[&str]| {
        let output = run(dir.path(), program, words);
        refused(&output, 2, expected);
        assert_eq!(snapshot(dir.path()), before, "{program} {words:?}");
    };
    let same = "runs/../runs/latest/embeddings.parquet";
    let expected = ["embeddings.parquet", "`--neighbors`", "`--embeddings`"];
    refuse(
        "skerry-knn",
        &["--run", out, "--neighbors", same],
        &expected,
    );
    let expected = ["map.svg", "`--html`", "`--svg`"];
    let svg = "runs/latest/map.svg";
    refuse("skerry-viz", &["--run", out, "--html", svg], &expected);
    // The same in a settings file, for a stage run alone and for a run.
    set(
        dir.path(),
        "knn",
        "files = { neighbors = \"embeddings.parquet\" }",
    );
    let before = snapshot(dir.path());
    let output = run(dir.path(), "skerry-knn", &["--run", out]);
    refused(&output, 2, &["embeddings.parquet"]);
    let output = run(dir.path(), "skerry", &["run"]);
    refused(&output, 2, &["embeddings.parquet", "`knn`"]);
    set(
        dir.path(),
        "knn",
        "files = { neighbors = \"neighbors.parquet\" }",
    );
    set(
        dir.path(),
        "viz",
        "files = { html = \"documents.parquet\" }",
    );
    let output = run(dir.path(), "skerry-viz", &["--run", out]);
    refused(
        &output,
        2,
        &["documents.parquet", "`--html`", "`--documents`"],
    );
    assert_eq!(tables(snapshot(dir.path())), tables(before));
}

#[cfg(unix)]
#[test]
fn run_directories_need_not_be_utf8_and_paths_that_are_no_directory_are_reported() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let out = dir.path().join(OsStr::from_bytes(b"caf\xe9"));
    let run_in = |out: &OsStr, more: &[&str]| {
        command(
            dir.path(),
            "skerry",
            &["run", "texts.csv", "--encoder", "hash", "--out"],
        )
        .arg(out)
        .args(more)
        .output()
        .expect("it starts")
    };
    let output = run_in(out.as_os_str(), &[]);
    assert!(output.status.success(), "{}", errors(&output));
    let output = command(dir.path(), "skerry", &["verify"])
        .arg(&out)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", errors(&output));
    std::fs::write(dir.path().join("file"), "").expect("it can be written");
    symlink("nowhere", dir.path().join("dangling")).expect("a link");
    symlink("loop", dir.path().join("loop")).expect("a link");
    for (name, status, expected) in [
        ("file", 2, "file is a file, not a directory"),
        ("file/below", 2, "file is a file, not a directory"),
        (
            "dangling",
            1,
            "dangling is a symbolic link that cannot be followed",
        ),
        ("loop", 1, "loop is a symbolic link that cannot be followed"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            refused(&run_in(OsStr::new(name), more), status, &[expected]);
        }
        let words = ["texts.csv", "--run", name];
        let output = run(dir.path(), "skerry-ingest", &words);
        assert!(!output.status.success());
        assert!(errors(&output).contains(expected), "{}", errors(&output));
    }
}

#[test]
fn a_run_directory_may_begin_with_a_dash() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let words = [
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--k",
        "20",
        "--out=-r",
    ];
    succeed(dir.path(), "skerry", &words);
    succeed(dir.path(), "skerry", &["verify", "--", "-r"]);
    succeed(
        dir.path(),
        "skerry",
        &["run", "--out=-r", "--membership", "2"],
    );
    assert!(dir.path().join("-r/membership.parquet").exists());
}

/// The option and the file have flags of their own.
#[test]
fn soft_membership_can_be_written_under_another_name() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--membership", "3"]);
    set(
        dir.path(),
        "cluster",
        "files = { soft_membership = \"soft.parquet\" }",
    );
    succeed(dir.path(), "skerry", &["run"]);
    assert!(dir.path().join("runs/latest/soft.parquet").exists());
}
