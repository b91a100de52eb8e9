//! `skerry run`: what it writes, what it does again, and the byte promise.

use std::collections::BTreeMap;
use std::path::Path;

use artifacts::{Clusters, Documents, Neighbors, Projection, Topics};
use pipeline_tests::{command, program, run, succeed, write_texts};
use serde_json::Value;

const FILES: [&str; 16] = [
    "documents.parquet",
    "embeddings.parquet",
    "neighbors.parquet",
    "clusters.parquet",
    "cluster_info.parquet",
    "condensed_tree.parquet",
    "single_linkage.parquet",
    "mst.parquet",
    "projection.parquet",
    "topics.parquet",
    "labels.parquet",
    "map.parquet",
    "map.html",
    "map.svg",
    "map.png",
    "figure.json",
];

/// Runs the pipeline on the small texts, by the recipe `direct` unless `more` says otherwise; the manifest.
fn pipeline(dir: &Path, more: &[&str]) -> Value {
    let mut words = vec![
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--k",
        "20",
        "--min-cluster-size",
        "8",
        "--json",
    ];
    if !more.contains(&"--preset") {
        words.extend(["--preset", "direct"]);
    }
    words.extend(more);
    serde_json::from_str(&succeed(dir, "skerry", &words)).expect("--json prints the manifest")
}

/// Step by step, whether it was done or kept.
fn statuses(manifest: &Value) -> Vec<(String, String)> {
    let steps = manifest["steps"].as_array().expect("a manifest has steps");
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    steps
        .iter()
        .map(|step| (text(&step["step"]), text(&step["status"])))
        .collect()
}

fn done(manifest: &Value) -> Vec<String> {
    statuses(manifest)
        .into_iter()
        .filter(|(_, status)| status == "done")
        .map(|(step, _)| step)
        .collect()
}

#[test]
fn a_run_writes_every_file_and_finds_the_topics() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let manifest = pipeline(dir.path(), &[]);
    let out = dir.path().join("runs/latest");
    for file in FILES.iter().chain(&["manifest.json", "pipeline.toml"]) {
        let size = out.join(file).metadata().map_or(0, |data| data.len());
        assert!(size > 0, "{file} is missing or empty");
    }
    assert_eq!(
        done(&manifest),
        [
            "ingest", "embed", "knn", "cluster", "project", "label", "viz"
        ]
    );
    let documents = Documents::read(&out.join("documents.parquet")).expect("it reads");
    let neighbors = Neighbors::read(&out.join("neighbors.parquet")).expect("it reads");
    let clusters = Clusters::read(&out.join("clusters.parquet")).expect("it reads");
    let projection = Projection::read(&out.join("projection.parquet")).expect("it reads");
    let topics = Topics::read(&out.join("topics.parquet")).expect("it reads");
    assert_eq!(
        (documents.len(), neighbors.len(), neighbors.k),
        (240, 240, 20)
    );
    assert_eq!((clusters.len(), projection.len()), (240, 240));
    assert!(
        (4..=12).contains(&clusters.count()),
        "six subjects gave {} clusters",
        clusters.count()
    );
    // A cluster holds one subject: texts of one cluster have ids of one remainder.
    let mut subjects: BTreeMap<i32, [usize; 6]> = BTreeMap::new();
    for (id, &cluster) in clusters
        .cluster
        .iter()
        .enumerate()
        .filter(|(_, cluster)| **cluster >= 0)
    {
        subjects.entry(cluster).or_default()[id % 6] += 1;
    }
    let (pure, all) = subjects.values().fold((0, 0), |(pure, all), counts| {
        (
            pure + counts.iter().max().expect("six"),
            all + counts.iter().sum::<usize>(),
        )
    });
    assert!(
        pure * 100 >= all * 95 && all > 120,
        "{pure} of {all} clustered texts lie with their subject"
    );
    assert_eq!(
        topics.rows.iter().filter(|topic| topic.layer == -1).count(),
        clusters.count()
    );
    assert!(topics.rows.iter().all(|topic| !topic.name.is_empty()));
}

