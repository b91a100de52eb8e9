//! Models of other shapes than the default one: BGE-M3's signature (no token types, token vectors of rank 3, weights in a
//! file of their own), a graph that pools by itself, one whose rows mind company, and the ways a directory can be wrong.

use std::path::{Path, PathBuf};

use crate::support::{Bench, D, Head, Mixing, Tiny, describe, library, weight};

const CLS: &str = r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#;
const MODULES: &str = r#"[{"type":"sentence_transformers.models.Transformer","path":""},
    {"type":"sentence_transformers.models.Pooling","path":"1_Pooling"}]"#;

struct Place {
    bench: Bench,
    model: PathBuf,
    library: PathBuf,
}

/// A model directory and a bench beside it; `None` where ONNX Runtime is not set up.
fn place(tiny: Tiny, texts: &[&str]) -> Option<Place> {
    let library = library()?;
    let bench = Bench::new(texts);
    let model = bench.path("model");
    std::fs::create_dir(&model).unwrap();
    tiny.write(&model);
    describe(&model, "modules.json", MODULES);
    describe(&model, "1_Pooling/config.json", CLS);
    describe(
        &model,
        "sentence_bert_config.json",
        r#"{"max_seq_length":6}"#,
    );
    Some(Place {
        bench,
        model,
        library,
    })
}

impl Place {
    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [
            &[
                "--model",
                path(&self.model),
                "--onnxruntime",
                path(&self.library),
            ],
            more,
        ]
        .concat()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The state of token `at` of the text with these `ids`, as the graph computes it.
fn state(ids: &[usize], at: usize) -> Vec<f32> {
    let value = |dimension| {
        let mean: f32 = ids.iter().map(|&id| weight(id, dimension)).sum::<f32>() / ids.len() as f32;
        weight(ids[at], dimension) + mean
    };
    (0..D).map(value).collect()
}

fn close(found: &[f32], expected: &[f32]) {
    assert!(
        found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-5),
        "{found:?} is not {expected:?}"
    );
}

