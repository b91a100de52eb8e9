//! What a model directory says, flags that override it, and the ways it can be wrong.

use super::{CLS, MODULES, close, path, place, state};
use crate::support::{Bench, Tiny, describe};

#[test]
fn flags_override_the_directory() {
    let Some(place) = place(Tiny::default(), &["red sea", "bird"]) else {
        return;
    };
    let flags = [
        "--pooling",
        "last",
        "--normalize",
        "true",
        "--prefix",
        "wind: ",
        "--max-tokens",
        "20",
    ];
    place.bench.report(&place.arguments(&flags));
    let mut expected = state(&[0, 11, 3, 4, 7, 2], 5);
    let length = expected
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt();
    for value in &mut expected {
        *value /= length;
    }
    close(place.bench.embeddings().row(0), &expected);
}

#[test]
fn an_unknown_model_input_is_named() {
    let tiny = Tiny {
        more_input: Some("position_ids"),
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    let message = place.bench.failure(&place.arguments(&[]));
    assert!(
        message.contains("has an input `position_ids`; supported are input_ids, attention_mask and token_type_ids")
            && message.contains("export"),
        "{message}"
    );
}

#[test]
fn prompts_excluded_from_pooling_are_refused() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    describe(
        &place.model,
        "1_Pooling/config.json",
        r#"{"pooling_mode_mean_tokens":true,"include_prompt":false}"#,
    );
    // Without a prompt it makes no difference.
    place.bench.report(&place.arguments(&[]));
    let message = place
        .bench
        .failure(&place.arguments(&["--prefix", "blue "]));
    assert!(
        message.contains("include_prompt") && message.contains("--pooling mean"),
        "{message}"
    );
    place
        .bench
        .report(&place.arguments(&["--prefix", "blue ", "--pooling", "mean"]));
}

#[test]
fn a_model_reads_no_file_outside_its_directory() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    let fails = |name: &str| {
        let message = place.bench.failure(&place.arguments(&[]));
        assert!(
            message.contains("names a file outside its directory"),
            "{message}"
        );
        assert!(message.contains(name), "no {name:?} in: {message}");
    };
    let file = |name: &str| place.model.join(name);
    let weights = std::fs::read(file("model.onnx_data")).unwrap();
    std::fs::write(file("../secret_data_"), &weights).unwrap();
    let graph = std::fs::read(file("model.onnx")).unwrap();
    // Names of the same length, so that the graph stays one.
    for location in ["../secret_data_", "/tmp/secret.dat", "a/../../secretd"] {
        let (old, new) = (b"model.onnx_data", location.as_bytes());
        assert_eq!(old.len(), new.len());
        let at = graph
            .windows(old.len())
            .position(|bytes| bytes == old)
            .unwrap();
        let mut forged = graph.clone();
        forged[at..at + new.len()].copy_from_slice(new);
        std::fs::write(file("model.onnx"), forged).unwrap();
        fails(location);
    }
    std::fs::write(file("model.onnx"), &graph).unwrap();
    describe(
        &place.model,
        "modules.json",
        r#"[{"type":"sentence_transformers.models.Pooling","path":"../elsewhere"}]"#,
    );
    fails("../elsewhere/config.json");
    describe(&place.model, "modules.json", MODULES);
    #[cfg(unix)]
    for name in [
        "model.onnx_data",
        "tokenizer.json",
        "model.onnx",
        "config.json",
    ] {
        let kept = std::fs::read(file(name)).ok();
        std::fs::write(file("../moved"), kept.as_deref().unwrap_or(b"{}")).unwrap();
        let _ = std::fs::remove_file(file(name));
        std::os::unix::fs::symlink("../moved", file(name)).unwrap();
        fails(name);
        std::fs::remove_file(file(name)).unwrap();
        if let Some(kept) = kept {
            std::fs::write(file(name), kept).unwrap();
        }
    }
}

