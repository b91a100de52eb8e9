//! Files that do not belong together, or are not what they were, are refused; those of one run never are.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, FixedSizeListArray, Float32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use artifacts::{Embeddings, Footer};
use pipeline_tests::{run, succeed, write_texts};
use serde_json::Value;

/// A run into `out`, of the small texts with `word` in the place of another word: as many rows, other files.
fn made(dir: &Path, out: &str, word: &str, more: &[&str]) {
    let texts = write_texts(dir);
    let csv = std::fs::read_to_string(&texts).expect("it reads");
    let csv = csv.replace("harbor", word);
    std::fs::write(&texts, csv).expect("it can be written");
    let mut words = vec!["run", "texts.csv", "--encoder", "hash", "--out", out];
    words.push("--quiet");
    // The notebook has its own.
    if !more.contains(&"notebook") {
        words.extend(["--k", "20", "--min-cluster-size", "8"]);
    }
    words.extend(more);
    succeed(dir, "skerry", &words);
}

/// What `program` says that refuses to work, with a hint.
fn refused(dir: &Path, program: &str, words: &[&str]) -> String {
    let output = run(dir, program, words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{program} {words:?}: {errors}"
    );
    assert!(errors.contains("hint: "), "{errors}");
    errors
}

/// What `program` says of files that do not fit.
fn warnings(dir: &Path, program: &str, words: &[&str]) -> Vec<String> {
    let words = [words, &["--json"]].concat();
    let report: Value = serde_json::from_str(&succeed(dir, program, &words)).expect("JSON");
    let warnings = report["warnings"].as_array().expect("a list").iter();
    warnings
        .map(|line| line.as_str().expect("text").to_owned())
        .filter(|line| line.contains("SHA-256") || line.contains("manifest.json"))
        .collect()
}

#[test]
fn files_of_two_runs_with_equal_row_counts_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    made(dir, "a", "harbor", &["--preset", "direct"]);
    made(dir, "b", "haven", &["--preset", "direct"]);
    let cluster = [
        "--neighbors",
        "b/neighbors.parquet",
        "--clusters",
        "out.parquet",
        "--embeddings",
    ];
    let other = [&cluster[..], &["a/embeddings.parquet"]].concat();
    let errors = refused(dir, "skerry-cluster", &other);
    let footer = Footer::read(&dir.join("b/neighbors.parquet")).expect("it reads");
    let recorded = footer.expect("it has one").inputs["embeddings"].clone();
    let found = artifacts::sha256(&dir.join("a/embeddings.parquet")).expect("it reads");
    for part in [
        "b/neighbors.parquet was made from other embeddings than a/embeddings.parquet",
        &recorded[..12],
        &found[..12],
        "--allow-mismatch",
    ] {
        assert!(errors.contains(part), "{part} is missing: {errors}");
    }
    assert!(!dir.join("out.parquet").exists());
    let warned = warnings(
        dir,
        "skerry-cluster",
        &[&other[..], &["--allow-mismatch"]].concat(),
    );
    assert!(
        warned
            .iter()
            .any(|line| line.contains("made from other embeddings")),
        "{warned:?}"
    );
    let own = [&cluster[..], &["b/embeddings.parquet"]].concat();
    assert_eq!(warnings(dir, "skerry-cluster", &own), Vec::<String>::new());

    for (program, words, expected) in [
        (
            "skerry-project",
            "--neighbors b/neighbors.parquet --embeddings a/embeddings.parquet --projection out",
            "other embeddings",
        ),
        (
            "skerry-label",
            "--documents a/documents.parquet --clusters b/clusters.parquet --topics out",
            "b/clusters.parquet was made from other documents than a/documents.parquet",
        ),
        (
            "skerry-viz",
            "--documents a/documents.parquet --clusters a/clusters.parquet --projection b/projection.parquet --map out",
            "b/projection.parquet was made from other documents",
        ),
        // Neither was made from the other; both from documents.
        (
            "skerry-label",
            "--documents c.parquet --clusters a/clusters.parquet --embeddings b/embeddings.parquet --topics out",
            "a/clusters.parquet",
        ),
    ] {
        // As a foreign program would write it.
        std::fs::copy(dir.join("a/documents.parquet"), dir.join("c.parquet")).expect("it copies");
        let words: Vec<&str> = words.split(' ').collect();
        let errors = refused(dir, program, &words);
        assert!(errors.contains(expected), "{words:?}: {errors}");
    }
}

#[test]
fn files_of_one_run_are_never_refused() {
    for preset in ["topics", "direct", "notebook"] {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path();
        made(dir, "runs/latest", "harbor", &["--preset", preset]);
        made(dir, "new", "haven", &["--preset", "direct"]);
        let run = ["--run", "runs/latest"];
        for stage in ["embed", "knn", "project", "cluster", "label", "viz"] {
            let warned = warnings(dir, &format!("skerry-{stage}"), &run);
            assert_eq!(warned, Vec::<String>::new(), "{preset}, {stage}");
        }
        let sweep = ["sweep", "--run", "runs/latest", "--min-cluster-sizes", "8"];
        assert_eq!(warnings(dir, "skerry", &sweep), Vec::<String>::new());
        let predict = ["predict", "--run", "runs/latest", "new/embeddings.parquet"];
        assert_eq!(warnings(dir, "skerry", &predict), Vec::<String>::new());
        succeed(dir, "skerry", &["verify"]);
    }
}

