//! Symbolic links and pipes in place of files of the run.

use std::path::Path;

use pipeline_tests::{command, errors, refused, run, set, small_run};

use super::{by_a_stranger, snapshot, tables};

#[cfg(unix)]
#[test]
fn links_out_of_the_run_are_refused() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let victim = elsewhere.path().join("victim");
    std::fs::write(&victim, "precious").expect("it can be written");
    // A directory of the run that is a link.
    symlink(elsewhere.path(), out.join("plots")).expect("a link");
    let whole = std::fs::read(out.join("pipeline.toml")).expect("it reads");
    set(dir.path(), "viz", "files = { html = \"plots/victim\" }");
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 1, &["lies outside the run", "plots/victim"]);
    let output = by_a_stranger(dir.path(), "skerry", &["viz", "--run", "runs/latest"]);
    refused(&output, 1, &["lies outside the run", "plots/victim"]);
    std::fs::write(out.join("pipeline.toml"), &whole).expect("it can be written");
    // Files of the run, and the run's own, that are links.
    for name in [
        "map.html",
        "mst.parquet",
        "pipeline.toml",
        "manifest.json",
        ".lock",
    ] {
        let path = out.join(name);
        let kept = std::fs::read(&path).expect("it reads");
        for target in [victim.as_path(), Path::new("/no/such/place")] {
            std::fs::remove_file(&path).expect("it is there");
            symlink(target, &path).expect("a link");
            let output = by_a_stranger(dir.path(), "skerry", &["run"]);
            refused(&output, 1, &[name]);
            assert!(path.is_symlink(), "{name}");
        }
        std::fs::remove_file(&path).expect("it is there");
        std::fs::write(&path, kept).expect("it can be written");
    }
    // Standard input is not copied through a link either.
    let copy = out.join(".standard input.tmp");
    symlink(&victim, &copy).expect("a link");
    let words = [
        "run",
        "-",
        "--format",
        "csv",
        "--encoder",
        "hash",
        "--quiet",
    ];
    let csv = std::fs::File::open(dir.path().join("texts.csv")).expect("it reads");
    let output = command(dir.path(), "skerry", &words)
        .stdin(csv)
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(std::fs::read(&victim).expect("it is there"), b"precious");
    // An input of a stage that a link leads elsewhere is read only if that is allowed.
    let moved = elsewhere.path().join("embeddings.parquet");
    std::fs::rename(out.join("embeddings.parquet"), &moved).expect("it can be moved");
    symlink(&moved, out.join("embeddings.parquet")).expect("a link");
    let words = ["knn", "--run", "runs/latest"];
    refused(
        &by_a_stranger(dir.path(), "skerry", &words),
        1,
        &["--allow-external", "embeddings"],
    );
    let words = ["knn", "--run", "runs/latest", "--allow-external"];
    let output = by_a_stranger(dir.path(), "skerry", &words);
    assert!(output.status.success(), "{}", errors(&output));
}

#[cfg(unix)]
#[test]
fn an_output_that_links_to_an_input_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    std::os::unix::fs::symlink("embeddings.parquet", out.join("alias.parquet")).expect("a link");
    let before = snapshot(dir.path());
    set(
        dir.path(),
        "knn",
        "files = { neighbors = \"alias.parquet\" }",
    );
    // Before any step, also one that comes earlier.
    let output = run(dir.path(), "skerry", &["run", "--force"]);
    refused(&output, 2, &["alias.parquet", "`knn`", "`embeddings`"]);
    assert_eq!(tables(snapshot(dir.path())), tables(before));
}

#[cfg(unix)]
#[test]
fn links_to_the_settings_or_the_log_are_refused_and_their_targets_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    std::os::unix::fs::symlink(".", out.join("sub")).expect("a link");
    let whole = std::fs::read(out.join("pipeline.toml")).expect("it reads");
    let log = std::fs::read(out.join("manifest.json")).expect("it reads");
    set(dir.path(), "viz", "files = { svg = \"sub/pipeline.toml\" }");
    let changed = std::fs::read(out.join("pipeline.toml")).expect("it reads");
    for words in [&["run"][..], &["viz", "--run", "runs/latest"]] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        refused(
            &output,
            2,
            &["sub/pipeline.toml", "belongs to the run itself"],
        );
        let now = std::fs::read(out.join("pipeline.toml")).expect("it is there");
        assert!(now == changed, "{words:?}");
    }
    std::fs::write(out.join("pipeline.toml"), whole).expect("it can be written");
    // What a step writes is not removed under another name.
    let mut manifest: serde_json::Value = serde_json::from_slice(&log).expect("it is JSON");
    let mut bonus = manifest["steps"][0].clone();
    bonus["step"] = "bonus".into();
    let hash = |name: &str| artifacts::sha256(&out.join(name)).expect("it reads");
    let names = ["map.html", "pipeline.toml", "embeddings.parquet"];
    let outputs = names.map(|name| (format!("sub/{name}"), hash(name).into()));
    bonus["outputs"] = serde_json::Value::Object(outputs.into_iter().collect());
    let steps = manifest["steps"].as_array_mut().expect("a list");
    steps.push(bonus);
    std::fs::write(out.join("manifest.json"), manifest.to_string()).expect("it can be written");
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    assert!(output.status.success(), "{}", errors(&output));
    for name in names {
        assert!(out.join(name).exists(), "{name} was removed");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_blocks_no_command() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    let fifo = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo is there").success());
    };
    for name in ["mst.parquet", "manifest.json", "pipeline.toml"] {
        let kept = std::fs::read(out.join(name)).expect("it reads");
        std::fs::remove_file(out.join(name)).expect("it is there");
        fifo(&out.join(name));
        for words in [&["verify"][..], &["run", "--dry-run"], &["run"]] {
            let output = by_a_stranger(dir.path(), "skerry", words);
            if words != ["run", "--dry-run"] {
                assert!(!output.status.success(), "{name} {words:?}");
            }
        }
        std::fs::remove_file(out.join(name)).expect("it is there");
        std::fs::write(out.join(name), kept).expect("it can be written");
    }
    let model = out.join("model");
    std::fs::create_dir(&model).expect("it can be made");
    std::fs::write(model.join("model.onnx"), [0x3a, 0x00]).expect("it can be written");
    std::fs::write(model.join("vocab.txt"), "[UNK]\n").expect("it can be written");
    fifo(&model.join("modules.json"));
    set(
        dir.path(),
        "embed",
        &format!("encoder = \"onnx\"\nmodel = \"{}\"", model.display()),
    );
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 1, &["modules.json"]);
    std::fs::remove_file(model.join("modules.json")).expect("it is there");
    std::fs::remove_file(model.join("model.onnx")).expect("it is there");
    fifo(&model.join("model.onnx"));
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 1, &["model"]);
}
