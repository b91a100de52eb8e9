//! Continuing a run: with the settings of the last one, after damage, with a stage run alone, and with custom steps.

use std::path::Path;

use artifacts::{Clusters, Footer, Labels, Predictions, Topics};
use pipeline_tests::{SMALL_RUN, command, program, run, small_run, succeed, write_texts};
use serde_json::Value;

/// The steps that `skerry run` with these words did.
fn done(dir: &Path, words: &[&str]) -> Vec<String> {
    let words: Vec<&str> = ["run", "--json"].iter().chain(words).copied().collect();
    let manifest: Value =
        serde_json::from_str(&succeed(dir, "skerry", &words)).expect("--json prints the manifest");
    let steps = manifest["steps"].as_array().expect("a manifest has steps");
    steps
        .iter()
        .filter(|step| step["status"] == "done")
        .map(|step| step["step"].as_str().expect("it is text").to_owned())
        .collect()
}

fn hash(dir: &Path, file: &str) -> String {
    artifacts::sha256(&dir.join("runs/latest").join(file)).expect("it is there")
}

fn refused(dir: &Path, words: &[&str], expected: &str) {
    let words: Vec<&str> = SMALL_RUN.iter().chain(words).copied().collect();
    let output = run(dir, "skerry", &words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {errors}");
    assert!(errors.contains(expected), "{words:?}: {errors}");
    assert!(
        !dir.join("runs/latest/documents.parquet").exists(),
        "{words:?} was refused, but a step ran"
    );
}

#[test]
fn without_an_input_the_last_run_continues_with_its_settings() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--limit", "200"]);
    assert_eq!(done(dir.path(), &[]), Vec::<String>::new());
    assert_eq!(
        done(dir.path(), &["--min-cluster-size", "9"]),
        ["cluster", "label", "viz"]
    );
    let clusters =
        Clusters::read(&dir.path().join("runs/latest/clusters.parquet")).expect("it reads");
    assert_eq!(
        clusters.len(),
        200,
        "the limit of the first run still holds"
    );
    // The map is called after the file; its name is a setting like any other.
    let page = std::fs::read_to_string(dir.path().join("runs/latest/map.html")).expect("it reads");
    assert!(page.contains("<title>texts</title>"));
    // An input on the command line begins anew.
    assert_eq!(done(dir.path(), &SMALL_RUN[1..])[0], "ingest");
}

#[test]
fn any_damaged_file_is_rewritten() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    for (file, step) in [
        ("cluster_info.parquet", "cluster"),
        ("mst.parquet", "cluster"),
        ("labels.parquet", "viz"),
        ("map.html", "viz"),
        ("figure.json", "viz"),
    ] {
        let whole = hash(dir.path(), file);
        let bytes = std::fs::read(out.join(file)).expect("it reads");
        std::fs::write(out.join(file), &bytes[..bytes.len() / 2]).expect("it can be written");
        assert!(done(dir.path(), &[]).contains(&step.to_owned()), "{file}");
        assert_eq!(hash(dir.path(), file), whole, "{file}");
    }
    // Flipped in the middle, its footer whole: only the log tells.
    let path = out.join("embeddings.parquet");
    let whole = hash(dir.path(), "embeddings.parquet");
    let mut bytes = std::fs::read(&path).expect("it reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&path, bytes).expect("it can be written");
    assert_eq!(done(dir.path(), &[]), ["embed"]);
    assert_eq!(hash(dir.path(), "embeddings.parquet"), whole);
}

#[test]
fn a_stage_run_alone_uses_the_settings_of_the_run() {
    let dir = tempfile::tempdir().expect("a directory");
    // The recipe clusters in a reduced space: its files have names of their own.
    small_run(dir.path(), &["--seed", "7"]);
    let before = hash(dir.path(), "clusters.parquet");
    succeed(dir.path(), "skerry-cluster", &["--run", "runs/latest"]);
    assert_eq!(hash(dir.path(), "clusters.parquet"), before);
    let page = hash(dir.path(), "map.html");
    succeed(dir.path(), "skerry-viz", &["--run", "runs/latest"]);
    assert_eq!(hash(dir.path(), "map.html"), page);
    // A sweep says what a run would give.
    let words = [
        "sweep",
        "--run",
        "runs/latest",
        "--min-cluster-sizes",
        "8",
        "--min-samples",
        "5",
        "--json",
    ];
    let report: Value =
        serde_json::from_str(&succeed(dir.path(), "skerry", &words)).expect("it is JSON");
    let clusters =
        Clusters::read(&dir.path().join("runs/latest/clusters.parquet")).expect("it reads");
    assert_eq!(
        report["settings"][0]["clusters"],
        clusters.count(),
        "{report}"
    );
}