/// As with UMAP over more neighbors than HDBSCAN takes.
#[test]
fn a_map_from_other_neighbors_of_the_same_vectors_is_accepted() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    made(dir, "runs/latest", "harbor", &[]);
    let words = ["--run", "runs/latest", "--k", "40"];
    assert_eq!(warnings(dir, "skerry-knn", &words), Vec::<String>::new());
    for stage in ["skerry-project", "skerry-viz"] {
        assert_eq!(
            warnings(dir, stage, &["--run", "runs/latest"]),
            Vec::<String>::new()
        );
    }
    // But neighbors are not those of the layout that was made from them.
    let words = "--neighbors runs/latest/neighbors.parquet --embeddings runs/latest/reduced.parquet --clusters c.parquet";
    let words: Vec<&str> = words.split(' ').collect();
    let errors = refused(dir, "skerry-cluster", &words);
    assert!(
        errors.contains("was made from other embeddings than runs/latest/reduced.parquet"),
        "{errors}"
    );
    let words = "predict --run runs/latest --vectors other/embeddings.parquet runs/latest/embeddings.parquet";
    made(dir, "other", "haven", &["--preset", "direct"]);
    let words: Vec<&str> = words.split(' ').collect();
    let errors = refused(dir, "skerry", &words);
    assert!(
        errors.contains("were made from different documents"),
        "{errors}"
    );
}

#[test]
fn a_stage_run_alone_updates_the_manifest() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    made(dir, "runs/latest", "harbor", &[]);
    let before = artifacts::sha256(&dir.join("runs/latest/clusters.parquet")).expect("it reads");
    let words = [
        "--run",
        "runs/latest",
        "--min-cluster-size",
        "12",
        "--seed",
        "7",
    ];
    succeed(dir, "skerry-cluster", &words);
    let clusters = artifacts::sha256(&dir.join("runs/latest/clusters.parquet")).expect("it reads");
    assert_ne!(clusters, before);
    let manifest = std::fs::read(dir.join("runs/latest/manifest.json")).expect("it reads");
    let manifest: Value = serde_json::from_slice(&manifest).expect("it is JSON");
    let step = &manifest["steps"][5];
    assert_eq!(step["step"], "cluster");
    assert_eq!(step["outputs"]["clusters.parquet"], clusters.as_str());
    assert_eq!(
        (&step["settings"]["min_cluster_size"], &step["seed"]),
        (&12.into(), &7.into())
    );
    assert!(step["usage"]["seconds"].is_number() && step["report"]["clusters"].is_number());
    succeed(dir, "skerry", &["verify"]);
    // The names are still those of the other clusters.
    let errors = refused(dir, "skerry-viz", &["--run", "runs/latest"]);
    assert!(
        errors.contains("topics.parquet was made from other clusters"),
        "{errors}"
    );
    succeed(dir, "skerry-label", &["--run", "runs/latest"]);
    succeed(dir, "skerry-viz", &["--run", "runs/latest"]);
    succeed(dir, "skerry", &["verify"]);
    // The settings of the run are what they were: it goes back to them.
    let redone = succeed(dir, "skerry", &["run", "--json"]);
    let redone: Value = serde_json::from_str(&redone).expect("it is JSON");
    let done = redone["steps"].as_array().expect("a list").iter();
    let done: Vec<&str> = done
        .filter(|step| step["status"] == "done")
        .filter_map(|step| step["step"].as_str())
        .collect();
    assert_eq!(done, ["cluster", "label", "viz"]);
    assert_eq!(
        artifacts::sha256(&dir.join("runs/latest/clusters.parquet")).expect("it reads"),
        before
    );
}

