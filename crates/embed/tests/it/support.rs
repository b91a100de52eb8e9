//! Small models in ONNX form, written by hand, and a way to run the program on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::{LargeStringArray, RecordBatch};
use artifacts::{Documents, Embeddings, Footer};
use test_support::skip;
use text_encoder::protobuf::{Fields, Value};

/// What a small model's graph does after looking the tokens up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mixing {
    /// Adds to each token the mean of its text.
    Text,
    /// Adds to each token the mean of the whole batch, as per-tensor scales do.
    Batch,
}

/// What an output of a small model holds, made of the states of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// The states: a vector of D numbers a token.
    States,
    /// The negated states.
    Negated,
    /// The states twice, side by side: 2 D numbers a token.
    Twice,
    /// Their mean: a vector a text.
    Mean,
    /// Their largest value of each dimension: a vector a text.
    Largest,
    /// The largest number of each state: one a token, in an axis of its own.
    Weights,
    /// The same without that axis.
    FlatWeights,
}

/// A small model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiny {
    pub(crate) mixing: Mixing,
    /// Its outputs, in order.
    pub(crate) outputs: &'static [(&'static str, Head)],
    /// One more input, of whole numbers.
    pub(crate) more_input: Option<&'static str>,
    pub(crate) opset: u8,
    /// The type of its weights and outputs.
    pub(crate) element: Element,
    /// The number of texts and of tokens that it takes; names stand for any number.
    pub(crate) shape: [&'static str; 2],
    /// Whether it has a constant of zeros in a file of its own, as an exporter writes large ones.
    pub(crate) constant: bool,
}

/// The file of that constant.
pub(crate) const CONSTANT: &str = "Constant_7_attr__value";

/// A type of tensor elements, with its number in ONNX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32 = 1,
    F16 = 10,
    Bf16 = 16,
}

impl Element {
    fn bytes(self, value: f32) -> Vec<u8> {
        match self {
            Self::F32 => value.to_le_bytes().to_vec(),
            Self::F16 => half::f16::from_f32(value).to_le_bytes().to_vec(),
            Self::Bf16 => half::bf16::from_f32(value).to_le_bytes().to_vec(),
        }
    }
}

impl Default for Tiny {
    fn default() -> Self {
        Self {
            mixing: Mixing::Text,
            outputs: &[("last_hidden_state", Head::States)],
            more_input: None,
            opset: 17,
            element: Element::F32,
            shape: ["batch", "sequence"],
            constant: false,
        }
    }
}

/// Dimensions of the small models.
pub(crate) const D: usize = 4;

/// The words they know, after `<s>`, `<pad>`, `</s>` and `<unk>`.
pub(crate) const WORDS: [&str; 8] = [
    "red", "green", "blue", "sea", "salt", "stone", "bird", "wind",
];

/// The number that the table holds for token `id` at `dimension`.
pub(crate) fn weight(id: usize, dimension: usize) -> f32 {
    ((id * 7 + dimension * 5) % 11) as f32 - 4.5
}

impl Head {
    /// The node that makes it, and its shape.
    fn make(self, name: &str) -> (Vec<u8>, &'static [&'static str]) {
        let reduce = |kind: &str, axis, keep| {
            let attributes = [ints("axes", &[axis]), int("keepdims", keep)];
            node(kind, &["states"], name, &attributes)
        };
        match self {
            Self::States => (
                node("Identity", &["states"], name, &[]),
                &["batch", "sequence", "4"],
            ),
            Self::Negated => (
                node("Neg", &["states"], name, &[]),
                &["batch", "sequence", "4"],
            ),
            Self::Twice => (
                node("Concat", &["states", "states"], name, &[int("axis", 2)]),
                &["batch", "sequence", "8"],
            ),
            Self::Mean => (reduce("ReduceMean", 1, 0), &["batch", "4"]),
            Self::Largest => (reduce("ReduceMax", 1, 0), &["batch", "4"]),
            Self::Weights => (reduce("ReduceMax", 2, 1), &["batch", "sequence", "1"]),
            Self::FlatWeights => (reduce("ReduceMax", 2, 0), &["batch", "sequence"]),
        }
    }
}

