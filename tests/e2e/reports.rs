//! Every report, as text and as JSON, compared with the reviewed snapshot: see [`Transcript`].

use std::path::Path;

use pipeline_tests::{Transcript, small_run, write_texts};

/// A transcript of commands in a directory with a run of the recipe `direct`, compared with the reviewed one.
fn reports(name: &str, lines: &[&str]) {
    let dir = tempfile::tempdir().expect("a directory");
    small_run(dir.path(), &["--preset", "direct"]);
    write_tables(dir.path());
    let mut transcript = Transcript::new(dir.path());
    for line in lines {
        transcript.report(line);
    }
    transcript.assert_snapshot(&format!("reports/{name}"));
}

/// Tables with rows or values that are left out or changed.
fn write_tables(dir: &Path) {
    let write = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).expect("it can be written");
    };
    // A repeated text, an empty one, one that `--where` leaves out, a row of too many fields, and a name that occurs twice.
    write(
        "messy.csv",
        "title,year,year,when\nferry,2020,1,2026-01-31 10:00\nferry,2021,2,2026-02-01 11:30\n,2022,3,\nharbor &amp; quay,2023,4,\n\
         pilot,1990,5,\nquay,2024,6,\ntoo,many,fields,in,it\ndredger,2025,NaN,\n",
    );
    write(
        "vectors.jsonl",
        "{\"title\": \"one\", \"v\": [1, 2]}\n{\"title\": \"two\", \"v\": [0, 0]}\n{\"title\": \"three\", \"v\": [5, 6]}\n\
         {\"title\": \"four\", \"v\": [6, 7]}\n{\"title\": \"five\", \"v\": [6, 7]}\n",
    );
}

#[test]
fn ingest() {
    let lines = [
        "skerry-ingest texts.csv --run runs/latest",
        "skerry-ingest texts.csv --run runs/latest --json",
        "skerry-ingest messy.csv --run messy --on-bad-row skip --where 'year >= 2000' --dedup --decode-entities",
        "skerry-ingest messy.csv --run messy --on-bad-row skip --where 'year >= 2000' --dedup --decode-entities --json",
        "skerry-ingest texts.csv --run sample --sample 20 --limit 10",
        "skerry-ingest vectors.jsonl --run vectors --vectors v",
    ];
    reports("ingest", &lines);
}

#[test]
fn embed() {
    let lines = [
        "skerry-embed --run runs/latest",
        "skerry-embed --run runs/latest --json",
    ];
    reports("embed", &lines);
}

#[test]
fn models() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join("hf/hub").join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        std::fs::write(path, bytes).expect("it can be written");
    };
    // As another program left them: a model with a graph, one without, one for other purposes.
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for (repo, file, bytes, model_type) in [
        (
            "both--engines",
            "onnx/model.onnx",
            &[8, 8, 0x3a, 0][..],
            "bert",
        ),
        ("own--encoder", "model.safetensors", b"weights", "mpnet"),
        ("other--model", "model.gguf", b"weights", "llama"),
    ] {
        let at = format!("models--{repo}");
        write(&format!("{at}/refs/main"), commit.as_bytes());
        let config = format!("{{\"model_type\":\"{model_type}\"}}");
        for (name, bytes) in [
            (file, bytes),
            ("tokenizer.json", b"{}"),
            ("config.json", config.as_bytes()),
        ] {
            write(&format!("{at}/snapshots/{commit}/{name}"), bytes);
        }
    }
    let mut transcript = Transcript::new(dir.path());
    for line in [
        "skerry models list",
        "skerry models remove own/encoder",
        "skerry models list --json",
        "skerry models cache",
        "skerry models cache --clear --json",
    ] {
        transcript.report(line);
    }
    transcript.assert_snapshot("reports/models");
}

#[test]
fn knn() {
    let lines = [
        "skerry-knn --run runs/latest",
        "skerry-knn --run runs/latest --json",
        "skerry-knn --run runs/latest --backend partitioned --list-size 16 --recall-sample 40",
        "skerry-knn --run runs/latest --backend partitioned --list-size 16 --recall-sample 40 --json",
        "skerry-ingest vectors.jsonl --run vectors --vectors v --quiet",
        "skerry-knn --run vectors --k 2 --bad-rows isolate",
    ];
    reports("knn", &lines);
}

#[test]
fn cluster() {
    let lines = [
        "skerry-cluster --run runs/latest",
        "skerry-cluster --run runs/latest --json",
        "skerry-cluster --run runs/latest --tree exact --min-cluster-size 5 --membership 2 --assign-noise nearest --bootstrap 20",
        "skerry-cluster --run runs/latest --tree exact --min-cluster-size 5 --membership 2 --assign-noise nearest --bootstrap 20 --json",
        "skerry-cluster --run runs/latest --engine hdbscan",
    ];
    reports("cluster", &lines);
}

#[test]
fn sweep() {
    let lines = [
        "skerry sweep --run runs/latest --min-cluster-sizes 8,40,90",
        "skerry sweep --run runs/latest --min-cluster-sizes 8,40,90 --json",
    ];
    reports("sweep", &lines);
}

#[test]
fn predict() {
    let lines = [
        "skerry-ingest texts.csv --run new --sample 50 --quiet",
        "skerry-embed --run new --encoder hash --quiet",
        "skerry predict --run runs/latest new/embeddings.parquet",
        "skerry predict --run runs/latest new/embeddings.parquet --json",
    ];
    reports("predict", &lines);
}

#[test]
fn project() {
    let lines = [
        "skerry-project --run runs/latest",
        "skerry-project --run runs/latest --json",
        "skerry-project --neighbors runs/latest/neighbors.parquet --projection reduced.parquet --components 5",
    ];
    reports("project", &lines);
}

#[test]
fn label() {
    let lines = [
        "skerry-label --run runs/latest",
        "skerry-label --run runs/latest --json",
    ];
    reports("label", &lines);
}

#[test]
fn viz() {
    let lines = [
        "skerry-viz --run runs/latest",
        "skerry-viz --run runs/latest --json",
        "skerry-viz --run runs/latest --renderer plotly --columns topic",
    ];
    reports("viz", &lines);
}

#[test]
fn run() {
    let dir = tempfile::tempdir().expect("a directory");
    write_texts(dir.path());
    let mut transcript = Transcript::new(dir.path());
    let begin = "skerry run texts.csv --preset direct --encoder hash --min-cluster-size 8";
    for more in [
        "--k 20 --dry-run",
        "--k 20",
        "--k 20 --verbose",
        "--k 15 --dry-run",
        "--k 20 --only label --quiet",
        "--k 20 --title Harbors --json",
    ] {
        let line = format!("{begin} {more}");
        transcript.report(&line);
    }
    transcript.assert_snapshot("reports/run");
}

#[test]
fn verify() {
    let lines = ["skerry verify", "skerry verify --json"];
    reports("verify", &lines);
}
