//! Programs, libraries, inputs, models and addresses that a run directory names.

use pipeline_tests::{errors, manifest_of, refused, run, set, small_run, succeed, write_texts};
use serde_json::json;

use super::{by_a_stranger, snapshot};

#[test]
fn commands_of_a_run_directory_need_permission() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let marker = dir.path().join("pwned");
    set(
        dir.path(),
        "label",
        &format!("command = \"touch '{}'\"", marker.display()),
    );
    let before = snapshot(dir.path());
    for words in [
        &["run"][..],
        &["run", "--quiet"],
        &["run", "--force"],
        &["run", "--only", "label"],
        &["run", "--from", "cluster"],
        &["run", "--allow-external"],
    ] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        refused(&output, 1, &["touch", "`[label]`", "--allow-commands"]);
        assert!(!marker.exists(), "{words:?}");
        assert_eq!(snapshot(dir.path()), before, "{words:?}");
    }
    for words in [
        &["run", "--dry-run"][..],
        &["run", "--dry-run", "--allow-commands"],
        &["verify"],
        &["sweep", "--run", "runs/latest"],
        &[
            "predict",
            "--run",
            "runs/latest",
            "runs/latest/embeddings.parquet",
        ],
        &["label", "--run", "runs/latest"],
    ] {
        by_a_stranger(dir.path(), "skerry", words);
        assert!(!marker.exists(), "{words:?}");
    }
    // What does not need it goes on.
    let output = by_a_stranger(dir.path(), "skerry", &["run", "--only", "viz"]);
    assert!(output.status.success(), "{}", errors(&output));
    // If allowed, it is shown first and runs: it writes no topics, which is another error.
    let output = by_a_stranger(dir.path(), "skerry", &["run", "--allow-commands"]);
    assert!(
        errors(&output).starts_with("allowed: `command` of `[label]`: touch"),
        "{}",
        errors(&output)
    );
    assert!(marker.exists());
    std::fs::remove_file(&marker).expect("it is there");
    // From then on the user has given it.
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    assert!(
        !errors(&output).contains("not trusted"),
        "{}",
        errors(&output)
    );
    assert!(marker.exists());
}

#[test]
fn the_owner_of_a_run_needs_no_flag() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let knn = pipeline_tests::program("skerry-knn");
    let command = format!(
        "'{}' --embeddings {{embeddings}} --neighbors {{neighbors}} --k 9 --quiet",
        knn.display()
    );
    std::fs::write(
        dir.path().join("my.toml"),
        format!("[knn]\ncommand = \"{command}\"\n"),
    )
    .expect("it can be written");
    let words = [
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--config",
        "my.toml",
    ];
    succeed(dir.path(), "skerry", &words);
    succeed(dir.path(), "skerry", &["run", "--min-cluster-size", "9"]);
    // Other settings may be changed in the file itself.
    set(dir.path(), "cluster", "min_cluster_size = 10");
    succeed(dir.path(), "skerry", &["run"]);
    // Another command is another matter.
    set(dir.path(), "knn", "command = \"touch pwned\"");
    refused(
        &run(dir.path(), "skerry", &["run"]),
        1,
        &["touch pwned", "--allow-commands"],
    );
    // A file that is named is trusted, wherever it lies.
    let words = ["run", "texts.csv", "--config", "runs/latest/pipeline.toml"];
    run(dir.path(), "skerry", &words);
    assert!(dir.path().join("pwned").exists());
}