impl Tiny {
    /// Writes graph, weights (beside the graph) and tokenizer into `dir`.
    pub(crate) fn write(self, dir: &Path) {
        if self.constant {
            std::fs::write(dir.join(CONSTANT), [0; 4 * D]).unwrap();
        }
        std::fs::write(dir.join("model.onnx"), self.model()).unwrap();
        let table =
            (0..WORDS.len() + 4).flat_map(|id| (0..D).map(move |dimension| weight(id, dimension)));
        std::fs::write(
            dir.join("model.onnx_data"),
            table
                .flat_map(|value| self.element.bytes(value))
                .collect::<Vec<_>>(),
        )
        .unwrap();
        std::fs::write(dir.join("tokenizer.json"), tokenizer()).unwrap();
    }

    /// A dimension called `batch` or `sequence` as this model has it.
    fn size(self, name: &'static str) -> &'static str {
        match name {
            "batch" => self.shape[0],
            "sequence" => self.shape[1],
            size => size,
        }
    }

    fn model(self) -> Vec<u8> {
        let axes = if self.mixing == Mixing::Text {
            &[1][..]
        } else {
            &[0, 1][..]
        };
        let mut nodes = vec![
            node("Gather", &["table", "input_ids"], "stored", &[]),
            node("Cast", &["stored"], "looked_up", &[int("to", 1)]),
            node("Cast", &["attention_mask"], "mask", &[int("to", 1)]),
            node("Unsqueeze", &["mask", "last_axis"], "mask3", &[]),
            node("Mul", &["looked_up", "mask3"], "masked", &[]),
            node(
                "ReduceMean",
                &["masked"],
                "mean",
                &[ints("axes", axes), int("keepdims", 1)],
            ),
        ];
        if self.constant {
            nodes.push(node("Constant", &[], "zeros", &[external_constant()]));
            nodes.push(node("Add", &["masked", "mean"], "sum", &[]));
            nodes.push(node("Add", &["sum", "zeros"], "states", &[]));
        } else {
            nodes.push(node("Add", &["masked", "mean"], "states", &[]));
        }
        let mut outputs = Vec::new();
        for (name, head) in self.outputs {
            let full = format!("{name} in f32");
            let (made, shape) = head.make(&full);
            nodes.push(made);
            let element = self.element as u64;
            nodes.push(node("Cast", &[full.as_str()], name, &[int("to", element)]));
            let shape: Vec<&str> = shape.iter().map(|size| self.size(size)).collect();
            outputs.push(value(name, element, &shape));
        }
        let rows = WORDS.len() as u64 + 4;
        let external = |key: &str, value: &str| bytes(13, &[text(1, key), text(2, value)].concat());
        let table = [
            varint(1, rows),
            varint(1, D as u64),
            varint(2, self.element as u64),
            text(8, "table"),
            external("location", "model.onnx_data"),
            external("offset", "0"),
            external(
                "length",
                &(rows as usize * D * self.element.bytes(0.0).len()).to_string(),
            ),
            varint(14, 1),
        ]
        .concat();
        let last_axis = [
            varint(1, 1),
            varint(2, 7),
            text(8, "last_axis"),
            bytes(9, &(-1_i64).to_le_bytes()),
        ]
        .concat();
        let mut graph: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
        graph.extend(text(2, "tiny"));
        graph.extend(bytes(5, &table));
        graph.extend(bytes(5, &last_axis));
        for name in ["input_ids", "attention_mask"]
            .into_iter()
            .chain(self.more_input)
        {
            graph.extend(bytes(11, &value(name, 7, &self.shape)));
        }
        graph.extend(outputs.iter().flat_map(|output| bytes(12, output)));
        [
            varint(1, 8),
            bytes(8, &varint(2, u64::from(self.opset))),
            bytes(7, &graph),
        ]
        .concat()
    }
}

// Protocol Buffers, with the field numbers of onnx.proto.

fn raw(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn varint(field: u64, value: u64) -> Vec<u8> {
    [raw(field << 3), raw(value)].concat()
}

fn bytes(field: u64, body: &[u8]) -> Vec<u8> {
    [raw(field << 3 | 2), raw(body.len() as u64), body.to_vec()].concat()
}

fn text(field: u64, body: &str) -> Vec<u8> {
    bytes(field, body.as_bytes())
}

/// The ONNX file `model` with its large tensors in a file `name` beside it; and that file.
pub(crate) fn externalized(model: &[u8], name: &str) -> (Vec<u8>, Vec<u8>) {
    let mut data = Vec::new();
    let graph = rewritten(model, 7, &mut |graph| {
        rewritten(graph, 5, &mut |tensor| {
            let raw_data = Fields(tensor).flatten().find_map(|field| match field {
                (9, Value::Bytes(raw)) if raw.len() >= 4096 => Some(raw),
                _ => None,
            });
            let Some(raw) = raw_data else {
                return tensor.to_vec();
            };
            let mut kept: Vec<u8> = Fields(tensor)
                .flatten()
                .filter(|(field, _)| *field != 9)
                .flat_map(|(field, value)| encoded(field, value))
                .collect();
            for (key, value) in [
                ("location", name.to_owned()),
                ("offset", data.len().to_string()),
                ("length", raw.len().to_string()),
            ] {
                kept.extend(bytes(13, &[text(1, key), text(2, &value)].concat()));
            }
            kept.extend(varint(14, 1));
            data.extend_from_slice(raw);
            kept
        })
    });
    (graph, data)
}

/// `message` with the fields of number `field` changed.
fn rewritten(message: &[u8], field: u64, change: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut all = Vec::new();
    for part in Fields(message) {
        match part.unwrap() {
            (number, Value::Bytes(body)) if number == field => {
                all.extend(bytes(number, &change(body)));
            }
            (number, value) => all.extend(encoded(number, value)),
        }
    }
    all
}

fn encoded(field: u64, value: Value<'_>) -> Vec<u8> {
    match value {
        Value::Varint(value) => varint(field, value),
        Value::Fixed32(value) => [raw(field << 3 | 5), value.to_le_bytes().to_vec()].concat(),
        Value::Bytes(body) => bytes(field, body),
        Value::Fixed64 => panic!("no such field is expected"),
    }
}

fn int(name: &str, value: u64) -> Vec<u8> {
    [text(1, name), varint(3, value), varint(20, 2)].concat()
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&value| varint(8, value)).collect();
    [text(1, name), values, varint(20, 7)].concat()
}

/// The attribute of a constant of D numbers in a file.
fn external_constant() -> Vec<u8> {
    let external = |key: &str, value: &str| bytes(13, &[text(1, key), text(2, value)].concat());
    let tensor = [
        varint(1, D as u64),
        varint(2, 1),
        text(8, "zeros"),
        external("location", CONSTANT),
        external("offset", "0"),
        external("length", &(4 * D).to_string()),
        varint(14, 1),
    ]
    .concat();
    [text(1, "value"), bytes(5, &tensor), varint(20, 4)].concat()
}

fn node(kind: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| text(1, input)).collect();
    node.extend(text(2, output));
    node.extend(text(4, kind));
    node.extend(attributes.iter().flat_map(|attribute| bytes(5, attribute)));
    node
}

