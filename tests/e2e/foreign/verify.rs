//! What `skerry verify` and the messages say of a run directory.

use pipeline_tests::{errors, manifest_of, refused, run, set, small_run, succeed};
use serde_json::json;

use super::by_a_stranger;

#[test]
fn verify_reports_missing_files_and_stale_steps() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let complete = succeed(dir.path(), "skerry", &["verify"]);
    assert!(
        !complete.contains("MISSING") && !complete.contains("stale"),
        "{complete}"
    );
    // Stale: another setting, and a step that was not redone.
    succeed(
        dir.path(),
        "skerry",
        &["run", "--only", "cluster", "--min-cluster-size", "9"],
    );
    let stale = succeed(dir.path(), "skerry", &["verify"]);
    for step in ["label", "viz"] {
        assert!(
            stale
                .lines()
                .any(|line| line.starts_with(&format!("stale    {step}:"))),
            "{stale}"
        );
    }
    // Unfinished: as a run leaves it that was killed before the last step.
    let mut manifest = manifest_of(dir.path());
    let steps = manifest["steps"].as_array_mut().expect("a list");
    steps.retain(|step| step["step"] != "viz");
    let out = dir.path().join("runs/latest");
    std::fs::write(out.join("manifest.json"), manifest.to_string()).expect("it can be written");
    std::fs::remove_file(out.join("map.html")).expect("it is there");
    let output = run(dir.path(), "skerry", &["verify"]);
    refused(&output, 1, &["unfinished", "viz"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("MISSING  map.html") && text.contains("MISSING  viz: it has not run"),
        "{text}"
    );
    // Nothing but settings: all of it is missing.
    std::fs::remove_file(out.join("manifest.json")).expect("it is there");
    refused(
        &run(dir.path(), "skerry", &["verify"]),
        1,
        &["unfinished", "ingest"],
    );
}

#[test]
fn verify_and_the_summary_do_not_access_files_outside() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let whole = std::fs::read(out.join("pipeline.toml")).expect("it reads");
    let secret = dir.path().join("secret.html");
    std::fs::write(&secret, "s").expect("it can be written");
    set(
        dir.path(),
        "viz",
        &format!("files = {{ html = \"{}\" }}", secret.display()),
    );
    let output = by_a_stranger(dir.path(), "skerry", &["verify"]);
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stdout).contains("secret"));
    std::fs::write(out.join("pipeline.toml"), &whole).expect("it can be written");
    // The summary names the page that was written, not another one in the directory.
    set(dir.path(), "viz", "files = { html = \"mine.html\" }");
    std::fs::write(out.join("map.html"), "<script>evil()</script>").expect("it can be written");
    let output = by_a_stranger(dir.path(), "skerry", &["run", "--from", "viz"]);
    assert!(output.status.success(), "{}", errors(&output));
    let summary = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        summary.contains("mine.html") && !summary.contains("map.html"),
        "{summary}"
    );
}

#[test]
fn control_characters_in_names_are_escaped() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let whole = std::fs::read(out.join("manifest.json")).expect("it reads");
    let mut manifest = manifest_of(dir.path());
    manifest["steps"][0]["outputs"]["\u{1b}[2J\u{1b}]52;c;cm0=\u{7}\u{202e}x.parquet"] =
        json!("00");
    for words in [
        &["verify"][..],
        &["verify", "--json"],
        &["run", "--json"],
        &["run"],
        &["run", "--dry-run"],
    ] {
        std::fs::write(out.join("manifest.json"), manifest.to_string()).expect("it can be written");
        let output = by_a_stranger(dir.path(), "skerry", words);
        for bytes in [&output.stdout, &output.stderr] {
            assert!(!bytes.contains(&0x1b) && !bytes.contains(&7), "{words:?}");
            assert!(
                !String::from_utf8_lossy(bytes).contains('\u{202e}'),
                "{words:?}"
            );
        }
    }
    std::fs::write(out.join("manifest.json"), whole).expect("it can be written");
    // A step cannot be called so that it passes for a message.
    set(
        dir.path(),
        "run",
        "steps = [\"ingest\", \"x]`: fine\\n  hint: add --allow-commands\"]",
    );
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 2, &["is not a name for a step"]);
    assert!(
        !errors(&output).contains("\n  hint: add"),
        "{}",
        errors(&output)
    );
}

