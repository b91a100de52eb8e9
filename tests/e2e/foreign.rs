//! Run directories are handed around. One from somebody else runs no program, reads and writes no file elsewhere, and
//! removes nothing but what a run wrote.

use std::path::Path;
use std::process::Output;

use pipeline_tests::{command, run, succeed, write_texts};
use serde_json::{Value, json};

/// A run of the default recipe with small settings, made by its owner.
fn made(dir: &Path) {
    write_texts(dir);
    let words = [
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--k",
        "20",
        "--min-cluster-size",
        "8",
        "--quiet",
    ];
    succeed(dir, "skerry", &words);
}

/// The same command in the hands of somebody else: nothing is remembered of the run.
fn by_a_stranger(dir: &Path, program: &str, words: &[&str]) -> Output {
    command(dir, program, words)
        .env("SKERRY_CACHE", dir.join("cache of the stranger"))
        .output()
        .expect("it starts")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Refused with status `status`, and with all of `told` in the message.
fn refused(output: &Output, status: i32, told: &[&str]) {
    let errors = errors(output);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    for told in told {
        assert!(errors.contains(told), "`{told}` is not in: {errors}");
    }
}

/// Puts `line` into the table `[step]` of the run's settings file, in the place of a setting of that name.
fn set(dir: &Path, step: &str, line: &str) {
    let path = dir.join("runs/latest/pipeline.toml");
    let text = std::fs::read_to_string(&path).expect("it reads");
    let mut settings: toml::Table = text.parse().expect("it is TOML");
    let added: toml::Table = line.parse().expect("it is TOML");
    let table = settings
        .get_mut(step)
        .and_then(toml::Value::as_table_mut)
        .expect("there is such a table");
    table.extend(added);
    std::fs::write(&path, settings.to_string()).expect("it can be written");
}

fn log(dir: &Path) -> Value {
    let text = std::fs::read(dir.join("runs/latest/manifest.json")).expect("it reads");
    serde_json::from_slice(&text).expect("it is JSON")
}

/// All files of the run with their hashes, but for the log, which is written by every run.
fn snapshot(dir: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(dir.join("runs/latest"))
        .expect("it can be listed")
        .map(|entry| entry.expect("it is there").path())
        .filter(|path| path.is_file() && !path.ends_with("manifest.json"))
        .map(|path| {
            let hash = artifacts::sha256(&path).expect("it reads");
            (path.display().to_string(), hash)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_log_that_names_files_elsewhere_removes_none() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
    let mut manifest = log(dir.path());
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
fn what_a_run_made_is_still_removed_when_it_belongs_to_it_no_more() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
    let out = dir.path().join("runs/latest");
    succeed(dir.path(), "skerry", &["run", "--membership", "3"]);
    assert!(out.join("membership.parquet").exists());
    succeed(dir.path(), "skerry", &["run", "--membership", "0"]);
    assert!(!out.join("membership.parquet").exists());
    // A file of that name that no run wrote is left, and that is said.
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

#[test]
fn programs_of_a_run_directory_do_not_run_unasked() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
    // Allowed, it is shown first, and runs: it writes no topics, which is an error of its own.
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
fn the_owner_of_a_run_goes_on_as_before() {
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

#[test]
fn files_of_a_run_lie_in_its_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
    ] {
        // As an output and as an input, by the run and by the stage alone.
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
    // Two names that some file systems take for one.
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
    // A name of one's own inside is as good as the standard one.
    set(dir.path(), "viz", "files = { html = \"my map.html\" }");
    succeed(dir.path(), "skerry", &["run"]);
    assert!(out.join("my map.html").exists());
}

#[cfg(unix)]
#[test]
fn links_lead_no_run_out_of_its_directory() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
    refused(&output, 2, &["lies outside the run", "plots/victim"]);
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
        2,
        &["--allow-external", "embeddings"],
    );
    let words = ["knn", "--run", "runs/latest", "--allow-external"];
    let output = by_a_stranger(dir.path(), "skerry", &words);
    assert!(output.status.success(), "{}", errors(&output));
}

#[cfg(unix)]
#[test]
fn a_library_of_a_run_directory_is_not_loaded_unasked() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
fn inputs_models_and_addresses_of_a_run_directory_are_not_used_unasked() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
    let before = snapshot(dir.path());
    // Of a run that was handed over as it is, all that is there can be worked with: its source is not needed.
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
    // Nor a model.
    std::fs::write(&settings, whole).expect("it can be written");
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
    set(
        dir.path(),
        "embed",
        &format!("endpoint = \"http://{address}/v1\""),
    );
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 2, &["`[embed]` has no setting `endpoint`"]);
    assert!(listener.accept().is_err(), "something connected");
}

#[test]
fn verify_tells_what_is_missing_and_what_is_stale() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
    let mut manifest = log(dir.path());
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

#[cfg(unix)]
#[test]
fn directories_may_have_any_name_and_faults_of_theirs_are_named() {
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
    for (name, told) in [
        ("file", "file is a file, not a directory"),
        ("file/below", "file is a file, not a directory"),
        (
            "dangling",
            "dangling is a symbolic link that cannot be followed",
        ),
        ("loop", "loop is a symbolic link that cannot be followed"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            refused(&run_in(OsStr::new(name), more), 1, &[told]);
        }
        let words = ["texts.csv", "--run", name];
        let output = run(dir.path(), "skerry-ingest", &words);
        assert!(!output.status.success());
        assert!(errors(&output).contains(told), "{}", errors(&output));
    }
}

#[test]
fn inputs_are_kept_without_detours() {
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
    let input = log(dir.path())["input"][0]
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
fn no_second_reader_takes_the_input_of_the_first() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
    let secret = dir.path().join("secret.txt");
    std::fs::write(&secret, "one password\ntwo passwords\nthree of them\n")
        .expect("it can be written");
    // As if the secret had been the input all along: only the first reader is up to date.
    let mut manifest = log(dir.path());
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
fn names_of_others_do_not_steer_the_terminal() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
    let out = dir.path().join("runs/latest");
    let whole = std::fs::read(out.join("manifest.json")).expect("it reads");
    let mut manifest = log(dir.path());
    manifest["steps"][0]["outputs"]["\u{1b}[2J\u{1b}]52;c;cm0=\u{7}\u{202e}x.parquet"] =
        json!("00");
    std::fs::write(out.join("manifest.json"), manifest.to_string()).expect("it can be written");
    for words in [&["verify"][..], &["run"], &["run", "--dry-run"]] {
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

#[test]
fn verify_and_the_summary_name_no_file_of_others() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
    // The page that is named is the one that was drawn, not one that lies there.
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

#[cfg(unix)]
#[test]
fn nothing_beside_a_link_is_cleared_away() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
    let out = dir.path().join("runs/latest");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let litter = elsewhere.path().join(".report.aB3xY9.tmp");
    std::fs::write(&litter, "mine").expect("it can be written");
    std::os::unix::fs::symlink(elsewhere.path(), out.join("up")).expect("a link");
    // An output that these settings do not even write.
    set(
        dir.path(),
        "cluster",
        "files = { membership = \"up/report\" }",
    );
    let output = by_a_stranger(dir.path(), "skerry", &["run"]);
    refused(&output, 1, &["lies outside the run"]);
    assert!(litter.exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_stops_no_command() {
    let dir = tempfile::tempdir().expect("a directory");
    made(dir.path());
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
}