#[test]
fn a_sweep_uses_the_settings_of_the_run() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let words = [
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--preset",
        "notebook",
        "--quiet",
    ];
    succeed(dir.path(), "skerry", &words);
    let words = [
        "sweep",
        "--run",
        "runs/latest",
        "--min-cluster-sizes",
        "3,6,12",
        "--json",
    ];
    let report: Value =
        serde_json::from_str(&succeed(dir.path(), "skerry", &words)).expect("it is JSON");
    let settings = report["settings"].as_array().expect("it is a list");
    assert_eq!(
        settings.len(),
        3,
        "one value of min_samples: that of the run"
    );
    let out = dir.path().join("runs/latest");
    let footer = Footer::read(&out.join("sweep.parquet")).expect("it reads");
    assert_eq!(footer.expect("it has one").options["use_k"], 49);
    let verdict = succeed(dir.path(), "skerry", &["verify"]);
    assert!(
        verdict.contains("ok       sweep.parquet  (skerry sweep)"),
        "{verdict}"
    );
    for row in settings {
        assert_eq!(row["min_samples"], 3);
        let size = row["min_cluster_size"].to_string();
        let words = [
            "--run",
            "runs/latest",
            "--min-cluster-size",
            &size,
            "--json",
        ];
        let fresh: Value = serde_json::from_str(&succeed(dir.path(), "skerry-cluster", &words))
            .expect("it is JSON");
        for (of_row, of_run) in [
            ("clusters", "clusters"),
            ("noise", "noise_share"),
            ("largest", "largest"),
            ("validity", "validity"),
        ] {
            assert_eq!(row[of_row], fresh[of_run], "{of_row} at {size}");
        }
    }
}

#[test]
fn layers_are_in_every_file_from_the_tree_to_the_map() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let mut words = SMALL_RUN.to_vec();
    words[7] = "3";
    succeed(dir.path(), "skerry", &words);
    let out = dir.path().join("runs/latest");
    let clusters = Clusters::read(&out.join("clusters.parquet")).expect("it reads");
    assert!(!clusters.layers.is_empty(), "{} clusters", clusters.count());
    let topics = Topics::read(&out.join("topics.parquet")).expect("it reads");
    let map = Labels::read(&out.join("labels.parquet")).expect("it reads");
    for (layer, labels) in (-1..).zip(std::iter::once(&clusters.cluster).chain(&clusters.layers)) {
        let names: Vec<_> = topics
            .rows
            .iter()
            .filter(|topic| topic.layer == layer)
            .collect();
        let drawn = map
            .rows
            .iter()
            .filter(|label| label.level == layer + 1)
            .count();
        assert_eq!(names.len(), drawn);
        assert_eq!(
            names.len() as i32,
            labels.iter().max().expect("there are texts") + 1
        );
        for topic in names {
            let above = clusters.layers.get((layer + 1) as usize);
            for (row, _) in labels
                .iter()
                .enumerate()
                .filter(|(_, label)| **label == topic.cluster)
            {
                assert_eq!(above.map_or(-1, |above| above[row]), topic.parent);
            }
        }
    }
}

