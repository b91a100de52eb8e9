//! Models of other shapes than the default one: BGE-M3's signature (no token types, token vectors of rank 3, weights in a
//! file of their own), a graph that pools by itself, one whose rows mind company, and the ways a directory can be wrong.

mod device;
mod directory;
mod graph_outputs;
mod overflow;
mod texts;

use std::path::{Path, PathBuf};

use crate::support::{Bench, D, Tiny, describe, library, weight};

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
