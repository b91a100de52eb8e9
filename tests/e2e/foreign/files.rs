//! Files that a run directory names elsewhere, or leads to by links.

use std::path::Path;

use pipeline_tests::{
    command, errors, manifest_of, refused, run, set, small_run, succeed, write_texts,
};
use serde_json::json;

use super::{by_a_stranger, snapshot};

/// The tables among `files`: settings may have been edited.
fn tables(files: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_table = |file: &(String, String)| file.0.ends_with(".parquet");
    files.into_iter().filter(is_table).collect()
}

#[test]
fn a_log_that_names_files_elsewhere_removes_none() {
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
fn what_a_run_made_is_still_removed_when_it_belongs_to_it_no_more() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
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
fn files_of_a_run_lie_in_its_directory() {
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

#[cfg(unix)]
#[test]
fn nothing_beside_a_link_is_cleared_away() {
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

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_stops_no_command() {
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

#[test]
fn no_stage_writes_over_what_it_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let before = snapshot(dir.path());
    let out = "runs/latest";
    let refuse = |program: &str, words: &[&str], told: &[&str]| {
        let output = run(dir.path(), program, words);
        refused(&output, 2, told);
        assert_eq!(snapshot(dir.path()), before, "{program} {words:?}");
    };
    let same = "runs/../runs/latest/embeddings.parquet";
    let told = ["embeddings.parquet", "`--neighbors`", "`--embeddings`"];
    refuse("skerry-knn", &["--run", out, "--neighbors", same], &told);
    let told = ["map.svg", "`--html`", "`--svg`"];
    let svg = "runs/latest/map.svg";
    refuse("skerry-viz", &["--run", out, "--html", svg], &told);
    // The same from a settings file, for the stage alone and for the run.
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
fn a_link_inside_the_run_is_the_file_that_it_leads_to() {
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

#[test]
fn a_source_is_never_replaced_by_what_is_made_of_it() {
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
        let status = if program == "skerry" { 2 } else { 1 };
        refused(&output, status, &["documents.parquet", "hint: "]);
        let after = artifacts::sha256(&documents).expect("it is there");
        assert_eq!(after, before, "{program} {words:?}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_inside_the_run_leads_to_its_own_files() {
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

#[test]
fn a_pattern_in_a_run_directory_reads_nothing_elsewhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("runs/latest");
    let secret = dir.path().join("secret.csv");
    std::fs::write(&secret, "text\nmy password\nmy other password\nmy third\n")
        .expect("it can be written");
    // The name itself is that of a file inside, which is cleared away as the remains of a writer. As a pattern it matches a
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
fn no_step_writes_over_a_source() {
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
    // Nor is a table called what its readers would not take for one.
    set(dir.path(), "viz", "files = { map = \"map.arrow\" }");
    let output = run(dir.path(), "skerry", &["run"]);
    refused(&output, 2, &["map.arrow", ".parquet"]);
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
fn the_soft_membership_may_have_another_name() {
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