fn value(name: &str, element: u64, shape: &[&str]) -> Vec<u8> {
    let dimension = |size: &&str| match size.parse() {
        Ok(size) => bytes(1, &varint(1, size)),
        Err(_) => bytes(1, &text(2, size)),
    };
    let shape: Vec<u8> = shape.iter().flat_map(dimension).collect();
    let tensor = [varint(1, element), bytes(2, &shape)].concat();
    [text(1, name), bytes(2, &bytes(1, &tensor))].concat()
}

/// Splits at white space and punctuation; carries a padding and a truncation that must not be obeyed.
pub(crate) fn tokenizer() -> String {
    let word = |(i, word): (usize, &&str)| format!(r#","{word}":{}"#, i + 4);
    let words: Vec<String> = WORDS.iter().enumerate().map(word).collect();
    let words = words.concat();
    let special = |token: &str, id: usize| {
        format!(r#""{token}":{{"id":"{token}","ids":[{id}],"tokens":["{token}"]}}"#)
    };
    format!(
        r#"{{"version":"1.0",
"truncation":{{"direction":"Right","max_length":3,"strategy":"LongestFirst","stride":0}},
"padding":{{"strategy":{{"Fixed":128}},"direction":"Right","pad_to_multiple_of":null,"pad_id":1,"pad_type_id":0,"pad_token":"<pad>"}},
"added_tokens":[],
"normalizer":{{"type":"Lowercase"}},
"pre_tokenizer":{{"type":"Whitespace"}},
"post_processor":{{"type":"TemplateProcessing",
 "single":[{{"SpecialToken":{{"id":"<s>","type_id":0}}}},{{"Sequence":{{"id":"A","type_id":0}}}},{{"SpecialToken":{{"id":"</s>","type_id":0}}}}],
 "pair":[{{"Sequence":{{"id":"A","type_id":0}}}},{{"Sequence":{{"id":"B","type_id":0}}}}],
 "special_tokens":{{{},{}}}}},
"decoder":null,
"model":{{"type":"WordLevel","vocab":{{"<s>":0,"<pad>":1,"</s>":2,"<unk>":3{words}}},"unk_token":"<unk>"}}}}"#,
        special("<s>", 0),
        special("</s>", 2)
    )
}