#[test]
fn new_rows_are_predicted_in_the_default_recipe() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    succeed(
        dir.path(),
        "skerry",
        &["ingest", "texts.csv", "--run", "new"],
    );
    succeed(
        dir.path(),
        "skerry",
        &["embed", "--encoder", "hash", "--run", "new"],
    );
    let words = ["predict", "--run", "runs/latest", "new/embeddings.parquet"];
    succeed(dir.path(), "skerry", &words);
    let out = dir.path().join("runs/latest");
    let found = Predictions::read(&out.join("predictions.parquet")).expect("it reads");
    let clusters = Clusters::read(&out.join("clusters.parquet")).expect("it reads");
    // Copies of old rows follow those.
    assert_eq!(found.cluster, clusters.cluster);
    let inputs = &found.footer.as_ref().expect("it has one").inputs;
    assert!(inputs.contains_key("vectors") && inputs.contains_key("new"));
    // Without the vectors that were laid out, the place of a new row is not known.
    std::fs::remove_file(out.join("embeddings.parquet")).expect("it is there");
    let output = run(dir.path(), "skerry", &words);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains("hint:"),
        "{errors}"
    );
    assert!(errors.contains("embeddings.parquet"), "{errors}");
}

#[test]
fn flags_apply_to_both_steps_of_a_stage_but_not_to_recipe_settings() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--metric", "cosine"]);
    let manifest = std::fs::read(dir.path().join("runs/latest/manifest.json")).expect("it reads");
    let manifest: Value = serde_json::from_slice(&manifest).expect("it is JSON");
    let setting = |step: usize, key: &str| manifest["steps"][step]["settings"][key].clone();
    assert_eq!(manifest["steps"][4]["step"], "reduced_knn");
    assert_eq!((setting(2, "k"), setting(4, "k")), (20.into(), 20.into()));
    assert_eq!(
        (setting(2, "metric"), setting(4, "metric")),
        ("cosine".into(), "l2".into())
    );
}

#[test]
fn impossible_settings_are_refused_before_anything_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    // Faults of a later step are reported before the first one runs.
    for (words, expected) in [
        (["--k", "0"], "--k"),
        (["--target-recall", "1"], "--target-recall"),
        (["--backend", "milvus"], "milvus"),
    ] {
        refused(dir.path(), &words, expected);
    }
    refused(dir.path(), &["--components", "3"], "a map has 2");
    refused(dir.path(), &["--min-dist", "NaN"], "not a finite number");
    refused(dir.path(), &["--min-dist", "-1"], "`--min-dist` is -1");
    refused(
        dir.path(),
        &["--set", "cluster.files=3"],
        "not a setting of a stage",
    );
    for (file, expected) in [
        ("[run]\nsead = 7\n", "`[run]` has no setting `sead`"),
        (
            "[run]\nseed = \"7\"\n",
            "`seed = \"7\"` in `[run]` is invalid",
        ),
        ("[run]\ninput = 5\n", "`input = 5`"),
        ("[run]\npreset = 5\n", "`preset = 5`"),
        ("[run]\nsteps = \"ingest\"\n", "is not a list"),
        (
            "[run]\nsteps = [\"ingest\", \"embed\", \"knn\", \"cluster\", \"extra\"]\n\n[cluster]\nfiles = {}\n\n\
             [extra]\nstage = \"cluster\"\nfiles = { clusters = \"c2.parquet\" }\n",
            "the steps `cluster` and `extra` both write cluster_info.parquet",
        ),
    ] {
        std::fs::write(dir.path().join("my.toml"), file).expect("it can be written");
        refused(dir.path(), &["--config", "my.toml"], expected);
    }
    // Fewer steps than the recipe has are fine.
    std::fs::write(dir.path().join("my.toml"), "[run]\nsteps = [\"ingest\"]\n")
        .expect("it can be written");
    assert_eq!(
        done(dir.path(), &["texts.csv", "--config", "my.toml"]),
        ["ingest"]
    );
}

#[test]
fn a_custom_command_has_to_write_its_file() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--preset", "direct"]);
    for (command, expected) in [
        ("true", "did not write"),
        ("sh -c 'echo junk > {neighbors}'", "wrote no such file"),
    ] {
        std::fs::write(
            dir.path().join("my.toml"),
            format!("[knn]\ncommand = \"{command}\"\n"),
        )
        .expect("it can be written");
        let words: Vec<&str> = SMALL_RUN
            .iter()
            .chain(&["--preset", "direct", "--config", "my.toml"])
            .copied()
            .collect();
        let output = run(dir.path(), "skerry", &words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(expected), "{errors}");
        assert!(errors.contains("`knn`"), "{errors}");
    }
}