#[cfg(unix)]
#[test]
fn libraries_of_a_run_directory_need_permission() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let marker = dir.path().join("loaded");
    let (source, library) = (dir.path().join("evil.c"), dir.path().join("evil.so"));
    let code = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen(\"{}\", \"w\")); }}\n",
        marker.display()
    );
    std::fs::write(&source, code).expect("it can be written");
    let compiled = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .expect("there is a C compiler: the build needs one");
    assert!(compiled.success());
    // A model that is enough to get as far as the library.
    let model = dir.path().join("runs/latest/model");
    std::fs::create_dir(&model).expect("it can be made");
    std::fs::write(model.join("model.onnx"), [0x3a, 0x00]).expect("it can be written");
    std::fs::write(
        model.join("vocab.txt"),
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\nharbor\n",
    )
    .expect("it can be written");
    let lines = format!(
        "encoder = \"onnx\"\npooling = \"mean\"\nmodel = \"{}\"\nonnxruntime = \"{}\"",
        model.display(),
        library.display()
    );
    set(dir.path(), "embed", &lines);
    for words in [
        &["run"][..],
        &["run", "--dry-run"],
        &["run", "--allow-external"],
        &["embed", "--run", "runs/latest"],
        &["verify"],
    ] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        assert!(!marker.exists(), "{words:?}: {}", errors(&output));
        if words[0] == "embed" || words == ["run"] {
            refused(&output, 1, &["evil.so", "--allow-commands"]);
        }
    }
    by_a_stranger(
        dir.path(),
        "skerry",
        &["embed", "--run", "runs/latest", "--allow-commands"],
    );
    assert!(marker.exists(), "the library is one that would have run");
}

#[test]
fn inputs_models_and_addresses_of_a_run_directory_need_permission() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let before = snapshot(dir.path());
    // A received run can be continued without its source.
    let output = by_a_stranger(dir.path(), "skerry", &["run", "--json"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(
        errors(&output).contains("texts.csv is not looked at without `--allow-external`"),
        "{}",
        errors(&output)
    );
    assert_eq!(snapshot(dir.path()), before);
    // Another source is not read.
    let settings = dir.path().join("runs/latest/pipeline.toml");
    let whole = std::fs::read(&settings).expect("it reads");
    let secret = dir.path().join("secret.csv");
    std::fs::write(&secret, "text\nmy password\nmy other password\nmy third\n")
        .expect("it can be written");
    let input = format!("input = [\"{}\"]", secret.display());
    for words in [
        &["run", "--from", "ingest"][..],
        &["run", "--limit", "3"],
        &["run"],
    ] {
        set(dir.path(), "run", &input);
        let output = by_a_stranger(dir.path(), "skerry", words);
        refused(&output, 1, &["secret.csv", "--allow-external"]);
        let texts =
            std::fs::read(dir.path().join("runs/latest/documents.parquet")).expect("it reads");
        assert!(!texts.windows(8).any(|bytes| bytes == b"password"));
    }
    // Nor is a model downloaded.
    std::fs::write(&settings, &whole).expect("it can be written");
    set(
        dir.path(),
        "embed",
        "encoder = \"onnx\"\nmodel = \"BAAI/bge-m3\"",
    );
    for words in [&["run"][..], &["embed", "--run", "runs/latest"]] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        let model = "`model` of `[embed]`: BAAI/bge-m3 (reads or downloads a model)";
        refused(&output, 1, &[model, "--allow-external"]);
    }
    // Nor is one read.
    std::fs::write(&settings, &whole).expect("it can be written");
    let model = dir.path().join("private model");
    std::fs::create_dir(&model).expect("it can be made");
    let line = format!("encoder = \"onnx\"\nmodel = \"{}\"", model.display());
    set(dir.path(), "embed", &line);
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 1, &["private model", "--allow-external"]);
    let output = by_a_stranger(dir.path(), "skerry", &["embed", "--run", "runs/latest"]);
    refused(&output, 1, &["private model", "--allow-external"]);
    // Nor is a text sent anywhere.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can be set");
    let address = listener.local_addr().expect("it has one");
    let url = format!("http://{address}/v1");
    let endpoint = format!("endpoint = \"{url}\"\nendpoint_model = \"m\"\nencoder = \"onnx\"");
    set(dir.path(), "embed", &endpoint);
    for words in [&["run"][..], &["embed", "--run", "runs/latest"]] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        let setting = format!("`endpoint` of `[embed]`: {url} (sends data)");
        refused(&output, 1, &[&setting, "--allow-external"]);
    }
    let output = by_a_stranger(dir.path(), "skerry", &["run", "--dry-run"]);
    assert!(output.status.success(), "{}", errors(&output));
    let verdicts = String::from_utf8_lossy(&output.stdout).into_owned();
    let sends = format!(
        "it sends the texts that are not in the cache to {url}, which needs `--allow-external`"
    );
    assert!(verdicts.contains(&sends), "{verdicts}");
    // Nor a vector, nor a token.
    std::fs::write(&settings, whole).expect("it can be written");
    set(
        dir.path(),
        "knn",
        &format!("backend = \"milvus\"\nuri = \"http://{address}\""),
    );
    for words in [
        &["run"][..],
        &["knn", "--run", "runs/latest"],
        &["store", "search", "words", "--run", "runs/latest"],
    ] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        refused(&output, 1, &["(sends data)", "--allow-external"]);
    }
    // An address of the user needs no permission, but a model of the run does.
    let line = "encoder = \"onnx\"\nmodel = \"BAAI/bge-m3\"";
    set(dir.path(), "embed", line);
    let words = ["store", "search", "words", "--uri", "http://127.0.0.1:1"];
    let output = by_a_stranger(dir.path(), "skerry", &words);
    refused(&output, 1, &["BAAI/bge-m3", "--allow-external"]);
    assert!(listener.accept().is_err(), "something connected");
}

