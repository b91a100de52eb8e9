//! The default model, where it is set up: the right vectors, and the same bytes however they come about.
//!
//! Expected numbers are those of ONNX Runtime 1.31.1 under Python, one text a run.

use std::path::{Path, PathBuf};

use test_support::shared;

use crate::support::{Bench, default_model_cache};

struct Setup {
    bench: Bench,
    library: String,
    model: String,
}

/// A bench with an empty vector cache of its own and the model of this machine's cache.
fn setup(texts: &[&str]) -> Option<Setup> {
    let cache = default_model_cache()?;
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let library = text(embed::setup::library_path(&cache)?);
    let model = text(embed::setup::model_dir(&cache));
    Some(Setup {
        bench: Bench::new(texts),
        library,
        model,
    })
}

impl Setup {
    fn report(&self, more: &[&str]) -> serde_json::Value {
        self.bench.report(
            &[
                &["--model", &self.model, "--onnxruntime", &self.library],
                more,
            ]
            .concat(),
        )
    }
}

#[test]
fn damaged_files_of_the_set_up_are_refused() {
    let Some(cache) = default_model_cache() else {
        return;
    };
    let bench = Bench::new(&["red sea"]);
    let from = embed::setup::model_dir(&cache);
    let dir = embed::setup::model_dir(&bench.cache);
    std::fs::create_dir_all(dir.join("1_Pooling")).unwrap();
    for name in [
        "model.onnx",
        "vocab.txt",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "tokenizer_config.json",
        "config.json",
    ] {
        std::fs::copy(from.join(name), dir.join(name)).unwrap();
    }
    let library = embed::setup::library_path(&cache).unwrap();
    let damaged = embed::setup::library_path(&bench.cache).unwrap();
    std::fs::create_dir_all(damaged.parent().unwrap()).unwrap();
    let bytes = std::fs::read(&library).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    for bytes in [&bytes[..bytes.len() / 2], &flipped] {
        std::fs::write(&damaged, bytes).unwrap();
        let said = bench.failure(&["--engine", "ort"]);
        assert!(
            said.contains("onnxruntime")
                && said.contains("is damaged")
                && said.contains("`skerry setup`"),
            "{said}"
        );
    }
    std::fs::write(&damaged, &bytes).unwrap();
    bench.report(&["--engine", "ort"]);
    let pooling = dir.join("1_Pooling/config.json");
    std::fs::write(pooling, r#"{"pooling_mode_cls_token":true}"#).unwrap();
    let said = bench.failure(&[]);
    assert!(said.contains("1_Pooling/config.json is damaged"), "{said}");
}

#[test]
fn vectors_equal_the_reference() {
    let texts = [
        "The harbor's new pier opened on Tuesday, 3 May.",
        "Überraschung: 語言 models don’t “sleep”!",
        "unbelievabilityness [SEP] x",
    ];
    let Some(setup) = setup(&texts) else { return };
    let expected = [
        [
            0.003_966_9,
            -0.100_417_8,
            0.057_094_8,
            0.010_616_1,
            0.053_292_0,
            -0.037_755_2,
        ],
        [
            -0.013_008_6,
            -0.034_817_3,
            0.110_449_9,
            0.078_054_0,
            0.057_890_4,
            0.025_741_3,
        ],
        [
            -0.018_864_5,
            -0.007_911_5,
            -0.048_940_8,
            0.014_023_7,
            0.017_044_7,
            0.014_421_9,
        ],
    ];
    for engine in ["ort", "skerry"] {
        let report = setup.report(&["--engine", engine, "--precision", "fp32"]);
        assert_eq!(report["engine"], format!("{engine} fp32"));
        let found = setup.bench.embeddings();
        assert_eq!((found.len(), found.dim()), (3, 384));
        for (row, expected) in expected.iter().enumerate() {
            for (found, expected) in found.row(row).iter().zip(expected) {
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{engine}, row {row}: {found} is not {expected}"
                );
            }
        }
    }
}

/// Texts of many lengths, some twice, some longer than the model reads.
fn many() -> Vec<String> {
    let words = [
        "harbor",
        "unbelievable",
        "the",
        "of",
        "Ærø",
        "stone",
        "7",
        "語",
        "moss;",
        "quarterly",
    ];
    let text = |i: usize| {
        (0..1 + i % 37 + 280 * usize::from(i % 60 == 59))
            .map(|j| words[(i * 3 + j * j) % 10])
            .collect::<Vec<_>>()
            .join(" ")
    };
    (0..240)
        .map(|i| text(if i % 7 == 6 { i - 6 } else { i }))
        .collect()
}

#[test]
fn threads_batches_other_texts_and_the_cache_do_not_change_the_bytes_of_ort() {
    bytes_depend_on_the_text_alone(&["--engine", "ort"]);
}

#[test]
fn threads_batches_other_texts_and_the_cache_do_not_change_the_bytes_of_int8() {
    bytes_depend_on_the_text_alone(&["--engine", "skerry", "--precision", "int8"]);
}