/// `words` with `command` in the place of `step`; its errors, or the manifest.
fn stand_in(dir: &Path, step: &str, command: &str, words: &[&str]) -> Result<Value, String> {
    let line = command.replace('\\', "/");
    std::fs::write(
        dir.join("my.toml"),
        format!("[{step}]\ncommand = \"{line}\"\n"),
    )
    .expect("it can be written");
    let words: Vec<&str> = SMALL_RUN
        .iter()
        .chain(&["--preset", "direct", "--config", "my.toml", "--json"])
        .chain(words)
        .copied()
        .collect();
    let output = run(dir, "skerry", &words);
    if !output.status.success() {
        assert_eq!(output.status.code(), Some(1));
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("--json prints the manifest"))
}

#[test]
fn a_custom_command_has_to_write_all_files() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--preset", "direct"]);
    let cluster = program("skerry-cluster").display().to_string();
    let command = format!(
        "'{cluster}' --neighbors {{neighbors}} --embeddings {{embeddings}} --clusters {{clusters}} --cluster-info {{cluster_info}}"
    );
    let errors = stand_in(dir.path(), "cluster", &command, &[]).expect_err("it wrote two of five");
    assert!(
        errors.contains("did not write") && errors.contains("mst.parquet"),
        "{errors}"
    );
}

#[test]
fn a_custom_command_for_ingest_gets_the_sources_and_is_measured() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let ingest = program("skerry-ingest").display().to_string();
    let command = format!("'{ingest}' {{input}} --documents {{documents}}");
    let manifest = stand_in(dir.path(), "ingest", &command, &[]).expect("it runs");
    let usage = &manifest["steps"][0]["usage"];
    assert!(usage["seconds"].as_f64() > Some(0.0), "{usage}");
    if cfg!(target_os = "linux") {
        assert!(usage["cpu_seconds"].is_number(), "{usage}");
    }
}

#[test]
fn without_a_readable_log_no_file_counts_as_undamaged() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--preset", "direct"]);
    let log = dir.path().join("runs/latest/manifest.json");
    let text = std::fs::read_to_string(&log).expect("it reads");
    // Killed between a file's rename and the log: that step is done again.
    let mut manifest: Value = serde_json::from_str(&text).expect("it is JSON");
    let steps = manifest["steps"].as_array_mut().expect("a list");
    steps.retain(|step| step["step"] != "cluster");
    std::fs::write(&log, manifest.to_string()).expect("it can be written");
    assert_eq!(done(dir.path(), &[]), ["cluster"]);
    // Lost or damaged: all of them are, and damage in the middle of a file does not pass for new.
    let whole = hash(dir.path(), "embeddings.parquet");
    for damaged in [None, Some(&text[..text.len() / 2])] {
        let path = dir.path().join("runs/latest/embeddings.parquet");
        let mut bytes = std::fs::read(&path).expect("it reads");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        std::fs::write(&path, bytes).expect("it can be written");
        match damaged {
            None => std::fs::remove_file(&log).expect("it is there"),
            Some(half) => std::fs::write(&log, half).expect("it can be written"),
        }
        let verdict = run(dir.path(), "skerry", &["verify"]);
        assert!(!verdict.status.success());
        assert!(String::from_utf8_lossy(&verdict.stderr).contains("manifest.json"));
        assert_eq!(done(dir.path(), &[]).len(), 7);
        assert_eq!(hash(dir.path(), "embeddings.parquet"), whole);
        succeed(dir.path(), "skerry", &["verify"]);
    }
}

#[test]
fn a_wrong_input_name_does_not_change_the_settings_of_the_last_run() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let settings = hash(dir.path(), "pipeline.toml");
    for words in [&["run", "textz.csv"][..], &["run", "no-*.csv"]] {
        let output = run(dir.path(), "skerry", words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("hint:"), "{errors}");
        assert_eq!(hash(dir.path(), "pipeline.toml"), settings);
    }
    assert_eq!(done(dir.path(), &[]), Vec::<String>::new());
}

