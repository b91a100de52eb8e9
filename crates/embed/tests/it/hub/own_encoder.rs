//! Repositories without a graph, for Skerry's own encoder; and what comes after pooling: linear layers, cuts, prompts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use text_encoder::normalize;

use super::server::FakeHub;
use super::{BGE_M3, Place, bge_m3_files, bge_m3_graph, close, place_with, said, says, unigram};
use crate::support::{Bench, WORDS, default_model_cache, externalized};

const HIDDEN: usize = 8;
pub(super) const OWN: [&str; 2] = ["--engine", "skerry"];
const TEXTS: [&str; 3] = ["red sea", "green bird wind", "stone"];

pub(crate) type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// The tensors of a BERT of one layer with the vocabulary of the small models, by the generator of Numerical Recipes.
pub(crate) fn bert() -> Tensors {
    let mut state = 7_u32;
    let mut tensors = Tensors::new();
    let mut add = |name: &str, shape: &[usize], offset: f32| {
        let values = (0..shape.iter().product())
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0 + offset
            })
            .collect();
        tensors.push((name.to_owned(), shape.to_vec(), values));
    };
    add("embeddings.word_embeddings.weight", &[12, HIDDEN], 0.0);
    add("embeddings.position_embeddings.weight", &[16, HIDDEN], 0.0);
    add("embeddings.token_type_embeddings.weight", &[2, HIDDEN], 0.0);
    add("embeddings.LayerNorm.weight", &[HIDDEN], 1.5);
    add("embeddings.LayerNorm.bias", &[HIDDEN], 0.0);
    let layer = "encoder.layer.0";
    for (part, out, inner) in [
        ("attention.self.query", HIDDEN, HIDDEN),
        ("attention.self.key", HIDDEN, HIDDEN),
        ("attention.self.value", HIDDEN, HIDDEN),
        ("attention.output.dense", HIDDEN, HIDDEN),
        ("intermediate.dense", 2 * HIDDEN, HIDDEN),
        ("output.dense", HIDDEN, 2 * HIDDEN),
    ] {
        add(&format!("{layer}.{part}.weight"), &[out, inner], 0.0);
        add(&format!("{layer}.{part}.bias"), &[out], 0.0);
    }
    for part in ["attention.output.LayerNorm", "output.LayerNorm"] {
        add(&format!("{layer}.{part}.weight"), &[HIDDEN], 1.5);
        add(&format!("{layer}.{part}.bias"), &[HIDDEN], 0.0);
    }
    tensors
}

/// A safetensors file: the length of the header, the header, the values.
pub(crate) fn safetensors(tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, values) in tensors {
        let from = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let about = json!({"dtype": "F32", "shape": shape, "data_offsets": [from, data.len()]});
        header.insert(name.clone(), about);
    }
    let mut header = serde_json::to_vec(&header).unwrap();
    header.resize(header.len().next_multiple_of(8), b' ');
    [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat()
}

/// A repository with these modules after the transformer.
pub(super) fn files(modules: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    let list: Vec<_> = [("Transformer", "")]
        .iter()
        .chain(modules)
        .map(|(kind, path)| json!({"type": format!("sentence_transformers.models.{kind}"), "path": path}))
        .collect();
    let config = json!({
        "model_type": "bert", "hidden_size": HIDDEN, "num_attention_heads": 2, "num_hidden_layers": 1,
        "max_position_embeddings": 16, "matryoshka_dimensions": [2, 5],
    });
    let prompts = json!({"prompts": {"query": "blue ", "document": ""}});
    let texts = [
        ("modules.json", json!(list).to_string()),
        ("config.json", config.to_string()),
        ("config_sentence_transformers.json", prompts.to_string()),
        (
            "1_Pooling/config.json",
            r#"{"pooling_mode":"mean"}"#.to_owned(),
        ),
        ("tokenizer.json", unigram()),
    ];
    let mut files: BTreeMap<String, Vec<u8>> = texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .collect();
    files.insert("model.safetensors".to_owned(), safetensors(&bert()));
    files
}

pub(super) const POOL: (&str, &str) = ("Pooling", "1_Pooling");
const DENSE: (&str, &str) = ("Dense", "2_Dense");
pub(super) const NORMALIZE: (&str, &str) = ("Normalize", "3_Normalize");

/// A hub with these files; no library is needed.
pub(super) fn own_place(files: BTreeMap<String, Vec<u8>>) -> Place {
    Place {
        bench: Bench::new(&TEXTS),
        hub: FakeHub::new(BGE_M3, files),
        library: PathBuf::from("none"),
    }
}