#[test]
fn the_first_token_of_the_right_graph() {
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
fn a_graph_that_pools_is_taken_at_its_word() {
    let Some(place) = place(
        Tiny {
            outputs: &[
                ("token_embeddings", Head::States),
                ("sentence_embedding", Head::Mean),
            ],
            ..Tiny::default()
        },
        &["red sea"],
    ) else {
        return;
    };
    place.bench.report(&place.arguments(&[]));
    let states: Vec<_> = (0..4).map(|at| state(&[0, 4, 7, 2], at)).collect();
    let mean: Vec<f32> = (0..D)
        .map(|dimension| states.iter().map(|state| state[dimension]).sum::<f32>() / 4.0)
        .collect();
    close(place.bench.embeddings().row(0), &mean);
    place.bench.report(&place.arguments(&["--pooling", "cls"]));
    close(place.bench.embeddings().row(0), &states[0]);
}

#[test]
fn vectors_that_come_pooled_are_taken_whatever_they_are_called() {
    let tiny = Tiny {
        outputs: &[("pooled", Head::Mean)],
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    std::fs::remove_file(place.model.join("1_Pooling/config.json")).unwrap();
    place.bench.report(&place.arguments(&[]));
    let states: Vec<_> = (0..4).map(|at| state(&[0, 4, 7, 2], at)).collect();
    let mean: Vec<f32> = (0..D)
        .map(|dimension| states.iter().map(|state| state[dimension]).sum::<f32>() / 4.0)
        .collect();
    close(place.bench.embeddings().row(0), &mean);
}

/// The vectors of the heads of a small model for `red sea`.
fn largest() -> Vec<f32> {
    let states: Vec<_> = (0..4).map(|at| state(&[0, 4, 7, 2], at)).collect();
    (0..D)
        .map(|dimension| {
            states
                .iter()
                .map(|state| state[dimension])
                .fold(f32::MIN, f32::max)
        })
        .collect()
}

const DENSE: (&str, Head) = ("dense_vecs", Head::Largest);
const SPARSE: (&str, Head) = ("sparse_vecs", Head::Weights);
const COLBERT: (&str, Head) = ("colbert_vecs", Head::Negated);

#[test]
fn of_three_heads_the_dense_one_is_taken_in_any_order() {
    for outputs in [
        &[DENSE, SPARSE, COLBERT],
        &[DENSE, COLBERT, SPARSE],
        &[SPARSE, DENSE, COLBERT],
        &[SPARSE, COLBERT, DENSE],
        &[COLBERT, DENSE, SPARSE],
        &[COLBERT, SPARSE, DENSE],
        &[
            ("sparse", Head::FlatWeights),
            COLBERT,
            ("dense", Head::Largest),
        ],
    ] {
        let tiny = Tiny {
            outputs,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        let report = place.bench.report(&place.arguments(&[]));
        assert_eq!(report["dimensions"], 4, "{outputs:?}");
        close(place.bench.embeddings().row(0), &largest());
    }
}

#[test]
fn token_vectors_are_pooled_whatever_stands_beside_them() {
    for outputs in [
        &[
            ("last_hidden_state", Head::States),
            ("pooler_output", Head::Largest),
        ][..],
        &[
            ("pooler_output", Head::Largest),
            ("last_hidden_state", Head::States),
        ],
        &[
            ("hidden_states.1", Head::Negated),
            ("last_hidden_state", Head::States),
        ],
        &[("1547", Head::States)],
        &[("1548", Head::Twice), ("1547", Head::States)],
    ] {
        let tiny = Tiny {
            outputs,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        describe(&place.model, "config.json", r#"{"hidden_size":4}"#);
        place.bench.report(&place.arguments(&[]));
        close(place.bench.embeddings().row(0), &state(&[0, 4, 7, 2], 0));
    }
}

#[test]
fn an_output_that_is_no_embedding_is_refused_with_its_shape() {
    for (output, hidden, shape) in [
        (
            ("output", Head::Weights),
            "{}",
            "it has output [texts, tokens, 1]",
        ),
        (
            ("output", Head::FlatWeights),
            "{}",
            "it has output [texts, tokens]",
        ),
        (
            ("colbert_vecs", Head::States),
            "{}",
            "it has colbert_vecs [texts, tokens, 4]",
        ),
        (
            ("output", Head::Twice),
            r#"{"hidden_size":4}"#,
            "as wide as the model's hidden size of 4; it has output [texts, tokens, 8]",
        ),
    ] {
        let outputs = Box::leak(Box::new([output]));
        let tiny = Tiny {
            outputs,
            ..Tiny::default()
        };
        let Some(place) = place(tiny, &["red sea"]) else {
            return;
        };
        describe(&place.model, "config.json", hidden);
        let said = place.bench.failure(&place.arguments(&[]));
        assert!(
            said.contains("no output of the graph holds one vector a text") && said.contains(shape),
            "{said}"
        );
        assert!(said.contains("--graph-output"), "{said}");
    }
}

#[test]
fn of_several_outputs_one_must_be_named() {
    let tiny = Tiny {
        outputs: &[("first", Head::States), ("second", Head::Negated), SPARSE],
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    let said = place.bench.failure(&place.arguments(&[]));
    assert!(
        said.contains("several outputs of the graph could be the embedding: first, second; it has first [texts, tokens, 4]")
            && said.contains("name the one to take: --graph-output NAME"),
        "{said}"
    );
    let expected = state(&[0, 4, 7, 2], 0);
    place
        .bench
        .report(&place.arguments(&["--graph-output", "first"]));
    close(place.bench.embeddings().row(0), &expected);
    // The same text, model and cache, but another vector.
    let report = place
        .bench
        .report(&place.arguments(&["--graph-output", "second"]));
    assert_eq!(report["cached"], 0);
    let negated: Vec<f32> = expected.iter().map(|value| -value).collect();
    close(place.bench.embeddings().row(0), &negated);
    let footer = artifacts::Footer::read(&place.bench.path("embeddings.parquet"))
        .unwrap()
        .unwrap();
    assert_eq!(footer.options["graph_output"], "second");
    for (name, fact) in [
        ("third", "the graph has no output `third`"),
        (
            "sparse_vecs",
            "output `sparse_vecs` of the graph holds no vectors",
        ),
    ] {
        let said = place
            .bench
            .failure(&place.arguments(&["--graph-output", name]));
        assert!(
            said.contains(fact) && said.contains("leave --graph-output out"),
            "{said}"
        );
    }
}

#[test]
fn a_text_that_takes_too_much_memory_is_refused_before_it_runs() {
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
    let said = place
        .bench
        .failure(&place.arguments(&["--no-cache", "--memory-limit", &short]));
    let allows = format!("--memory-limit allows {} MiB", foreseen - 30);
    assert!(
        said.contains("row 1: a text of 4,002 tokens takes") && said.contains(&allows),
        "{said}"
    );
    let (_, hint) = said.split_once("--max-tokens ").unwrap();
    let fits: usize = hint.split(',').next().unwrap().parse().unwrap();
    assert!((2000..4000).contains(&fits), "{said}");
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
    let said = place
        .bench
        .failure(&place.arguments(&["--no-cache", "--memory-limit", "1MiB"]));
    assert!(
        said.contains("--memory-limit allows 1 MiB") && said.contains("allow "),
        "{said}"
    );
}

#[test]
fn pooling_is_not_asked_for_in_vain() {
    let tiny = Tiny {
        outputs: &[DENSE, SPARSE, COLBERT],
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    let said = place
        .bench
        .failure(&place.arguments(&["--pooling", "mean"]));
    assert!(
        said.contains("--pooling has nothing to pool") && said.contains("leave --pooling out"),
        "{said}"
    );
}

#[test]
fn an_input_that_no_text_has_is_named() {
    let tiny = Tiny {
        more_input: Some("position_ids"),
        ..Tiny::default()
    };
    let Some(place) = place(tiny, &["red sea"]) else {
        return;
    };
    let said = place.bench.failure(&place.arguments(&[]));
    assert!(
        said.contains("asks for an input `position_ids`, known are input_ids, attention_mask and token_type_ids")
            && said.contains("export"),
        "{said}"
    );
}

#[test]
fn a_prompt_that_is_not_to_be_pooled_is_not_pooled_in_silence() {
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
    let said = place
        .bench
        .failure(&place.arguments(&["--prefix", "blue "]));
    assert!(
        said.contains("include_prompt") && said.contains("--pooling mean"),
        "{said}"
    );
    place
        .bench
        .report(&place.arguments(&["--prefix", "blue ", "--pooling", "mean"]));
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
    let said = place.bench.failure(&place.arguments(&[]));
    assert!(
        said.contains("row 2: the tokenizer finds no token") && said.contains("--prefix"),
        "{said}"
    );
}

/// The table of the model has fewer rows than the tokenizer has words.
#[test]
fn a_text_that_the_model_fails_on_is_named_by_its_row() {
    let Some(place) = place(Tiny::default(), &["red", "red", "red wind"]) else {
        return;
    };
    let path = place.model.join("tokenizer.json");
    let tokenizer = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, tokenizer.replace(r#""wind":11"#, r#""wind":99"#)).unwrap();
    let said = place.bench.failure(&place.arguments(&[]));
    assert!(said.contains("row 2 among them"), "{said}");
}

#[test]
fn a_model_whose_rows_mind_company_is_run_text_by_text() {
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
    assert!(report.to_string().contains("by itself"), "{report}");
}

#[test]
fn a_model_reads_no_file_outside_its_directory() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    let fails = |name: &str| {
        let said = place.bench.failure(&place.arguments(&[]));
        assert!(
            said.contains("names a file outside its directory"),
            "{said}"
        );
        assert!(said.contains(name), "no {name:?} in: {said}");
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
fn what_is_wrong_with_a_directory_is_said() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    let fails = |words: &[&str]| {
        let said = place.bench.failure(&place.arguments(&[]));
        for word in words {
            assert!(said.contains(word), "no {word:?} in: {said}");
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
fn what_is_missing_is_said() {
    let bench = Bench::new(&["red sea"]);
    let said = bench.failure(&[]);
    assert!(
        said.contains("not set up") && said.contains("skerry setup") && said.contains("--model"),
        "{said}"
    );
    let said = bench.failure(&["--model", "BAAI/bge-m3"]);
    assert!(
        said.contains("neither a model directory") && said.contains("tokenizer.json"),
        "{said}"
    );
    let model = bench.path("model");
    std::fs::create_dir(&model).unwrap();
    Tiny::default().write(&model);
    let said = bench.failure(&[
        "--model",
        path(&model),
        "--pooling",
        "cls",
        "--onnxruntime",
        "no/such/library.so",
    ]);
    assert!(said.contains("no/such/library.so"), "{said}");
    let not_a_library = model.join("tokenizer.json");
    let said = bench.failure(&[
        "--model",
        path(&model),
        "--pooling",
        "cls",
        "--onnxruntime",
        path(&not_a_library),
    ]);
    assert!(
        said.contains("does not load") && said.contains("1.24"),
        "{said}"
    );
}

#[test]
fn a_cache_that_cannot_be_had_is_done_without() {
    let Some(place) = place(Tiny::default(), &["red sea", "a red sea"]) else {
        return;
    };
    // A file in the directory's place lets nobody in, not even the administrator.
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
fn nothing_is_made_of_no_dimensions_or_no_tokens() {
    let bench = Bench::new(&["red sea", "a red sea"]);
    for (arguments, fact) in [
        (
            &["--encoder", "hash", "--hash-dimensions", "0"][..],
            "--hash-dimensions is 0",
        ),
        (&["--batch-tokens", "0"], "--batch-tokens is 0"),
    ] {
        let output = bench.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(fact) && said.contains("1 or more"), "{said}");
    }
}

#[test]
fn the_hash_encoder_needs_nothing_and_says_what_it_is() {
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