#[test]
fn a_second_run_repeats_only_stale_steps() {
    let dir = tempfile::tempdir().expect("a directory");
    let texts = write_texts(dir.path());
    pipeline(dir.path(), &[]);
    assert_eq!(done(&pipeline(dir.path(), &[])), Vec::<String>::new());
    assert_eq!(
        done(&pipeline(dir.path(), &["--min-samples", "3"])),
        ["cluster", "label", "viz"]
    );
    assert_eq!(
        done(&pipeline(
            dir.path(),
            &["--min-samples", "3", "--n-neighbors", "10"]
        )),
        ["project", "viz"]
    );
    let all = done(&pipeline(
        dir.path(),
        &["--min-samples", "3", "--n-neighbors", "10", "--force"],
    ));
    assert_eq!(all.len(), 7);
    let only = pipeline(
        dir.path(),
        &[
            "--min-samples",
            "3",
            "--n-neighbors",
            "10",
            "--only",
            "label",
        ],
    );
    assert_eq!(done(&only), ["label"]);
    // A file that was lost is made again, and since it comes out the same, nothing after it is.
    std::fs::remove_file(dir.path().join("runs/latest/neighbors.parquet")).expect("it is there");
    assert_eq!(
        done(&pipeline(
            dir.path(),
            &["--min-samples", "3", "--n-neighbors", "10"]
        )),
        ["knn"]
    );
    // A source that changed changes all that was made of it.
    let csv = std::fs::read_to_string(&texts)
        .expect("it reads")
        .replacen("harbor", "haven", 3);
    std::fs::write(&texts, csv).expect("it can be written");
    let redone = done(&pipeline(
        dir.path(),
        &["--min-samples", "3", "--n-neighbors", "10"],
    ));
    assert_eq!(redone[..3], ["ingest", "embed", "knn"]);
}

#[test]
fn a_dry_run_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    pipeline(dir.path(), &[]);
    let settings = dir.path().join("runs/latest/pipeline.toml");
    let before = std::fs::read(&settings).expect("it reads");
    let words = [
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--k",
        "30",
        "--min-cluster-size",
        "8",
        "--preset",
        "direct",
        "--dry-run",
    ];
    let plan = succeed(dir.path(), "skerry", &words);
    assert!(plan.contains("knn  would run: changed: k"), "{plan}");
    assert!(plan.contains("embed  is up to date"), "{plan}");
    assert!(
        plan.contains("cluster  would run if knn changes its output"),
        "{plan}"
    );
    assert_eq!(std::fs::read(&settings).expect("it reads"), before);
}

/// Runs the texts by recipe `preset` into `out` with a given number of threads; the hashes of all Parquet files.
fn bytes(
    dir: &Path,
    out: &str,
    preset: &str,
    threads: &str,
    more: &[&str],
) -> BTreeMap<String, String> {
    let words = [
        "run",
        "texts.csv",
        "--preset",
        preset,
        "--threads",
        threads,
        "--out",
        out,
        "--k",
        "20",
    ];
    let words: Vec<&str> = words.iter().chain(more).copied().collect();
    succeed(dir, "skerry", &words);
    let files = std::fs::read_dir(dir.join(out)).expect("it can be listed");
    files
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains(".parquet"))
        .map(|name| {
            let hash = artifacts::sha256(&dir.join(out).join(&name)).expect("it is there");
            (name, hash)
        })
        .collect()
}

#[test]
fn the_same_bytes_at_any_number_of_threads() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    for (preset, files) in [("topics", 14), ("direct", 12)] {
        let of = |threads: &str| {
            let out = format!("{preset}-{threads}");
            bytes(dir.path(), &out, preset, threads, &["--encoder", "hash"])
        };
        let one = of("1");
        assert_eq!(one.len(), files, "{one:?}");
        assert_eq!(of("2"), one);
        assert_eq!(of("3"), one);
    }
}

#[test]
fn the_same_bytes_from_a_cold_a_warm_and_a_resumed_cache() {
    let cache = stage::cache_dir().expect("a cache directory");
    let model = cache.join("models/all-MiniLM-L6-v2-int8");
    let versions = std::fs::read_dir(cache.join("onnxruntime"));
    let library = versions
        .into_iter()
        .flatten()
        .filter_map(|version| std::fs::read_dir(version.ok()?.path()).ok()?.next()?.ok())
        .map(|file| file.path().display().to_string())
        .next();
    let Some(library) = library.filter(|_| model.exists()) else {
        test_support::skip("the default model is not set up (skerry setup)");
        return;
    };
    let model = model.display().to_string();
    let model = ["--model", &model, "--onnxruntime", &library];
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let vectors = dir.path().join("cache/vectors");
    let cold = bytes(dir.path(), "cold", "topics", "1", &model);
    assert!(vectors.exists(), "no vectors were kept");
    assert_eq!(bytes(dir.path(), "warm", "topics", "2", &model), cold);
    // A run that ended half-way has left the vectors of some texts.
    std::fs::remove_dir_all(&vectors).expect("it is there");
    let some: Vec<&str> = model.iter().chain(&["--limit", "100"]).copied().collect();
    bytes(dir.path(), "some", "topics", "2", &some);
    assert_eq!(bytes(dir.path(), "resumed", "topics", "2", &model), cold);
}