impl Place {
    fn vectors(&self, more: &[&str]) -> Vec<f32> {
        self.report(BGE_M3, &[&OWN, more].concat());
        self.bench.embeddings().values().to_vec()
    }
}

#[test]
fn safetensors_run_on_the_own_encoder_whole_and_in_shards() {
    let whole = files(&[POOL, NORMALIZE]);
    let mut shards = whole.clone();
    shards.remove("model.safetensors");
    let (mut map, tensors) = (serde_json::Map::new(), bert());
    for (number, part) in tensors.chunks(9).enumerate() {
        let name = format!("model-{:05}-of-00003.safetensors", number + 1);
        map.extend(
            part.iter()
                .map(|(tensor, ..)| (tensor.clone(), json!(name))),
        );
        shards.insert(name, safetensors(part));
    }
    let index = json!({"metadata": {}, "weight_map": map}).to_string();
    shards.insert(
        "model.safetensors.index.json".to_owned(),
        index.into_bytes(),
    );
    let found = [whole, shards].map(|files| {
        let place = own_place(files);
        let said = place.failure(BGE_M3, &["--engine", "ort"]);
        says(
            &said,
            &[
                "BAAI/bge-m3: it has model.safetensors, but no ONNX graph",
                "--engine skerry",
            ],
        );
        place.vectors(&[])
    });
    assert_eq!(found[0].len(), TEXTS.len() * HIDDEN);
    assert_eq!(found[0], found[1]);
}