#[test]
fn a_token_is_in_no_file_of_a_run() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(
        dir.path(),
        &["--token", "root:hunter2", "--uri", "http://127.0.0.1:1"],
    );
    let mut read = 0;
    for entry in std::fs::read_dir(dir.path().join("runs/latest")).expect("it can be listed") {
        let bytes = std::fs::read(entry.expect("it is there").path()).expect("it reads");
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"));
        read += 1;
    }
    assert!(read > 5);
    let settings = dir.path().join("runs/latest/pipeline.toml");
    let settings = std::fs::read_to_string(settings).expect("it reads");
    assert!(settings.contains("uri = \"http://127.0.0.1:1\""));
}

#[test]
fn permission_for_one_reader_does_not_cover_another() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let secret = dir.path().join("secret.txt");
    std::fs::write(&secret, "one password\ntwo passwords\nthree of them\n")
        .expect("it can be written");
    // As if the secret had been the input all along: only the first reader is up to date.
    let mut manifest = manifest_of(dir.path());
    manifest["input"] = json!([secret]);
    let out = dir.path().join("runs/latest");
    std::fs::write(out.join("manifest.json"), manifest.to_string()).expect("it can be written");
    let steps = r#"["ingest", "second", "embed", "knn", "reduce", "reduced_knn", "cluster", "project", "label", "viz"]"#;
    let lines = format!("input = [\"{}\"]\nsteps = {steps}", secret.display());
    set(dir.path(), "run", &lines);
    let path = out.join("pipeline.toml");
    let text = std::fs::read_to_string(&path).expect("it reads");
    let second = "\n[second]\nstage = \"ingest\"\nformat = \"lines\"\nfiles = { documents = \"second.parquet\" }\n";
    std::fs::write(&path, text + second).expect("it can be written");
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(
        &output,
        1,
        &["secret.txt", "`[second]`", "--allow-external"],
    );
    assert!(!out.join("second.parquet").exists());
}

#[test]
fn file_names_cannot_extend_a_command() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let script = "command = \"sh -c 'cp {topics} {topics}'\"\n";
    let name = "x;touch pwned;.parquet";
    set(
        dir.path(),
        "label",
        &format!("{script}files = {{ topics = \"{name}\" }}"),
    );
    for words in [
        &["run"][..],
        &["run", "--allow-commands"],
        &["run", "texts.csv", "--config", "runs/latest/pipeline.toml"],
    ] {
        let output = by_a_stranger(dir.path(), "skerry", words);
        refused(&output, 2, &["x;touch pwned;.parquet", "letters, digits"]);
        assert!(!dir.path().join("pwned").exists());
    }
}