/// Writes `name` of a model's own description into `dir`.
pub(crate) fn describe(dir: &Path, name: &str, json: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, json).unwrap();
}

/// ONNX Runtime's library in this machine's cache, or `None`, and the test is skipped.
pub(crate) fn library() -> Option<PathBuf> {
    let path = embed::setup::library_path(&stage::cache_dir().expect("a cache directory"))
        .filter(|path| path.is_file());
    if path.is_none() {
        skip("ONNX Runtime is not set up (skerry setup)");
    }
    path
}

/// The cache with the default model, or `None`, and the test is skipped.
pub(crate) fn default_model_cache() -> Option<PathBuf> {
    let cache = stage::cache_dir().expect("a cache directory");
    let missing = embed::setup::missing(&cache);
    if !missing.is_empty() {
        skip(&format!(
            "{} not set up (skerry setup)",
            missing.join(" and ")
        ));
        return None;
    }
    Some(cache)
}

/// A documents file of these texts.
pub(crate) fn documents(path: &Path, texts: &[&str]) {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(texts.len()));
    let none = RecordBatch::try_new_with_options(
        arrow::datatypes::Schema::empty().into(),
        vec![],
        &options,
    )
    .unwrap();
    let documents = Documents {
        text: LargeStringArray::from(texts.to_vec()),
        source_row: (0..texts.len() as i64).collect(),
        copies: None,
        columns: none,
    };
    documents
        .write(path, &Footer::new("test 0", serde_json::Value::Null, 0))
        .unwrap();
}

/// A run directory with its own cache.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) cache: PathBuf,
}

impl Bench {
    pub(crate) fn new(texts: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        documents(&dir.path().join("documents.parquet"), texts);
        let cache = dir.path().join("cache");
        Self { dir, cache }
    }

    /// Runs the program with `arguments` in this directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_skerry-embed"))
            .arg("--run")
            .arg(self.dir.path())
            .arg("--json")
            .args(arguments)
            .env("SKERRY_CACHE", &self.cache)
            .env_remove("ORT_DYLIB_PATH")
            // A name may not reach the network.
            .env("HF_HOME", self.dir.path().join("hf"))
            .env("HF_HUB_OFFLINE", "1")
            .output()
            .unwrap()
    }

    /// The report of a run that must succeed.
    pub(crate) fn report(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a run that must fail says.
    pub(crate) fn failure(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The memory in MiB that a run of a report foresaw.
    pub(crate) fn foreseen(report: &serde_json::Value) -> Option<u64> {
        let notes = report["notes"].as_array().unwrap();
        let words = notes.iter().find_map(|note| {
            let (_, about) = note.as_str()?.split_once("dimensions, about ")?;
            about.strip_suffix(" MiB of memory")
        });
        if words.is_none() {
            skip("this system does not tell how much memory a process holds");
        }
        words.map(|words| words.parse().unwrap())
    }

    pub(crate) fn embeddings(&self) -> Embeddings {
        Embeddings::read(&self.dir.path().join("embeddings.parquet"))
            .unwrap()
            .value
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("embeddings.parquet")).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
