//! What can be asked of this stage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stage::Bytes;

/// Which encoder makes the vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// A sentence model, run by ONNX Runtime.
    #[default]
    Onnx,
    /// No model: hashed character n-grams. They know spelling, not meaning; for tests.
    Hash,
}

/// How the vectors of the tokens become the vector of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's.
    Last,
    /// The largest value of each dimension.
    Max,
}

/// Options that change the vectors. They stand in the footer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What makes the vectors
    #[arg(long, value_enum, default_value_t = EncoderKind::Onnx)]
    pub encoder: EncoderKind,
    /// How token vectors are pooled [default: what the model's files say]
    #[arg(long, value_enum)]
    pub pooling: Option<Pooling>,
    /// Whether vectors are brought to length 1 [default: what the model's files say]
    #[arg(long, value_name = "true|false")]
    pub normalize: Option<bool>,
    /// Longer texts are cut to this many tokens, special ones counted [default: what the model's files say]
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// Put before every text, such as "query: " [default: what the model's files say]
    #[arg(long, value_name = "TEXT")]
    pub prefix: Option<String>,
    /// The output of the graph that holds the vectors [default: by shape and name, if only one comes into question]
    #[arg(long, value_name = "NAME")]
    pub graph_output: Option<String>,
    /// Dimensions of the vectors of `--encoder hash`
    #[arg(long, value_name = "D", default_value_t = 384)]
    pub hash_dimensions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encoder: EncoderKind::Onnx,
            pooling: None,
            normalize: None,
            max_tokens: None,
            prefix: None,
            graph_output: None,
            hash_dimensions: 384,
        }
    }
}

/// Settings of this machine: they change no byte of the vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Local {
    /// Directory of a model (ONNX graph, tokenizer, configuration), or its .onnx file [default: all-MiniLM-L6-v2 of the cache]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// ONNX Runtime's library [default: `ORT_DYLIB_PATH`, then the cache, then the system's]
    #[arg(long, value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// Tokens in one batch of the model
    #[arg(long, value_name = "N", default_value_t = BATCH_TOKENS)]
    pub batch_tokens: usize,
    /// Take no more memory than this, as in `4GiB` or `512MB`: smaller batches, fewer copies of the model; refuse to begin
    /// where the longest text does not fit
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<Bytes>,
    /// Neither look for vectors in the cache nor keep them there
    #[arg(long)]
    pub no_cache: bool,
}

/// The activations of this many tokens stay in a core's cache; larger batches were slower (see `encoder`).
const BATCH_TOKENS: usize = 512;

impl Default for Local {
    fn default() -> Self {
        Self {
            model: None,
            onnxruntime: None,
            batch_tokens: BATCH_TOKENS,
            memory_limit: None,
            no_cache: false,
        }
    }
}
