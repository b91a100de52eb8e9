//! `skerry run --preview`, and what follows it: the real map, and new rows in the space of the preview.

use std::fmt::Write as _;
use std::path::Path;

use artifacts::{EmbeddingsFacts, Footer, Predictions};
use pipeline_tests::{manifest_of, refused, run, succeed, write_texts};
use serde_json::{Value, json};

/// A model of model2vec that knows the words of the texts, written to `potion` in `dir`: words of a subject have similar vectors.
fn write_model(dir: &Path) {
    const D: usize = 8;
    let csv = std::fs::read_to_string(dir.join("texts.csv")).expect("it reads");
    let mut words: Vec<String> = Vec::new();
    let (mut values, mut vocabulary) = (vec![0.0_f32; D], String::from(r#""<unk>":0"#));
    for (subject, line) in csv.lines().skip(1).enumerate() {
        for word in line.split(|letter: char| !letter.is_alphabetic()).take(6) {
            if word.is_empty() || words.iter().any(|known| known == word) {
                continue;
            }
            words.push(word.to_owned());
            let id = words.len();
            write!(vocabulary, r#","{word}":{id}"#).expect("a string takes any text");
            values.extend((0..D).map(|at| {
                let own = if at == subject % 6 { 3.0 } else { 0.0 };
                own + (id * 7 + at * 5) as f32 % 11.0 / 11.0
            }));
        }
    }
    let tokenizer = format!(
        r#"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
"pre_tokenizer":{{"type":"Whitespace"}},"post_processor":null,"decoder":null,
"model":{{"type":"WordLevel","vocab":{{{vocabulary}}},"unk_token":"<unk>"}}}}"#
    );
    let data: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let about = json!({"embeddings": {"dtype": "F32", "shape": [words.len() + 1, D], "data_offsets": [0, data.len()]}});
    let mut header = about.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let file = [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat();
    let potion = dir.join("potion");
    std::fs::create_dir_all(&potion).expect("it can be made");
    for (name, bytes) in [
        ("tokenizer.json", tokenizer.as_bytes()),
        (
            "config.json",
            br#"{"model_type":"model2vec","normalize":true}"#,
        ),
        ("model.safetensors", &file),
    ] {
        std::fs::write(potion.join(name), bytes).expect("it can be written");
    }
}

const RUN: [&str; 13] = [
    "run",
    "texts.csv",
    "--model",
    "potion",
    "--preset",
    "direct",
    "--k",
    "20",
    "--min-cluster-size",
    "8",
    "--allow-unknown",
    "--quiet",
    "--preview",
];

fn page(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("runs/latest/map.html")).expect("it reads")
}

fn step(dir: &Path, name: &str) -> Value {
    let manifest = manifest_of(dir);
    let steps = manifest["steps"].as_array().expect("it is a list");
    let step = steps.iter().find(|step| step["step"] == name);
    step.expect("there is one").clone()
}

#[test]
fn a_preview_is_followed_by_the_map_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    write_texts(dir);
    write_model(dir);
    let preview = succeed(dir, "skerry", &RUN);
    assert!(
        preview.contains("preview   of static vectors: `skerry run --out runs/latest` goes on"),
        "{preview}"
    );
    assert!(page(dir).contains("(preview)"));
    assert_eq!(step(dir, "embed")["settings"]["encoder"], "static");
    let settings =
        std::fs::read_to_string(dir.join("runs/latest/pipeline.toml")).expect("it reads");
    assert!(settings.contains("encoder = \"onnx\""), "{settings}");
    let again = succeed(dir, "skerry", &["run", "--preview", "--json"]);
    let again: Value = serde_json::from_str(&again).expect("it is JSON");
    for step in again["steps"].as_array().expect("it is a list") {
        assert_eq!(step["status"], "kept", "{step}");
    }

    let whole = succeed(dir, "skerry", &["run", "--quiet"]);
    assert!(!whole.contains("preview"), "{whole}");
    assert!(!page(dir).contains("(preview)"));
    assert_eq!(step(dir, "ingest")["status"], "kept");
    let embed = step(dir, "embed");
    assert_eq!(
        (&embed["status"], &embed["reason"]),
        (&json!("done"), &json!("changed: encoder"))
    );
    let latest = dir.join("runs/latest");
    let footer = Footer::read(&latest.join("embeddings.parquet")).expect("it reads");
    let facts: EmbeddingsFacts = footer.expect("it has one").facts();
    assert_eq!(facts.preview, Some(false));
    for name in ["static_tokens.parquet", "static_projection.parquet"] {
        assert!(!latest.join(name).exists(), "{name}");
    }
    succeed(dir, "skerry", &["verify", "runs/latest"]);
}

#[test]
fn new_rows_are_predicted_in_the_space_of_a_preview() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    write_texts(dir);
    write_model(dir);
    succeed(dir, "skerry", &RUN);
    std::fs::write(
        dir.join("new.csv"),
        "title\nferry pilot quay harbor dredger\nbaker flour oven yeast crust\njudge appeal verdict witness lawsuit\n",
    )
    .expect("it can be written");
    succeed(dir, "skerry", &["ingest", "new.csv", "--run", "new"]);
    let embed = [
        "embed",
        "--run",
        "new",
        "--model",
        "potion",
        "--encoder",
        "static",
        "--allow-unknown",
    ];
    succeed(dir, "skerry", &embed);
    let predict = ["predict", "--run", "runs/latest", "new/embeddings.parquet"];
    let facts = ["have another projection", "--static-from runs/latest"];
    refused(&run(dir, "skerry", &predict), 1, &facts);
    succeed(
        dir,
        "skerry",
        &[&embed[..], &["--static-from", "runs/latest"]].concat(),
    );
    succeed(dir, "skerry", &predict);
    let found = Predictions::read(&dir.join("runs/latest/predictions.parquet")).expect("it reads");
    assert_eq!(found.len(), 3);
    let mut clusters = found.value.nearest_cluster;
    assert!(clusters.iter().all(|&cluster| cluster >= 0), "{clusters:?}");
    clusters.dedup();
    assert!(clusters.len() > 1, "{clusters:?}");
}

#[test]
fn a_run_that_embeds_no_texts_has_no_preview() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(
        dir.path().join("vectors.jsonl"),
        "{\"title\": \"one\", \"v\": [1, 2]}\n{\"title\": \"two\", \"v\": [3, 4]}\n",
    )
    .expect("it can be written");
    let words = ["run", "vectors.jsonl", "--vectors", "v", "--preview"];
    refused(
        &run(dir.path(), "skerry", &words),
        2,
        &["--preview has no effect"],
    );
}