#[test]
fn footers_hold_no_path_and_no_thread_count() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    pipeline(dir.path(), &["--threads", "2"]);
    let place = dir.path().to_string_lossy().into_owned();
    for file in FILES.iter().filter(|file| file.ends_with(".parquet")) {
        let footer =
            artifacts::Footer::read(&dir.path().join("runs/latest").join(file)).expect("it reads");
        let footer =
            serde_json::to_string(&footer.expect("our files have footers")).expect("it is JSON");
        assert!(
            !footer.contains(&place) && !footer.contains("texts.csv") && !footer.contains("thread"),
            "{file}: {footer}"
        );
    }
}

#[test]
fn every_preset_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    // The notebook's settings as they are: no flag of the small texts goes before them.
    let words = [
        "run",
        "texts.csv",
        "--encoder",
        "hash",
        "--preset",
        "notebook",
        "--out",
        "notebook",
        "--json",
    ];
    let notebook: Value =
        serde_json::from_str(&succeed(dir.path(), "skerry", &words)).expect("it is JSON");
    assert_eq!(notebook["steps"][2]["settings"]["k"], 79);
    assert_eq!(notebook["steps"][3]["settings"]["use_k"], 49);
    assert_eq!(done(&notebook).len(), 7);
    let topics = pipeline(dir.path(), &["--preset", "topics", "--out", "topics"]);
    let steps = [
        "ingest",
        "embed",
        "knn",
        "reduce",
        "reduced_knn",
        "cluster",
        "project",
        "label",
        "viz",
    ];
    assert_eq!(done(&topics), steps);
    let footer =
        artifacts::Footer::read(&dir.path().join("topics/reduced.parquet")).expect("it reads");
    assert_eq!(footer.expect("it has one").kind, "embeddings");
    assert_eq!(
        done(&pipeline(
            dir.path(),
            &["--preset", "topics", "--out", "topics"]
        )),
        Vec::<String>::new()
    );
}

#[test]
fn settings_come_from_flag_then_file_then_default() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let file = "[embed]\nencoder = \"hash\"\n\n[knn]\nk = 12\n\n[cluster]\nmin_cluster_size = 7\nmin_samples = 4\n";
    std::fs::write(dir.path().join("my.toml"), file).expect("it can be written");
    let words = [
        "run",
        "texts.csv",
        "--preset",
        "direct",
        "--config",
        "my.toml",
        "--min-samples",
        "2",
        "--set",
        "project.min_dist=0.3",
        "--json",
    ];
    let manifest: Value =
        serde_json::from_str(&succeed(dir.path(), "skerry", &words)).expect("it is JSON");
    let settings = |step: usize| &manifest["steps"][step]["settings"];
    assert_eq!(settings(2)["k"], 12);
    assert_eq!(settings(3)["min_cluster_size"], 7);
    assert_eq!(settings(3)["min_samples"], 2);
    assert_eq!(settings(4)["min_dist"], 0.3);
    // The settings a run keeps are settings to run with.
    let words = ["run", "--config", "runs/latest/pipeline.toml", "--json"];
    let again: Value =
        serde_json::from_str(&succeed(dir.path(), "skerry", &words)).expect("it is JSON");
    assert_eq!(done(&again), Vec::<String>::new());
}

#[test]
fn wrong_settings_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let fails = |file: &str, expected: &str| {
        std::fs::write(dir.path().join("my.toml"), file).expect("it can be written");
        let output = run(
            dir.path(),
            "skerry",
            &["run", "texts.csv", "--config", "my.toml"],
        );
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.contains(expected) && errors.contains("hint:"),
            "{errors}"
        );
        assert!(!dir.path().join("runs/latest/documents.parquet").exists());
    };
    fails("[knn]\nkk = 12\n", "`[knn]` has no setting `kk`");
    fails("[knn]\nk = \"many\"\n", "a setting of `[knn]` is invalid");
    fails("[kmeans]\nk = 3\n", "no such step");
    fails("knn = 3\n", "`knn` is not a table");
    fails(
        "[knn]\nk = 9\n[cluster\n",
        "my.toml, line 3: not valid TOML: ",
    );
}