#[test]
fn a_cache_inside_the_run_directory_is_not_trusted() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let marker = dir.path().join("pwned");
    let line = format!("command = \"touch '{}'\"", marker.display());
    set(dir.path(), "label", &line);
    // As a received directory may bring it along: a cache in which this very command is remembered.
    let run_with = |cache: &str, words: &[&str]| {
        let mut command = pipeline_tests::command(dir.path(), "skerry", words);
        command
            .env("SKERRY_CACHE", cache)
            .output()
            .expect("it starts")
    };
    let whole = dir.path().join("received").display().to_string();
    run_with(&whole, &["run", "--allow-commands"]);
    assert!(marker.exists(), "the command is remembered in that cache");
    std::fs::remove_file(&marker).expect("it is there");
    let output = run_with("received", &["run"]);
    refused(&output, 1, &["not trusted", "--allow-commands"]);
    assert!(!marker.exists());
    // A warning says that the permission is not remembered.
    let output = run_with("received", &["run", "--only", "viz"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(
        errors(&output).contains("SKERRY_CACHE is received, which is not an absolute path"),
        "{}",
        errors(&output)
    );
}

#[test]
fn hashes_are_accepted_only_from_the_run() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let made = |hash: &str| {
        let words = ["--run", "runs/latest", "--input-hash", hash];
        succeed(dir.path(), "skerry-knn", &words);
        let path = dir.path().join("runs/latest/neighbors.parquet");
        let footer = artifacts::Footer::read(&path).expect("it reads");
        footer.expect("it is ours").inputs
    };
    let embeddings = dir.path().join("runs/latest/embeddings.parquet");
    let hash = artifacts::sha256(&embeddings).expect("it reads");
    let claimed = "0".repeat(64);
    for words in [
        format!("embeddings={claimed}"),
        "embeddings".to_owned(),
        "other=00".to_owned(),
    ] {
        let inputs = serde_json::to_string(&made(&words)).expect("it is plain data");
        assert!(
            inputs.contains(&hash) && !inputs.contains(&claimed),
            "{inputs}"
        );
    }
}

/// A script may use the words that it is given in any way.
#[test]
fn commands_get_inputs_of_a_run_directory_only_with_permission() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let line = "/usr/bin/env true {documents} {input}";
    set(dir.path(), "ingest", &format!("command = \"{line}\""));
    let by_owner = |words: &[&str]| run(dir.path(), "skerry", words);
    // The owner allows the command, and with it the input of now.
    by_owner(&["run", "--allow-commands"]);
    let name = dir.path().join("runs/latest/t.csv;touch pwned;:");
    std::fs::write(&name, "text\n").expect("it can be written");
    set(
        dir.path(),
        "run",
        &format!("input = [\"{}\"]", name.display()),
    );
    let output = by_owner(&["run"]);
    refused(&output, 1, &["touch pwned", "`input`", "--allow-commands"]);
}

#[cfg(unix)]
#[test]
fn relative_commands_are_remembered_by_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let script = |place: &std::path::Path, file: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = place.join("tool.sh");
        std::fs::write(&path, format!("#!/bin/sh\ntouch '{}'\n", file.display()))
            .expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is set");
    };
    let (owned, pwned) = (dir.path().join("owned"), dir.path().join("pwned"));
    script(dir.path(), &owned);
    set(dir.path(), "label", "command = \"./tool.sh {topics}\"");
    run(dir.path(), "skerry", &["run", "--allow-commands"]);
    assert!(owned.exists());
    std::fs::remove_file(&owned).expect("it is there");
    run(dir.path(), "skerry", &["run"]);
    assert!(owned.exists(), "it is remembered");
    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("it can be made");
    script(&elsewhere, &pwned);
    let mut command =
        pipeline_tests::command(&elsewhere, "skerry", &["run", "--out", "../runs/latest"]);
    let output = command
        .env("SKERRY_CACHE", dir.path().join("cache"))
        .output()
        .expect("it starts");
    refused(&output, 1, &["./tool.sh", "--allow-commands"]);
    assert!(!pwned.exists());
}