fn bytes_depend_on_the_text_alone(engine: &[&str]) {
    let texts = many();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Some(setup) = setup(&texts) else { return };
    let cold = setup.report(&[engine, &["--threads", "1"]].concat());
    let bytes = setup.bench.bytes();
    let distinct = cold["embedded"].as_u64().unwrap();
    assert_eq!(cold["cached"], 0);
    assert_eq!(distinct + cold["repeated"].as_u64().unwrap(), 240);
    assert!(cold["truncated"].as_u64().unwrap() > 0);

    let warm = setup.report(&[engine, &["--threads", "2"]].concat());
    assert_eq!(
        (&warm["embedded"], warm["cached"].as_u64()),
        (&0.into(), Some(distinct))
    );
    assert_eq!(warm["tokens_lost"], cold["tokens_lost"]);
    assert!(setup.bench.bytes() == bytes, "a warm cache changes bytes");

    for flags in [
        ["--threads", "2", "--batch-tokens", "4096"],
        ["--threads", "1", "--batch-tokens", "1"],
        ["--threads", "3", "--batch-tokens", "100"],
    ] {
        setup.report(&[engine, &flags[..], &["--no-cache"]].concat());
        assert!(setup.bench.bytes() == bytes, "{flags:?} changes bytes");
    }

    // As if the first run had been killed: half of the index, and half a record.
    let store = std::fs::read_dir(setup.bench.cache.join("vectors"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let index = store
        .into_iter()
        .find(|path| path.extension().unwrap() == "index")
        .unwrap();
    std::fs::File::options()
        .write(true)
        .open(index)
        .unwrap()
        .set_len(distinct / 2 * 32 + 16)
        .unwrap();
    let resumed = setup.report(&[engine, &["--threads", "2"]].concat());
    assert_eq!(resumed["cached"].as_u64(), Some(distinct / 2));
    assert!(setup.bench.bytes() == bytes, "a resumed run changes bytes");

    // Other company.
    let all = setup.bench.embeddings();
    let few = Bench::new(&[texts[200], texts[17]]);
    let alone = Setup {
        bench: few,
        library: setup.library.clone(),
        model: setup.model.clone(),
    };
    alone.report(engine);
    let two = alone.bench.embeddings();
    assert!(
        two.row(0) == all.row(200) && two.row(1) == all.row(17),
        "company changes bytes"
    );
}

#[test]
fn int8_needs_little_memory() {
    let Some(setup) = setup(&["The harbor's new pier opened on Tuesday."]) else {
        return;
    };
    let report = setup.report(&[
        "--engine",
        "skerry",
        "--precision",
        "int8",
        "--threads",
        "2",
    ]);
    // The word embeddings alone would take 45 MiB in f32.
    let Some(foreseen) = Bench::foreseen(&report) else {
        return;
    };
    assert!(foreseen < 150, "{report}");
}

#[test]
fn a_memory_limit_holds_and_does_not_change_the_bytes() {
    let texts = many();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Some(setup) = setup(&texts) else { return };
    let ort = ["--engine", "ort", "--threads", "3", "--no-cache"];
    let free = setup.report(&ort);
    let bytes = setup.bench.bytes();
    let Some(foreseen) = Bench::foreseen(&free) else {
        return;
    };
    assert!(foreseen > 320, "{free}");
    let held = setup.report(&[&ort[..], &["--memory-limit", "320MiB"]].concat());
    assert!(
        held["notes"]
            .to_string()
            .contains("because of the limit of 320 MiB: 1 instead of 3 copies of the model"),
        "{held}"
    );
    let peak = held["usage"]["peak_memory"].as_u64().unwrap();
    assert!(peak <= 320 << 20, "{} MiB", peak >> 20);
    assert!(setup.bench.bytes() == bytes, "a limit changes bytes");
}

#[test]
fn a_killed_run_resumes() {
    let texts: Vec<String> = (0..1500)
        .map(|i| format!("text number {i} about {} and {}", i * i, i % 13))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Some(setup) = setup(&texts) else { return };
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_skerry-embed"))
        .args([
            "--quiet",
            "--model",
            &setup.model,
            "--onnxruntime",
            &setup.library,
            "--run",
        ])
        .arg(setup.bench.dir.path())
        .env("SKERRY_CACHE", &setup.bench.cache)
        .spawn()
        .unwrap();
    // Not before something is kept, however slow the machine.
    let kept = || {
        let files = std::fs::read_dir(setup.bench.cache.join("vectors"))
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .map(|about| about.len())
            .sum::<u64>()
    };
    while kept() < 50_000 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = setup.report(&[]);
    assert!(resumed["cached"].as_u64().unwrap() > 0, "{resumed}");
    let bytes = setup.bench.bytes();
    setup.report(&["--no-cache"]);
    assert!(setup.bench.bytes() == bytes, "a resumed run changes bytes");
}

/// Cosines between `found` and the `embedding` column of a Parquet file.
fn least_cosine(found: &artifacts::Embeddings, expected: &artifacts::Embeddings) -> f64 {
    let cosine = |row| {
        let (a, b) = (found.row(row), expected.row(row));
        let dot = |a: &[f32], b: &[f32]| {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum::<f64>()
        };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    (0..found.len()).map(cosine).fold(1.0, f64::min)
}

#[test]
fn two_thousand_texts_equal_the_reference() {
    let Some(reference) = shared("reference/notebook/notebook.parquet") else {
        return;
    };
    let documents = artifacts::Documents::read(&reference).unwrap().value;
    let texts: Vec<&str> = (0..documents.len())
        .map(|row| documents.text(row))
        .collect();
    let Some(setup) = setup(&texts) else { return };
    // The reference was cut at 128 tokens.
    let expected = artifacts::Embeddings::read(&reference).unwrap().value;
    for (engine, name, bound) in [("ort", "ort fp32", 0.9999), ("auto", "skerry int8", 0.99)] {
        let report = setup.report(&["--max-tokens", "128", "--engine", engine]);
        assert_eq!(report["engine"], name);
        let least = least_cosine(&setup.bench.embeddings(), &expected);
        assert!(least >= bound, "{engine}: least cosine {least}");
    }
}

#[test]
fn a_multilingual_model_without_modules_is_read() {
    let Some(model) = shared("models/me5-small-q4") else {
        return;
    };
    let texts = [
        "The ferry is late.",
        "Die Fähre hat Verspätung.",
        "Le chat dort sur le canapé.",
        "渡轮晚点了。",
    ];
    let Some(mut setup) = setup(&texts) else {
        return;
    };
    setup.model = model.to_str().unwrap().to_owned();
    let flags = [
        "--pooling",
        "mean",
        "--prefix",
        "query: ",
        "--max-tokens",
        "512",
    ];
    let message = setup
        .bench
        .failure(&["--model", &setup.model, "--onnxruntime", &setup.library]);
    assert!(message.contains("--pooling"), "{message}");
    setup.report(&flags);
    let found = setup.bench.embeddings();
    let dot = |a: usize, b: usize| {
        found
            .row(a)
            .iter()
            .zip(found.row(b))
            .map(|(a, b)| a * b)
            .sum::<f32>()
    };
    assert!(
        dot(0, 1) > dot(0, 2) && dot(0, 3) > dot(2, 3),
        "{} {} {} {}",
        dot(0, 1),
        dot(0, 2),
        dot(0, 3),
        dot(2, 3)
    );
    let bytes = setup.bench.bytes();
    setup.report(
        &[
            &flags[..],
            &["--no-cache", "--threads", "1", "--batch-tokens", "1"],
        ]
        .concat(),
    );
    assert!(setup.bench.bytes() == bytes);
}

#[test]
fn the_skerry_engine_gives_the_vectors_of_onnx_runtime() {
    let texts = many();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let Some(setup) = setup(&texts) else { return };
    setup.report(&["--engine", "ort"]);
    let expected = setup.bench.embeddings();
    let own = ["--engine", "skerry", "--precision", "fp32"];
    let cold = setup.report(&own);
    // Another engine has a cache of its own.
    assert_eq!(cold["cached"], 0);
    let found = setup.bench.embeddings();
    let bytes = setup.bench.bytes();
    for row in 0..found.len() {
        for (found, expected) in found.row(row).iter().zip(expected.row(row)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
    for flags in [
        &["--threads", "1", "--no-cache"][..],
        &["--threads", "3", "--no-cache"],
        &[],
    ] {
        setup.report(&[&own[..], flags].concat());
        assert!(setup.bench.bytes() == bytes, "{flags:?} changes bytes");
    }
    let int8 = ["--precision", "int8"];
    assert_eq!(setup.report(&int8)["cached"], 0);
    let least = least_cosine(&setup.bench.embeddings(), &expected);
    assert!((0.98..0.999_99).contains(&least), "{least}");
}

/// The hash of a large file is kept in the cache, and must not be believed for other content.
#[cfg(unix)]
#[test]
fn a_model_that_changes_within_its_size_and_time_is_another_one() {
    let Some(setup) = setup(&["one text"]) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("model");
    copy_directory(Path::new(&setup.model), &copy);
    let graph = copy.join("model.onnx");
    // Only files that have not changed for two seconds are believed to stay.
    let wait = || std::thread::sleep(std::time::Duration::from_millis(2200));
    let flags = ["--model", copy.to_str().unwrap(), "--precision", "fp32"];
    wait();
    assert_eq!(setup.bench.report(&flags)["embedded"], 1);
    let cached = setup.bench.report(&flags);
    assert_eq!(
        (&cached["embedded"], &cached["cached"]),
        (&0.into(), &1.into())
    );
    let peak = cached["usage"]["peak_memory"].as_u64().unwrap();
    assert!(peak < 40 << 20, "the model was loaded: {peak} bytes");

    let modified = graph.metadata().unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&graph).unwrap();
    let name = b"pytorch";
    let at = bytes.windows(name.len()).position(|part| part == name);
    bytes[at.expect("the exporter is named")] = b'P';
    std::fs::write(&graph, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&graph).unwrap();
    file.set_modified(modified).unwrap();
    wait();
    assert_eq!(setup.bench.report(&flags)["embedded"], 1);
}

#[cfg(unix)]
fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