/// As in the repository of BGE-M3; in the cache of the hub both files of the graph are links in a subfolder.
#[test]
fn a_graph_in_a_subfolder_with_weights_beside_it_runs_on_the_own_encoder() {
    let Some(cache) = default_model_cache() else {
        return;
    };
    let dir = embed::setup::model_dir(&cache);
    let mut files = BTreeMap::new();
    for name in [
        "vocab.txt",
        "modules.json",
        "1_Pooling/config.json",
        "config.json",
    ] {
        files.insert(name.to_owned(), std::fs::read(dir.join(name)).unwrap());
    }
    let graph = std::fs::read(dir.join("model.onnx")).unwrap();
    let (graph, data) = externalized(&graph, "model.onnx_data");
    assert!(data.len() > 10 * graph.len());
    files.insert("onnx/model.onnx".to_owned(), graph);
    files.insert("onnx/model.onnx_data".to_owned(), data);
    let place = own_place(files);
    let report = place.report(BGE_M3, &["--precision", "fp32"]);
    assert_eq!(report["engine"], "skerry fp32");
    let found = place.bench.embeddings().values().to_vec();
    let default = Bench::new(&TEXTS);
    let model = dir.to_str().unwrap();
    default.report(&[
        "--model",
        model,
        "--precision",
        "fp32",
        "--max-tokens",
        "512",
    ]);
    assert_eq!(found, default.embeddings().values());
    // The same files in a directory are the same model.
    let snapshot = place.snapshot();
    let copied = place.bench.path("copied");
    for name in ["", "onnx", "1_Pooling"] {
        std::fs::create_dir(copied.join(name)).unwrap();
        for entry in std::fs::read_dir(snapshot.join(name)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, copied.join(name).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    let report = place.report(copied.to_str().unwrap(), &["--precision", "fp32"]);
    assert_eq!(report["cached"], TEXTS.len());
}

#[test]
fn pickled_weights_are_not_read() {
    let mut files = files(&[POOL]);
    files.remove("model.safetensors");
    files.insert("pytorch_model.bin".to_owned(), b"pickled".to_vec());
    let said = own_place(files).failure(BGE_M3, &OWN);
    says(
        &said,
        &["it has neither an ONNX graph nor model.safetensors (it has pytorch_model.bin)"],
    );
}

const WEIGHT: [f32; 3 * HIDDEN] = {
    let mut weight = [0.0; 3 * HIDDEN];
    let mut at = 0;
    while at < weight.len() {
        weight[at] = (at * 5 % 7) as f32 / 4.0 - 0.7;
        at += 1;
    }
    weight
};
const BIAS: [f32; 3] = [0.5, -0.25, 0.125];

/// Adds a linear layer from `inputs` to 3 dimensions.
fn add_dense(files: &mut BTreeMap<String, Vec<u8>>, inputs: usize, activation: &str) {
    let config = json!({"in_features": inputs, "out_features": 3, "bias": true, "activation_function": activation});
    files.insert(
        "2_Dense/config.json".to_owned(),
        config.to_string().into_bytes(),
    );
    let tensors = [
        (
            "linear.weight".to_owned(),
            vec![3, inputs],
            WEIGHT[..3 * inputs].to_vec(),
        ),
        ("linear.bias".to_owned(), vec![3], BIAS.to_vec()),
    ];
    files.insert(
        "2_Dense/model.safetensors".to_owned(),
        safetensors(&tensors),
    );
}

/// The vectors after that layer.
fn after_dense(pooled: &[f32], inputs: usize, activation: impl Fn(f64) -> f64) -> Vec<f32> {
    let row = |vector: &[f32]| {
        let output = |at: usize| {
            let weight = &WEIGHT[at * inputs..(at + 1) * inputs];
            let products = weight
                .iter()
                .zip(vector)
                .map(|(w, v)| f64::from(*w) * f64::from(*v));
            activation(products.sum::<f64>() + f64::from(BIAS[at])) as f32
        };
        let mut row: Vec<f32> = (0..3).map(output).collect();
        normalize(&mut row);
        row
    };
    pooled.chunks_exact(inputs).flat_map(row).collect()
}

#[test]
fn linear_layers_follow_pooling_and_belong_to_the_model() {
    let pooled = own_place(files(&[POOL])).vectors(&[]);
    let mut repository = files(&[POOL, DENSE, NORMALIZE]);
    add_dense(&mut repository, HIDDEN, "torch.nn.modules.activation.Tanh");
    let place = own_place(repository.clone());
    close(
        &place.vectors(&[]),
        &after_dense(&pooled, HIDDEN, f64::tanh),
    );
    let fingerprint = |place: &Place| {
        let footer = artifacts::Footer::read(&place.bench.path("embeddings.parquet"));
        footer.unwrap().unwrap().inputs["model"].clone()
    };
    let first = fingerprint(&place);
    add_dense(&mut repository, HIDDEN, "torch.nn.modules.linear.Identity");
    let place = own_place(repository.clone());
    close(&place.vectors(&[]), &after_dense(&pooled, HIDDEN, |x| x));
    assert_ne!(first, fingerprint(&place));

    add_dense(
        &mut repository,
        HIDDEN - 1,
        "torch.nn.modules.linear.Identity",
    );
    says(
        &own_place(repository.clone()).failure(BGE_M3, &OWN),
        &["2_Dense takes 7 dimensions, but gets 8"],
    );
    repository.remove("2_Dense/model.safetensors");
    says(
        &own_place(repository).failure(BGE_M3, &OWN),
        &["2_Dense/model.safetensors"],
    );
}

/// Different texts, enough for the check of the precision with some of them.
fn many_texts() -> Vec<String> {
    let word = |at: usize, place: u32| WORDS[at / 8_usize.pow(place) % 8];
    (0..2000)
        .map(|at| [0, 1, 2, 3].map(|place| word(at, place)).join(" "))
        .collect()
}

#[test]
fn int8_vectors_are_compared_with_the_exact_ones_after_the_linear_layers() {
    const WARNING: &str = "the int8 vectors of 32 sampled texts have a mean cosine of ";
    let texts = many_texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let warns = |files| {
        let place = Place {
            bench: Bench::new(&texts),
            ..own_place(files)
        };
        let report = place.report(BGE_M3, &OWN);
        assert_eq!(report["engine"], "skerry int8");
        said(&report).contains(WARNING)
    };
    assert!(!warns(files(&[POOL, NORMALIZE])));
    let mut repository = files(&[POOL, DENSE, NORMALIZE]);
    add_dense(&mut repository, HIDDEN, "torch.nn.modules.linear.Identity");
    assert!(!warns(repository.clone()));

    // The last normalization makes this sum the same for all texts. What a layer leaves of it is rounding errors, which
    // differ between int8 and f32.
    let tensor = |name: &str| {
        let tensors = bert();
        let found = tensors.into_iter().find(|(known, ..)| known == name);
        found.unwrap().2
    };
    let scale = tensor("encoder.layer.0.output.LayerNorm.weight");
    let shift = tensor("encoder.layer.0.output.LayerNorm.bias");
    let row: Vec<f32> = scale.iter().map(|scale| 1e6 / scale).collect();
    let bias: f32 = shift
        .iter()
        .zip(&row)
        .map(|(shift, weight)| -shift * weight)
        .sum();
    let tensors = [
        ("linear.weight".to_owned(), vec![3, HIDDEN], row.repeat(3)),
        // Never zero.
        (
            "linear.bias".to_owned(),
            vec![3],
            vec![bias, bias + 0.1, bias - 0.1],
        ),
    ];
    repository.insert(
        "2_Dense/model.safetensors".to_owned(),
        safetensors(&tensors),
    );
    assert!(warns(repository));
}

#[test]
fn linear_layers_follow_the_pooling_of_a_graph_unless_the_graph_has_them() {
    let modules = json!([
        {"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"},
        {"type": "x.Dense", "path": "2_Dense"}, {"type": "x.Normalize", "path": "3_Normalize"},
    ]);
    let mut repository = bge_m3_files(bge_m3_graph());
    let Some(place) = place_with(repository.clone(), &TEXTS) else {
        return;
    };
    place.report(BGE_M3, &["--normalize", "false"]);
    let pooled = place.bench.embeddings().values().to_vec();
    repository.insert("modules.json".to_owned(), modules.to_string().into_bytes());
    add_dense(&mut repository, 4, "torch.nn.modules.linear.Identity");
    let Some(place) = place_with(repository.clone(), &TEXTS) else {
        return;
    };
    assert_eq!(place.report(BGE_M3, &[])["dimensions"], 3);
    close(
        place.bench.embeddings().values(),
        &after_dense(&pooled, 4, |x| x),
    );

    // A graph that pools to another width than the layer's cannot have it.
    let outputs = &[("sentence_embedding", crate::support::Head::Mean)];
    let pooling = crate::support::Tiny {
        outputs,
        ..bge_m3_graph()
    };
    for (name, bytes) in bge_m3_files(pooling) {
        repository
            .entry(name)
            .and_modify(|old| *old = bytes.clone())
            .or_insert(bytes);
    }
    repository.insert("modules.json".to_owned(), modules.to_string().into_bytes());
    let Some(place) = place_with(repository, &TEXTS) else {
        return;
    };
    says(
        &place.failure(BGE_M3, &[]),
        &["includes pooling, but its vectors have 4 dimensions instead of the 3"],
    );
}

#[test]
fn vectors_are_cut_and_scaled_again_from_the_same_cache() {
    let place = own_place(files(&[POOL, NORMALIZE]));
    let full = place.vectors(&[]);
    let cut = |keep: usize| -> Vec<f32> {
        let row = |row: &[f32]| {
            let mut row = row[..keep].to_vec();
            normalize(&mut row);
            row
        };
        full.chunks_exact(HIDDEN).flat_map(row).collect()
    };
    for (keep, note) in [
        (5, None),
        (3, Some("trained for cuts to 2, 5 dimensions, not 3")),
        (8, None),
    ] {
        let report = place.report(
            BGE_M3,
            &[&OWN, &["--dimensions", &keep.to_string()][..]].concat(),
        );
        assert_eq!(
            (&report["dimensions"], &report["cached"]),
            (&keep.into(), &TEXTS.len().into())
        );
        close(place.bench.embeddings().values(), &cut(keep));
        assert_eq!(said(&report).contains("trained for cuts"), note.is_some());
        says(&said(&report), note.as_slice());
    }
    let said = place.failure(BGE_M3, &[&OWN, &["--dimensions", "9"][..]].concat());
    says(
        &said,
        &[
            "--dimensions is 9, but the vectors of BAAI/bge-m3 have 8 dimensions",
            "give 8 or less",
        ],
    );
}

#[test]
fn prompts_are_chosen_by_name() {
    let place = own_place(files(&[POOL, NORMALIZE]));
    let plain = place.vectors(&[]);
    let named = place.vectors(&["--prompt-name", "query"]);
    assert_ne!(plain, named);
    assert_eq!(named, place.vectors(&["--prefix", "blue "]));
    assert_eq!(plain, place.vectors(&["--prompt-name", "document"]));
    let said = place.failure(BGE_M3, &[&OWN, &["--prompt-name", "passage"][..]].concat());
    says(
        &said,
        &["has no prompt `passage`", "choose one of document, query"],
    );
}

#[test]
fn long_texts_run_in_chunks_on_the_own_encoder() {
    let place = own_place(files(&[POOL, NORMALIZE]));
    let more = ["--max-tokens", "5", "--precision", "fp32", "--prefix", ""];
    let texts = ["red sea stone red sea stone", "red sea stone", "bird"];
    crate::support::documents(&place.bench.path("documents.parquet"), &texts);
    let truncated = place.vectors(&more);
    let chunked = place.vectors(&[&more[..], &["--overflow", "chunk-mean"]].concat());
    let row = |vectors: &[f32], row: usize| vectors[row * HIDDEN..(row + 1) * HIDDEN].to_vec();
    close(&row(&chunked, 0), &row(&chunked, 1));
    assert_eq!(chunked[HIDDEN..], truncated[HIDDEN..]);
    let report = place.report(
        BGE_M3,
        &[&OWN[..], &more, &["--overflow", "chunk-mean"]].concat(),
    );
    assert_eq!(
        (&report["chunked"], &report["chunked_tokens"]),
        (&1.into(), &3.into())
    );
}