#[test]
fn faults_of_a_model_directory_are_reported() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    let fails = |words: &[&str]| {
        let message = place.bench.failure(&place.arguments(&[]));
        for word in words {
            assert!(message.contains(word), "no {word:?} in: {message}");
        }
    };
    let file = |name: &str| place.model.join(name);

    std::fs::remove_file(file("1_Pooling/config.json")).unwrap();
    fails(&["pooled", "--pooling"]);
    describe(&place.model, "1_Pooling/config.json", CLS);

    std::fs::rename(file("model.onnx_data"), file("elsewhere")).unwrap();
    fails(&["model.onnx_data", "missing", "beside"]);
    std::fs::rename(file("elsewhere"), file("model.onnx_data")).unwrap();

    std::fs::rename(file("tokenizer.json"), file("elsewhere")).unwrap();
    fails(&["tokenizer.json", "vocab.txt"]);
    std::fs::write(file("tokenizer.json"), "{}").unwrap();
    fails(&["tokenizer"]);
    std::fs::rename(file("elsewhere"), file("tokenizer.json")).unwrap();

    describe(
        &place.model,
        "sentence_bert_config.json",
        r#"{"max_seq_length":2}"#,
    );
    fails(&["max-tokens is 2"]);
    describe(&place.model, "sentence_bert_config.json", "{");
    fails(&["sentence_bert_config.json"]);
    describe(
        &place.model,
        "sentence_bert_config.json",
        r#"{"max_seq_length":6}"#,
    );

    Tiny {
        opset: 99,
        ..Tiny::default()
    }
    .write(&place.model);
    fails(&["opset", "newer"]);
    std::fs::write(file("model.onnx"), "version https://example.org/spec/v1\n").unwrap();
    fails(&["not an ONNX graph", "download"]);
    std::fs::remove_file(file("model.onnx")).unwrap();
    fails(&["holds no .onnx file"]);
    Tiny::default().write(&place.model);
    std::fs::rename(file("model.onnx"), file("a.onnx")).unwrap();
    std::fs::copy(file("a.onnx"), file("b.onnx")).unwrap();
    fails(&["a.onnx, b.onnx"]);
    let one = file("b.onnx");
    place
        .bench
        .report(&["--model", path(&one), "--onnxruntime", path(&place.library)]);
}

#[test]
fn missing_files_are_reported() {
    let bench = Bench::new(&["red sea"]);
    let message = bench.failure(&[]);
    assert!(
        message.contains("not installed")
            && message.contains("skerry setup")
            && message.contains("--model"),
        "{message}"
    );
    let message = bench.failure(&["--model", "bge-m3"]);
    assert!(
        message.contains("neither a model directory") && message.contains("such as BAAI/bge-m3"),
        "{message}"
    );
    let model = bench.path("model");
    std::fs::create_dir(&model).unwrap();
    Tiny::default().write(&model);
    let message = bench.failure(&[
        "--model",
        path(&model),
        "--pooling",
        "cls",
        "--onnxruntime",
        "no/such/library.so",
    ]);
    assert!(message.contains("no/such/library.so"), "{message}");
    let not_a_library = model.join("tokenizer.json");
    let message = bench.failure(&[
        "--model",
        path(&model),
        "--pooling",
        "cls",
        "--onnxruntime",
        path(&not_a_library),
    ]);
    assert!(
        message.contains("cannot load") && message.contains("1.24"),
        "{message}"
    );
}

#[test]
fn the_skerry_engine_refuses_unsupported_models() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    let own = ["--engine", "skerry"];
    let message = place.bench.failure(&place.arguments(&own));
    assert!(message.contains("config.json"), "{message}");
    describe(
        &place.model,
        "config.json",
        r#"{"model_type":"t5","hidden_size":4}"#,
    );
    let message = place.bench.failure(&place.arguments(&own));
    assert!(
        message.contains("t5") && message.contains("--engine ort"),
        "{message}"
    );
    describe(
        &place.model,
        "config.json",
        r#"{"model_type":"bert","hidden_size":4,"num_attention_heads":2}"#,
    );
    let message = place.bench.failure(&place.arguments(&own));
    assert!(
        message.contains("model.onnx") && message.contains("--engine ort"),
        "{message}"
    );
    // A precision that was asked for is not given up for another engine.
    let int8 = ["--precision", "int8"];
    let message = place.bench.failure(&place.arguments(&int8));
    assert!(message.contains("model.onnx"), "{message}");
    let output = place
        .bench
        .run(&place.arguments(&["--engine", "ort", "--precision", "int8"]));
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        message.contains("--precision does not apply to `--engine ort`"),
        "{message}"
    );
}
