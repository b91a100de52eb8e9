//! Texts on their way through a model: tokens, memory, failures, the cache.

use super::{close, place, state};
use crate::support::{Bench, Mixing, Tiny, describe};

#[test]
fn cls_pooling_takes_the_first_token() {
    let texts = [
        "red sea",
        "Salt, unheard of",
        "green green green green green green green",
        "red sea",
    ];
    let Some(place) = place(Tiny::default(), &texts) else {
        return;
    };
    let report = place.bench.report(&place.arguments(&[]));
    // `,` is a token too, and unknown; the third text loses 3 of its 9 tokens.
    let ids: [&[usize]; 4] = [
        &[0, 4, 7, 2],
        &[0, 8, 3, 3, 3, 2],
        &[0, 5, 5, 5, 5, 2],
        &[0, 4, 7, 2],
    ];
    let found = place.bench.embeddings();
    for (row, ids) in ids.iter().enumerate() {
        close(found.row(row), &state(ids, 0));
    }
    assert_eq!(
        (
            &report["embedded"],
            &report["repeated"],
            &report["dimensions"]
        ),
        (&3.into(), &1.into(), &4.into())
    );
    assert_eq!(
        (&report["truncated"], &report["tokens_lost"]),
        (&1.into(), &3.into())
    );
}

#[test]
fn a_text_over_the_memory_limit_is_refused_before_inference() {
    let long = "salt ".repeat(4000);
    let Some(place) = place(Tiny::default(), &["red sea", &long, "red sea", &long]) else {
        return;
    };
    describe(
        &place.model,
        "sentence_bert_config.json",
        r#"{"max_seq_length":5000}"#,
    );
    let whole = place.bench.report(&place.arguments(&["--no-cache"]));
    let Some(foreseen) = Bench::foreseen(&whole) else {
        return;
    };
    let bytes = place.bench.bytes();
    // Scores of one head, 4,002 x 4,002 f32, are 61 MiB of it.
    let limit = |mib: u64| format!("{mib}MiB");
    let enough = limit(foreseen + 20);
    place
        .bench
        .report(&place.arguments(&["--no-cache", "--memory-limit", &enough]));
    assert!(place.bench.bytes() == bytes);
    let short = limit(foreseen - 30);
    let message = place
        .bench
        .failure(&place.arguments(&["--no-cache", "--memory-limit", &short]));
    let allows = format!("--memory-limit is {} MiB", foreseen - 30);
    assert!(
        message.contains("row 1: a text of 4,002 tokens needs") && message.contains(&allows),
        "{message}"
    );
    let (_, hint) = message.split_once("--max-tokens ").unwrap();
    let fits: usize = hint.split(',').next().unwrap().parse().unwrap();
    assert!((2000..4000).contains(&fits), "{message}");
    // What the process holds beside is not the same in every run.
    let fits = (fits - 300).to_string();
    let cut = place.bench.report(&place.arguments(&[
        "--no-cache",
        "--memory-limit",
        &short,
        "--max-tokens",
        &fits,
    ]));
    assert_eq!(cut["truncated"], 2);
    let message = place
        .bench
        .failure(&place.arguments(&["--no-cache", "--memory-limit", "1MiB"]));
    assert!(
        message.contains("--memory-limit is 1 MiB") && message.contains("allow "),
        "{message}"
    );
}

#[test]
fn a_text_without_a_token_is_named_by_its_row() {
    let Some(place) = place(Tiny::default(), &["red", "red", "  "]) else {
        return;
    };
    let path = place.model.join("tokenizer.json");
    let mut tokenizer: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    tokenizer["post_processor"] = serde_json::Value::Null;
    std::fs::write(&path, tokenizer.to_string()).unwrap();
    let message = place.bench.failure(&place.arguments(&[]));
    assert!(
        message.contains("row 2: the tokenizer finds no token") && message.contains("--prefix"),
        "{message}"
    );
}