/// Every file of an older run is still there: only the log tells that the last run stopped.
#[test]
fn an_interrupted_run_is_unfinished() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    succeed(dir.path(), "skerry", &["verify"]);
    let input = manifest_of(dir.path())["input"].clone();
    // The encoder that this names is not there: ingest ends well, embed does not.
    let broken = [
        "run",
        "--limit",
        "100",
        "--encoder",
        "onnx",
        "--model",
        "none.onnx",
    ];
    let output = run(dir.path(), "skerry", &broken);
    assert!(!output.status.success());
    assert_eq!(manifest_of(dir.path())["unfinished"], "embed");
    let output = run(dir.path(), "skerry", &["verify"]);
    refused(&output, 1, &["unfinished", "stopped at embed"]);
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(listed.contains("UNFINISHED embed: "), "{listed}");
    let output = run(dir.path(), "skerry", &["verify", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(found["steps"][0]["verdict"], "unfinished");
    // The next run completes it, and a run that ends well leaves no mark, also where it does little.
    small_run(dir.path(), &[]);
    let manifest = manifest_of(dir.path());
    assert_eq!(
        (&manifest["unfinished"], &manifest["input"]),
        (&json!(null), &input)
    );
    succeed(dir.path(), "skerry", &["verify"]);
    succeed(dir.path(), "skerry", &["run", "--only", "viz"]);
    succeed(dir.path(), "skerry", &["verify"]);
}

#[test]
fn verify_checks_tables_and_outputs_that_are_not_in_the_log() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let complete = |expected: bool| {
        let output = run(dir.path(), "skerry", &["verify", "--json"]);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        assert_eq!(found["complete"], expected, "{found}");
        assert_eq!(output.status.code(), Some(i32::from(!expected)));
    };
    let verdict = |expected: &str| {
        let output = run(dir.path(), "skerry", &["verify"]);
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(listed.contains(expected), "`{expected}` is not in {listed}");
    };
    succeed(dir.path(), "skerry", &["sweep", "--run", "runs/latest"]);
    complete(true);
    verdict("ok       sweep.parquet");
    // Cut short, and another table under its name.
    let sweep = out.join("sweep.parquet");
    let whole = std::fs::read(&sweep).expect("it reads");
    let topics = std::fs::read(out.join("topics.parquet")).expect("it reads");
    for content in [&whole[..whole.len() / 2], &topics] {
        std::fs::write(&sweep, content).expect("it can be written");
        verdict("CHANGED  sweep.parquet");
        complete(false);
    }
    std::fs::write(&sweep, whole).expect("it can be written");
    complete(true);
    // A file under the name of an output that the log does not know is no output of the run.
    let mut manifest = manifest_of(dir.path());
    let steps = manifest["steps"].as_array_mut().expect("a list");
    let viz = steps.iter_mut().find(|step| step["step"] == "viz");
    let outputs = viz.expect("it ran")["outputs"].as_object_mut();
    outputs.expect("an object").remove("map.html");
    std::fs::write(out.join("manifest.json"), manifest.to_string()).expect("it can be written");
    verdict("CHANGED  map.html");
    complete(false);
}

/// Whoever puts a link there later is not expected that the manifest lies.
#[cfg(unix)]
#[test]
fn verify_reports_links_as_links() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let moved = dir.path().join("map.html");
    std::fs::rename(out.join("map.html"), &moved).expect("it can be moved");
    std::os::unix::fs::symlink(&moved, out.join("map.html")).expect("a link");
    let output = run(dir.path(), "skerry", &["verify"]);
    refused(
        &output,
        1,
        &["map.html", "lies outside the run", "leads to"],
    );
    assert!(!errors(&output).contains("manifest"), "{}", errors(&output));
}

#[test]
fn a_run_that_stopped_before_its_first_step_is_unfinished() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    set(dir.path(), "run", "steps = []");
    refused(
        &run(dir.path(), "skerry", &["run"]),
        2,
        &["`steps` of `[run]` is empty"],
    );
    small_run(dir.path(), &[]);
    // The first step fails: no file has changed, but the requested run is incomplete.
    let words = ["run", "texts.csv", "--encoder", "hash", "--text", "nowhere"];
    let output = run(dir.path(), "skerry", &words);
    assert!(!output.status.success());
    assert_eq!(manifest_of(dir.path())["unfinished"], "ingest");
    refused(
        &run(dir.path(), "skerry", &["verify"]),
        1,
        &["unfinished", "stopped at ingest"],
    );
}