#[test]
fn another_program_replaces_a_stage() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let knn = program("skerry-knn");
    let command = format!(
        "'{}' --embeddings {{embeddings}} --neighbors {{neighbors}} --k 9 --quiet",
        knn.display()
    );
    std::fs::write(
        dir.path().join("my.toml"),
        format!("[knn]\ncommand = \"{command}\"\n"),
    )
    .expect("it can be written");
    pipeline(dir.path(), &["--config", "my.toml"]);
    let neighbors =
        Neighbors::read(&dir.path().join("runs/latest/neighbors.parquet")).expect("it reads");
    assert_eq!(neighbors.k, 9);
    std::fs::write(
        dir.path().join("my.toml"),
        "[knn]\ncommand = \"no-such-program\"\n",
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
    let output = run(dir.path(), "skerry", &words);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot start no-such-program"));
}

#[test]
fn too_few_rows_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("two.csv"), "text\none\ntwo\n").expect("it can be written");
    let output = run(
        dir.path(),
        "skerry",
        &["run", "two.csv", "--encoder", "hash"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint:"));
    // A small table works, with fewer neighbors than were asked for.
    let rows = (0..12)
        .map(|row| format!("a small text number {row} of a few\n"))
        .collect::<String>();
    std::fs::write(dir.path().join("small.csv"), format!("text\n{rows}"))
        .expect("it can be written");
    let report = succeed(
        dir.path(),
        "skerry",
        &["run", "small.csv", "--encoder", "hash"],
    );
    assert!(report.contains("rows      12"), "{report}");
}

#[test]
fn verify_finds_changed_files() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    pipeline(dir.path(), &[]);
    succeed(dir.path(), "skerry", &["verify"]);
    std::fs::write(dir.path().join("runs/latest/map.svg"), "changed").expect("it can be written");
    std::fs::remove_file(dir.path().join("runs/latest/figure.json")).expect("it is there");
    let output = run(dir.path(), "skerry", &["verify"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("CHANGED  map.svg") && text.contains("MISSING  figure.json"),
        "{text}"
    );
}

#[test]
fn standard_input_is_a_source() {
    use std::io::Write as _;
    use std::process::Stdio;

    let dir = tempfile::tempdir().expect("a directory");
    let csv = std::fs::read(write_texts(dir.path())).expect("it reads");
    let words = ["run", "-", "--format", "csv", "--encoder", "hash", "--out"];
    for (out, status) in [("piped", "done"), ("piped", "kept")] {
        let mut words = words.to_vec();
        words.extend([out, "--json"]);
        let mut process = command(dir.path(), "skerry", &words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        process
            .stdin
            .take()
            .expect("it is piped")
            .write_all(&csv)
            .expect("it is read");
        let output = process.wait_with_output().expect("it ends");
        let manifest: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        assert!(
            statuses(&manifest).iter().all(|(_, found)| found == status),
            "{manifest}"
        );
    }
    let words = [
        "run",
        "texts.csv",
        "--format",
        "csv",
        "--encoder",
        "hash",
        "--out",
        "file",
    ];
    succeed(dir.path(), "skerry", &words);
    let hash = |out: &str| {
        artifacts::sha256(&dir.path().join(out).join("documents.parquet")).expect("it is there")
    };
    assert_eq!(hash("piped"), hash("file"));
}

/// A fact that is declared, so that readers may read it, is written by a stage; and no other fact is.
#[test]
fn written_facts_equal_declared_facts() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    pipeline(
        dir.path(),
        &[
            "--bootstrap",
            "20",
            "--recall-sample",
            "40",
            "--membership",
            "2",
        ],
    );
    let mut seen = 0;
    for table in artifacts::TABLES {
        let path = dir.path().join("runs/latest").join(table.file);
        if !path.exists() {
            continue;
        }
        let footer = artifacts::Footer::read(&path).expect("it reads");
        let footer = serde_json::to_value(footer).expect("it is JSON");
        let written = footer["facts"].as_object().expect("facts are an object");
        for fact in table.facts {
            assert!(
                written.contains_key(fact.name),
                "{} of {} is declared and not written",
                fact.name,
                table.file
            );
        }
        assert_eq!(
            written.len(),
            table.facts.len(),
            "{}: {written:?}",
            table.file
        );
        seen += table.facts.len();
    }
    assert!(seen > 60, "{seen} facts");
}