/// The table of the model has fewer rows than the tokenizer has words.
#[test]
fn a_text_that_the_model_cannot_encode_is_named_by_its_row() {
    let Some(place) = place(Tiny::default(), &["red", "red", "red wind"]) else {
        return;
    };
    let path = place.model.join("tokenizer.json");
    let tokenizer = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, tokenizer.replace(r#""wind":11"#, r#""wind":99"#)).unwrap();
    let message = place.bench.failure(&place.arguments(&[]));
    assert!(message.contains("row 2 among them"), "{message}");
}

#[test]
fn a_model_whose_vectors_depend_on_the_batch_runs_one_text_at_a_time() {
    let texts = ["red sea", "salt stone", "bird wind", "blue blue", "red"];
    let Some(place) = place(
        Tiny {
            mixing: Mixing::Batch,
            ..Tiny::default()
        },
        &texts,
    ) else {
        return;
    };
    let report = place.bench.report(&place.arguments(&[]));
    close(place.bench.embeddings().row(1), &state(&[0, 8, 9, 2], 0));
    assert!(report.to_string().contains("one at a time"), "{report}");
}

#[test]
fn an_unavailable_cache_is_not_an_error() {
    let Some(place) = place(Tiny::default(), &["red sea", "a red sea"]) else {
        return;
    };
    // A file in place of the directory cannot be entered, not even by the administrator.
    std::fs::write(&place.bench.cache, "").unwrap();
    let report = place.bench.report(&place.arguments(&[]));
    assert_eq!(report["embedded"], 2);
    assert!(
        report
            .to_string()
            .contains("cannot create the vector cache"),
        "{report}"
    );
}

#[test]
fn zero_dimensions_or_tokens_are_refused() {
    let bench = Bench::new(&["red sea", "a red sea"]);
    for (arguments, fact) in [
        (
            &["--encoder", "hash", "--hash-dimensions", "0"][..],
            "--hash-dimensions is 0",
        ),
        (&["--batch-tokens", "0"], "--batch-tokens is 0"),
    ] {
        let output = bench.run(arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains(fact) && message.contains("1 or more"),
            "{message}"
        );
    }
}

#[test]
fn the_hash_encoder_needs_no_files_and_names_itself_in_the_footer() {
    let bench = Bench::new(&["red sea", "a red sea", "red sea"]);
    let report = bench.report(&["--encoder", "hash", "--hash-dimensions", "32"]);
    assert_eq!(report["dimensions"], 32);
    assert!(
        report.to_string().contains("spelling, not meaning"),
        "{report}"
    );
    let found = bench.embeddings();
    assert_eq!(found.row(0), found.row(2));
    let footer = artifacts::Footer::read(&bench.path("embeddings.parquet"))
        .unwrap()
        .unwrap();
    let facts = footer.facts::<artifacts::EmbeddingsFacts>();
    assert_eq!(facts.model.as_deref(), Some("hashed character n-grams"));
}

#[test]
fn unknown_texts_are_counted_and_refused_if_they_are_the_majority() {
    let texts = ["red sea", "ทะเลสีแดง", "salt", "ភាសាខ្មែរ", "ทะเลสีแดง"];
    let Some(place) = place(Tiny::default(), &texts) else {
        return;
    };
    let message = place.bench.failure(&place.arguments(&[]));
    assert!(
        message.contains("3 of 5 texts are unknown to ")
            && message.contains("(Thai, Khmer)")
            && message.contains("bge-m3")
            && message.contains("--allow-unknown"),
        "{message}"
    );
    assert!(!place.bench.path("embeddings.parquet").exists());
    let report = place.bench.report(&place.arguments(&["--allow-unknown"]));
    assert_eq!(
        (&report["unknown"], &report["embedded"]),
        (&3.into(), &4.into())
    );
    // Out of the cache, too.
    let message = place.bench.failure(&place.arguments(&[]));
    assert!(
        message.contains("3 of 5 texts are unknown to "),
        "{message}"
    );
    let report = place.bench.report(&place.arguments(&["--allow-unknown"]));
    assert_eq!(
        (&report["unknown"], &report["cached"]),
        (&3.into(), &4.into())
    );
    let warnings = report["warnings"].as_array().unwrap();
    let warned = |text: &str| {
        warnings
            .iter()
            .any(|message| message.as_str().unwrap().contains(text))
    };
    assert!(warned("3 of 5 texts are unknown"), "{warnings:?}");
}
