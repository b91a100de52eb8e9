//! Models of model2vec, and the static encoder: the right vectors, and what is kept for other runs. Expected numbers are those of
//! `NumPy`.

use std::path::{Path, PathBuf};

use artifacts::{EmbeddingsFacts, Footer};
use serde_json::json;

use crate::hub::own_encoder::{bert, safetensors};
use crate::support::{Bench, D, WORDS, describe, documents, tokenizer, weight};

const WORD_COUNT: usize = WORDS.len() + 4;

/// A directory of model2vec with the vectors of the small models.
fn potion(bench: &Bench, config: &serde_json::Value) -> PathBuf {
    let dir = bench.path("potion");
    let table = (0..WORD_COUNT).flat_map(|id| (0..D).map(move |dimension| weight(id, dimension)));
    let tensor = (
        "embeddings".to_owned(),
        vec![WORD_COUNT, D],
        table.collect(),
    );
    describe(&dir, "config.json", &config.to_string());
    describe(&dir, "tokenizer.json", &tokenizer());
    std::fs::write(dir.join("model.safetensors"), safetensors(&[tensor])).unwrap();
    // Some repositories have a graph, too, of other inputs.
    describe(&dir, "onnx/model.onnx", "another graph");
    dir
}

fn model2vec(normalize: bool) -> serde_json::Value {
    json!({"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": normalize})
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn close(found: &[f32], expected: &[f32]) {
    let near = found
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(
        near && found.len() == expected.len(),
        "{found:?} is not {expected:?}"
    );
}

#[test]
fn vectors_of_model2vec_are_means_of_known_tokens() {
    let texts = [
        "red sea",
        "Red red red unheard",
        "salt salt stone",
        "🌊",
        "red sea",
    ];
    let expected = [
        [1.0, 0.5, 0.0, 5.0],
        [1.5, -4.5, 0.5, 5.5],
        [-1.166_666_7, 0.166_666_7, -2.166_666_7, -0.833_333_3],
        [0.0; 4],
        [1.0, 0.5, 0.0, 5.0],
    ];
    let bench = Bench::new(&texts);
    let dir = potion(&bench, &model2vec(false));
    let report = bench.report(&["--model", word(&dir)]);
    let found = bench.embeddings();
    for (row, expected) in expected.iter().enumerate() {
        close(found.row(row), expected);
    }
    assert_eq!(
        (&report["engine"], &report["max_tokens"]),
        (&json!("static"), &json!(512))
    );
    assert_eq!(
        (&report["unknown"], &report["preview"]),
        (&json!(1), &json!(false))
    );
    // They do not depend on other texts, so they are cached.
    let again = bench.report(&["--model", word(&dir)]);
    assert_eq!(
        (&again["embedded"], &again["cached"]),
        (&json!(0), &json!(4))
    );
    let cut = bench.report(&["--model", word(&dir), "--max-tokens", "2"]);
    assert_eq!(
        (&cut["truncated"], &cut["tokens_lost"]),
        (&json!(2), &json!(3))
    );
    close(
        bench.embeddings().row(2),
        &[weight(8, 0), weight(8, 1), weight(8, 2), weight(8, 3)],
    );
    bench.report(&["--model", word(&dir), "--normalize", "true"]);
    close(
        bench.embeddings().row(0),
        &[0.195_180_01, 0.097_590_01, 0.0, 0.975_900_07],
    );
}

#[test]
fn a_model_of_model2vec_normalizes_as_its_configuration_says() {
    let bench = Bench::new(&["red sea", "salt"]);
    let dir = potion(&bench, &model2vec(true));
    bench.report(&["--model", word(&dir)]);
    close(
        bench.embeddings().row(0),
        &[0.195_180_01, 0.097_590_01, 0.0, 0.975_900_07],
    );
    let message = bench.failure(&["--model", word(&dir), "--engine", "ort"]);
    assert!(message.contains("no ONNX graph"), "{message}");
    std::fs::write(dir.join("model.safetensors"), "cut short").unwrap();
    let message = bench.failure(&["--model", word(&dir)]);
    assert!(
        message.contains("model.safetensors") && message.contains("safetensors file"),
        "{message}"
    );
}

const CORPUS: [&str; 5] = [
    "red sea",
    "salt stone red red",
    "bird wind blue",
    "green sea salt",
    "stone blue wind",
];

/// The cosines of the vectors of the bench, row-major.
fn cosines(bench: &Bench) -> Vec<f32> {
    let found = bench.embeddings();
    let dot = |i, j| {
        found
            .row(i)
            .iter()
            .zip(found.row(j))
            .map(|(a, b)| a * b)
            .sum()
    };
    let pairs = (0..found.len()).flat_map(|i| (0..found.len()).map(move |j| (i, j)));
    pairs.map(|(i, j)| dot(i, j)).collect()
}

#[test]
fn static_vectors_are_those_of_the_reference() {
    let bench = Bench::new(&CORPUS);
    let dir = potion(&bench, &model2vec(true));
    let arguments = ["--model", word(&dir), "--encoder", "static", "--dimensions"];
    let arguments = |components| [&arguments[..], &[components]].concat();
    let report = bench.report(&arguments("3"));
    #[rustfmt::skip]
    let expected = [
        1.0, 0.320_237, -0.257_178, -0.682_994, -0.743_642,
        0.320_237, 1.0, -0.960_565, -0.022_432, -0.839_271,
        -0.257_178, -0.960_565, 1.0, -0.207_58, 0.836_962,
        -0.682_994, -0.022_432, -0.207_58, 1.0, 0.228_925,
        -0.743_642, -0.839_271, 0.836_962, 0.228_925, 1.0,
    ];
    close(&cosines(&bench), &expected);
    assert_eq!(
        (&report["engine"], &report["preview"]),
        (&json!("static"), &json!(true))
    );
    assert_eq!(
        (&report["embedded"], &report["cached"]),
        (&json!(5), &json!(0))
    );
    assert!(report.to_string().contains("are a preview"), "{report}");
    let footer = Footer::read(&bench.path("embeddings.parquet"))
        .unwrap()
        .unwrap();
    assert_eq!(footer.facts::<EmbeddingsFacts>().preview, Some(true));
    bench.report(&arguments("2"));
    #[rustfmt::skip]
    let expected = [
        1.0, 0.991_401, -0.976_09, -0.510_143, -0.990_229,
        0.991_401, 1.0, -0.939_252, -0.618_308, -0.963_465,
        -0.976_09, -0.939_252, 1.0, 0.310_991, 0.996_865,
        -0.510_143, -0.618_308, 0.310_991, 1.0, 0.385_216,
        -0.990_229, -0.963_465, 0.996_865, 0.385_216, 1.0,
    ];
    close(&cosines(&bench), &expected);
    let message = bench.failure(&arguments("5"));
    assert!(
        message.contains("to 5 dimensions") || message.contains('5'),
        "{message}"
    );
    // They depend on the other texts: the cache of vectors is neither read nor written.
    assert!(!bench.cache.join("vectors").exists());
}

#[test]
fn static_vectors_have_the_same_bytes_at_any_number_of_threads() {
    let texts: Vec<String> = (0..3000)
        .map(|at| {
            (0..=at % 7)
                .map(|i| WORDS[(at * 31 + i * i * 7) % 8])
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let bench = Bench::new(&texts);
    let dir = potion(&bench, &model2vec(true));
    let files = [
        "embeddings.parquet",
        "static_tokens.parquet",
        "static_projection.parquet",
    ];
    let bytes = |threads| {
        let report = bench.report(&[
            "--model",
            word(&dir),
            "--encoder",
            "static",
            "--dimensions",
            "3",
            "--threads",
            threads,
        ]);
        assert_eq!(report["rows"], 3000);
        assert!(report["repeated"].as_u64() > Some(0));
        files.map(|name| std::fs::read(bench.path(name)).unwrap())
    };
    assert!(bytes("1") == bytes("2"));
}

#[test]
fn the_word_vectors_of_a_transformer_are_its_input_embeddings() {
    let bench = Bench::new(&CORPUS);
    let model = bench.path("bert");
    let config = json!({
        "model_type": "bert", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1,
        "max_position_embeddings": 16,
    });
    describe(&model, "config.json", &config.to_string());
    describe(&model, "tokenizer.json", &tokenizer());
    let tensors = bert();
    std::fs::write(model.join("model.safetensors"), safetensors(&tensors)).unwrap();
    let words = tensors
        .iter()
        .find(|(name, ..)| name.ends_with("word_embeddings.weight"))
        .unwrap();
    let table = ("embeddings".to_owned(), words.1.clone(), words.2.clone());
    let potion = potion(&bench, &model2vec(true));
    std::fs::write(potion.join("model.safetensors"), safetensors(&[table])).unwrap();
    let vectors = |model: &Path| {
        bench.report(&[
            "--model",
            word(model),
            "--encoder",
            "static",
            "--dimensions",
            "6",
        ]);
        bench.embeddings().values().to_vec()
    };
    assert_eq!(vectors(&model), vectors(&potion));
    assert_eq!(bench.embeddings().dim(), 6);
}

#[test]
fn other_rows_get_the_projection_of_a_run() {
    let bench = Bench::new(&CORPUS);
    let dir = potion(&bench, &model2vec(true));
    let arguments = ["--model", word(&dir), "--encoder", "static"];
    bench.report(&[&arguments[..], &["--dimensions", "3"]].concat());
    let old = bench.embeddings();
    // Other texts, two of them old, and a word that the old ones do not have.
    let new = Bench::new(&[
        "wind wind sea",
        "stone blue wind",
        "red sea",
        "bird unheard",
        "green",
    ]);
    let from = [&arguments[..], &["--static-from", word(bench.dir.path())]].concat();
    new.report(&from);
    let found = new.embeddings();
    assert_eq!((found.row(1), found.row(2)), (old.row(4), old.row(0)));
    for name in ["static_tokens.parquet", "static_projection.parquet"] {
        assert!(new.path(name).exists());
    }
    // Fitted to themselves, they are others.
    new.report(&[&arguments[..], &["--dimensions", "3"]].concat());
    assert_ne!(new.embeddings().row(2), old.row(0));

    let refused = |arguments: &[&str], fact: &str| {
        let output = new.run(arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(fact), "{message}");
    };
    refused(
        &[&from[..], &["--dimensions", "3"]].concat(),
        "--dimensions does not apply",
    );
    refused(
        &["--static-from", word(bench.dir.path())],
        "without `--encoder static`",
    );
    // Another model.
    let config = json!({"model_type": "model2vec", "normalize": false});
    describe(&dir, "config.json", &config.to_string());
    let message = new.failure(&from);
    assert!(message.contains("was not fitted with"), "{message}");
}

#[test]
fn texts_without_tokens_get_zero_and_equal_texts_are_refused() {
    let bench = Bench::new(&[
        "red sea",
        "salt stone",
        "\u{200b}",
        "bird",
        "wind blue green",
    ]);
    let dir = potion(&bench, &model2vec(true));
    // The normalization of BERT removes the character.
    let path = dir.join("tokenizer.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let normalizer = r#"{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"#;
    std::fs::write(&path, text.replace(r#"{"type":"Lowercase"}"#, normalizer)).unwrap();
    let arguments = [
        "--model",
        word(&dir),
        "--encoder",
        "static",
        "--dimensions",
        "2",
    ];
    let report = bench.report(&arguments);
    assert!(
        report.to_string().contains("1 texts have no tokens"),
        "{report}"
    );
    assert_eq!(bench.embeddings().row(2), [0.0, 0.0]);
    documents(&bench.path("documents.parquet"), &["red", "red red", "RED"]);
    let message = bench.failure(&arguments);
    assert!(message.contains("do not differ"), "{message}");
}