#[test]
fn a_run_continues_without_its_source_and_from_any_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("runs/latest").display().to_string();
    let words = ["run", "--json", "--out", &out, "--min-cluster-size"];
    let redone = |size: &str| {
        let words: Vec<&str> = words.iter().chain(&[size]).copied().collect();
        let output = run(elsewhere.path(), "skerry", &words);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let manifest: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        let steps = manifest["steps"].as_array().expect("a list");
        let steps = steps.iter().filter(|step| step["status"] == "done");
        let names: Vec<String> = steps.map(|step| step["step"].to_string()).collect();
        (names, errors)
    };
    let expected = ["\"cluster\"", "\"label\"", "\"viz\""];
    assert_eq!(redone("9").0, expected);
    std::fs::rename(dir.path().join("texts.csv"), dir.path().join("moved.csv"))
        .expect("it can be moved");
    let (steps, errors) = redone("10");
    assert_eq!(steps, expected);
    assert!(
        errors.contains("kept as it was last made") && errors.contains("texts.csv"),
        "{errors}"
    );
    // A step with other settings needs it.
    let words = ["run", "--out", &out, "--limit", "100"];
    let output = run(elsewhere.path(), "skerry", &words);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("texts.csv"));
}

#[test]
fn running_one_step_reports_the_stale_steps() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--preset", "direct"]);
    let summary = succeed(
        dir.path(),
        "skerry",
        &["run", "--only", "ingest", "--limit", "200"],
    );
    assert!(
        summary.contains("stale     embed, knn, cluster, project, label, viz:"),
        "{summary}"
    );
    assert!(!summary.contains("clusters  "), "{summary}");
    let summary = succeed(dir.path(), "skerry", &["run"]);
    assert!(
        !summary.contains("stale") && summary.contains("rows      200"),
        "{summary}"
    );
    // The same bytes come out, so that nothing after them runs.
    assert_eq!(done(dir.path(), &["--from", "project"]), ["project"]);
    assert_eq!(done(dir.path(), &["--only", "label"]), ["label"]);
    let both = ["run", "--only", "label", "--from", "knn"];
    let output = run(dir.path(), "skerry", &both);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn another_recipe_removes_files_of_the_last_one() {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &[]);
    let reduced = dir.path().join("runs/latest/reduced.parquet");
    assert!(reduced.exists());
    succeed(
        dir.path(),
        "skerry",
        &["run", "--preset", "direct", "--encoder", "hash"],
    );
    assert!(!reduced.exists());
    let verdict = succeed(dir.path(), "skerry", &["verify"]);
    assert!(!verdict.contains("unknown"), "{verdict}");
}

#[test]
fn a_dry_run_leaves_no_trace_and_reads_no_standard_input() {
    use std::process::Stdio;

    let dir = tempfile::tempdir().expect("a directory");
    let words = [
        "run",
        "-",
        "--format",
        "csv",
        "--encoder",
        "hash",
        "--dry-run",
    ];
    // Nobody ever writes into this pipe, and it stays open.
    let process = command(dir.path(), "skerry", &words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut process = process.expect("it starts");
    let pipe = process.stdin.take();
    let output = process.wait_with_output().expect("it ends");
    drop(pipe);
    let expected = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && expected.contains("ingest  would run: standard input"),
        "{expected}"
    );
    assert!(!dir.path().join("runs").exists());
}

#[test]
fn the_default_input_of_xtask_is_overridden() {
    let dir = tempfile::tempdir().expect("a directory");
    let texts = write_texts(dir.path());
    std::fs::copy(&texts, dir.path().join("other.csv")).expect("it can be copied");
    std::fs::write(
        dir.path().join("my.toml"),
        "[run]\ninput = [\"other.csv\"]\n",
    )
    .expect("it can be written");
    let input = |words: &[&str]| {
        let mut all = vec!["run", "--default-input", "texts.csv", "--encoder", "hash"];
        all.extend(["--only", "ingest", "--json"]);
        all.extend(words);
        let manifest: Value =
            serde_json::from_str(&succeed(dir.path(), "skerry", &all)).expect("it is JSON");
        manifest["input"].as_array().expect("a list").clone()
    };
    let only = |found: Vec<Value>, name: &str| {
        found.len() == 1 && found[0].as_str().is_some_and(|path| path.ends_with(name))
    };
    assert!(only(input(&[]), "/texts.csv"));
    assert!(only(input(&["--limit", "50", "other.csv"]), "/other.csv"));
    assert!(only(input(&["-q", "--config", "my.toml"]), "/other.csv"));
}