#[test]
fn a_file_that_differs_from_the_manifest_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    made(dir, "a", "harbor", &["--preset", "direct"]);
    made(dir, "b", "haven", &["--preset", "direct"]);
    let path = dir.join("b/embeddings.parquet");
    let whole = std::fs::read(&path).expect("it reads");
    // Damaged in a page.
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 0x10;
    std::fs::write(&path, &bytes).expect("it can be written");
    let errors = refused(dir, "skerry-knn", &["--run", "b"]);
    for part in [
        "b/embeddings.parquet has changed since it was written",
        "fail their checksum",
        "`skerry run --out b`",
    ] {
        assert!(errors.contains(part), "{part} is missing: {errors}");
    }
    // If no record has its hash, the checksums inside the file detect damage.
    let words = [
        "--embeddings",
        "b/embeddings.parquet",
        "--neighbors",
        "out.parquet",
    ];
    let errors = refused(dir, "skerry-knn", &words);
    assert!(errors.contains("fail their checksum"), "{errors}");
    // Replaced: whole, but another.
    std::fs::copy(dir.join("a/embeddings.parquet"), &path).expect("it copies");
    let errors = refused(dir, "skerry-knn", &["--run", "b"]);
    assert!(
        errors.contains("has changed since it was written"),
        "{errors}"
    );
    assert!(!errors.contains("checksum"), "{errors}");
    let warned = warnings(dir, "skerry-knn", &["--run", "b", "--allow-mismatch"]);
    assert!(
        warned[0].contains("has changed since it was written"),
        "{warned:?}"
    );
    // Mended.
    std::fs::write(&path, &whole).expect("it can be written");
    succeed(dir, "skerry-knn", &["--run", "b"]);
    succeed(dir, "skerry", &["verify", "b"]);
}

/// It may come from anywhere: paths in it are compared with nothing and lead nowhere.
#[test]
fn a_manifest_applies_only_to_files_in_its_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    made(dir, "runs/latest", "harbor", &["--preset", "direct"]);
    let own = dir.join("own.parquet");
    std::fs::copy(dir.join("runs/latest/embeddings.parquet"), &own).expect("it copies");
    let path = dir.join("runs/latest/manifest.json");
    let text = std::fs::read_to_string(&path).expect("it reads");
    let mut manifest: Value = serde_json::from_str(&text).expect("it is JSON");
    let outputs = manifest["steps"][2]["outputs"]
        .as_object_mut()
        .expect("an object");
    for file in [
        "../../own.parquet",
        "own.parquet",
        own.to_str().expect("it is text"),
    ] {
        outputs.insert(file.to_owned(), "0".repeat(64).into());
    }
    std::fs::write(&path, manifest.to_string()).expect("it can be written");
    let before = std::fs::read(&own).expect("it reads");
    let words = [
        "--run",
        "runs/latest",
        "--embeddings",
        "own.parquet",
        "--k",
        "20",
    ];
    assert_eq!(warnings(dir, "skerry-knn", &words), Vec::<String>::new());
    assert_eq!(std::fs::read(&own).expect("it reads"), before);
    // An unreadable log is reported, and is not an error.
    std::fs::write(&path, "{").expect("it can be written");
    let warned = warnings(dir, "skerry-knn", &["--run", "runs/latest"]);
    assert!(
        warned[0].contains("manifest.json cannot be read"),
        "{warned:?}"
    );
    assert_eq!(std::fs::read(&path).expect("it reads"), b"{");
}

/// The vectors of `parquet` as another program might write them, each times `factor`.
fn foreign(parquet: &Path, ipc: &Path, factor: f32) {
    let read = Embeddings::read(parquet).expect("it reads");
    let values = Float32Array::from_iter_values(read.values().iter().map(|value| value * factor));
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let lists = FixedSizeListArray::new(item, read.dim() as i32, Arc::new(values), None);
    let field = Field::new("embedding", lists.data_type().clone(), false);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(lists)]).expect("it fits");
    let file = std::fs::File::create(ipc).expect("it can be made");
    let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &schema).expect("it begins");
    writer.write(&batch).expect("it can be written");
    writer.finish().expect("it ends");
}

#[test]
fn files_without_footers_are_accepted() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    made(dir, "a", "harbor", &["--preset", "direct"]);
    foreign(&dir.join("a/embeddings.parquet"), &dir.join("f.arrow"), 1.0);
    foreign(&dir.join("a/embeddings.parquet"), &dir.join("g.arrow"), 2.0);
    let clean = |program: &str, words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let warned = warnings(dir, program, &words);
        assert_eq!(warned, Vec::<String>::new(), "{program} {words:?}");
    };
    clean("skerry-knn", "--embeddings f.arrow --neighbors n.parquet");
    clean(
        "skerry-cluster",
        "--neighbors n.parquet --embeddings f.arrow --clusters c.parquet",
    );
    clean(
        "skerry-project",
        "--neighbors n.parquet --embeddings f.arrow --projection p.parquet",
    );
    // Nobody says what the vectors were made from, or that they are not a layout of others.
    clean(
        "skerry-label",
        "--documents a/documents.parquet --clusters c.parquet --embeddings a/embeddings.parquet --topics t.parquet",
    );
    clean(
        "skerry-viz",
        "--documents a/documents.parquet --clusters c.parquet --projection p.parquet --topics t.parquet \
         --neighbors n.parquet --map m.parquet",
    );
    // But of which vectors the neighbors are is known.
    let words = [
        "--neighbors",
        "n.parquet",
        "--embeddings",
        "g.arrow",
        "--clusters",
        "d.parquet",
    ];
    let errors = refused(dir, "skerry-cluster", &words);
    assert!(
        errors.contains("was made from other embeddings than g.arrow"),
        "{errors}"
    );
}
