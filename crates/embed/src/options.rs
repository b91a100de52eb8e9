//! Options of the stage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stage::Bytes;

/// Encoder that computes the vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// A sentence model (see `--engine`)
    #[default]
    Onnx,
    /// Weighted means of the word vectors of the model, projected: a preview of its vectors, a hundred times as fast
    Static,
    /// Hashed character n-grams without a model: similar spelling, not meaning; for tests
    Hash,
}

/// Engine that runs a sentence model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `skerry` for BERT and its relatives, `ort` for all other graphs
    #[default]
    Auto,
    /// Skerry's own encoder; the same bytes on all processors
    Skerry,
    /// ONNX Runtime, for any graph; 32-bit floating point
    Ort,
}

/// What is done with a text of more tokens than the model takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The text is cut
    #[default]
    Truncate,
    /// The text is split, and gets the mean of the vectors of its chunks, weighted by their tokens
    ChunkMean,
    /// The table is refused, with the rows
    Error,
}

/// Device on which ONNX Runtime computes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor
    #[default]
    Cpu,
    /// A GPU of NVIDIA
    Cuda,
    /// The accelerators of Apple
    Coreml,
    /// Any GPU under Windows
    Directml,
    /// Accelerators and processors of Intel
    Openvino,
}

/// Precision of the matrix products of Skerry's own encoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// `int8` if the model stays at a cosine of 0.99 or more to `fp32` on 99 of 100 calibration texts, else `fp32`
    #[default]
    Auto,
    /// 8-bit integers: two to three times as fast
    Int8,
    /// 32-bit floating point
    Fp32,
}

/// Pooling of the token vectors into the vector of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Mean of the token vectors
    Mean,
    /// Vector of the first token
    Cls,
    /// Vector of the last token
    Last,
    /// Maximum of each dimension over the tokens
    Max,
}

/// Settings that determine the vectors; they are in the footer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Encoder that computes the vectors
    #[arg(long, value_enum, default_value_t = EncoderKind::Onnx)]
    pub encoder: EncoderKind,
    /// Pooling of the token vectors [default: from the model's files]
    #[arg(long, value_enum)]
    pub pooling: Option<Pooling>,
    /// Scale the vectors to length 1 (L2 norm) [default: from the model's files]
    #[arg(long, value_name = "true|false")]
    pub normalize: Option<bool>,
    /// Maximum number of tokens per text [default: from the model's files]
    ///
    /// Special tokens and the prefix count. Longer texts are truncated, or treated as `--overflow` says.
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<usize>,
    /// What to do with texts of more tokens [default: truncate]
    ///
    /// The report counts these texts and their tokens beyond the limit. Chunks have the prefix of the text each, and their mean is
    /// scaled to length 1 if the model does so with its vectors.
    #[arg(long, value_enum)]
    pub overflow: Option<Overflow>,
    /// Prefix for every text, such as "query: " [default: from the model's files]
    #[arg(long, value_name = "TEXT")]
    pub prefix: Option<String>,
    /// Prompt of the model with this name as the prefix, such as query
    ///
    /// The names are in `config_sentence_transformers.json` of the model.
    #[arg(long, value_name = "NAME", conflicts_with = "prefix")]
    pub prompt_name: Option<String>,
    /// Cut vectors to this many of their first dimensions [default: all]
    ///
    /// They are scaled to length 1 again. For models that were trained for it (Matryoshka representation learning). With
    /// `--encoder static`, the number of principal components [default: 256].
    #[arg(long, value_name = "D")]
    pub dimensions: Option<usize>,
    /// Output of the ONNX graph that holds the vectors [default: found by shape and name]
    ///
    /// Needed only if more than one output is possible.
    #[arg(long, value_name = "NAME")]
    pub graph_output: Option<String>,
    /// `--endpoint`: name of the model, such as text-embedding-3-small
    ///
    /// It is recorded, and vectors in the cache go by it, so a server with one model needs its name, too.
    #[arg(long, value_name = "NAME")]
    pub endpoint_model: Option<String>,
    /// Engine that runs the model
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub engine: Engine,
    /// `--engine ort`: device that computes; its library must have the provider [default: cpu]
    ///
    /// Nothing falls back to the CPU. With a device other than cpu, ONNX Runtime runs every model (`--engine ort`), and the bits
    /// of the vectors can depend on the batches.
    #[arg(long, value_enum)]
    pub device: Option<Device>,
    /// `--engine skerry`: precision of the matrix products
    ///
    /// `auto` is decided once per model, with texts in many languages that are part of the program.
    #[arg(long, value_enum, default_value_t = Precision::Auto)]
    pub precision: Precision,
    /// `--encoder hash`: number of dimensions of the vectors
    #[arg(long, value_name = "D", default_value_t = 384)]
    pub hash_dimensions: usize,
}

impl Options {
    /// What is done with long texts.
    pub(crate) fn overflow(&self) -> Overflow {
        self.overflow.unwrap_or_default()
    }

    /// The device.
    pub(crate) fn device(&self) -> Device {
        self.device.unwrap_or_default()
    }

    /// The engine: Skerry's own encoder computes on the CPU alone.
    pub(crate) fn engine(&self) -> Engine {
        if self.engine == Engine::Auto && self.device() != Device::Cpu {
            return Engine::Ort;
        }
        self.engine
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encoder: EncoderKind::Onnx,
            pooling: None,
            normalize: None,
            max_tokens: None,
            overflow: None,
            prefix: None,
            prompt_name: None,
            dimensions: None,
            graph_output: None,
            endpoint_model: None,
            engine: Engine::Auto,
            device: None,
            precision: Precision::Auto,
            hash_dimensions: 384,
        }
    }
}

/// Settings of this machine: they change no byte of the vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Local {
    /// Sentence model: a directory, an .onnx file or a name [default: all-MiniLM-L6-v2, English]
    ///
    /// A directory holds the ONNX graph or model.safetensors, the tokenizer and the configuration. `multilingual` is
    /// multilingual-e5-small, for about 100 languages, which `skerry setup --multilingual` downloads and Skerry's own encoder
    /// runs. A name such as `BAAI/bge-m3` or `owner/name@revision` is a repository of the Hugging Face hub: it is read from the
    /// cache of the hub, and downloaded into it if it is not there. The default model is for English texts; it is read from
    /// Skerry's cache, to which `skerry setup` downloads it.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// `--encoder static`: take weights and projection from this run directory [default: fit them to the texts]
    ///
    /// For rows that are compared with those of that run, such as new rows for `skerry predict`: only vectors with the same
    /// projection can be compared.
    #[arg(long, value_name = "DIR")]
    pub static_from: Option<PathBuf>,
    /// Address of a server that computes the vectors
    ///
    /// A path that ends in `/embeddings`, which is appended to `/v1`, is of the OpenAI API; one that ends in `/embed` is of
    /// text-embeddings-inference. The texts that are not in the cache are sent there. The key is taken from
    /// `SKERRY_ENDPOINT_KEY`, for `https://api.openai.com` also from `OPENAI_API_KEY`; it is never printed, and in no file.
    #[arg(long, value_name = "URL")]
    #[expect(
        clippy::doc_markdown,
        reason = "OpenAI is a name, and the help shows backticks"
    )]
    pub endpoint: Option<String>,
    /// `--endpoint`: number of requests at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub concurrency: usize,
    /// `--endpoint`: maximum number of texts per request
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub batch_texts: usize,
    /// `--endpoint`: maximum number of characters per request of more than one text
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub batch_characters: usize,
    /// `--endpoint`: seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub request_timeout: u64,
    /// `--endpoint`: number of times that a failed request is repeated, after waits that double, or as the server asks
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub retries: u32,
    /// Library file of ONNX Runtime [default: found]
    ///
    /// By default `ORT_DYLIB_PATH`, else the cache, else the library of the system.
    #[arg(long, value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// Number of tokens per batch
    #[arg(long, value_name = "N", default_value_t = BATCH_TOKENS)]
    pub batch_tokens: usize,
    /// Limit memory to this size, such as `4GiB` or `512MB`
    ///
    /// Smaller batches and fewer copies of the model are used. If the longest text does not fit, the stage refuses to
    /// start.
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<Bytes>,
    /// Neither read vectors from the cache nor write them to it
    #[arg(long)]
    pub no_cache: bool,
    /// Limit the vector cache to this size, for all models together
    ///
    /// Beyond it, the vectors that were not used for the longest time are removed when a run ends. Other runs that need them
    /// embed their texts again.
    #[arg(long, value_name = "SIZE", default_value = CACHE_LIMIT)]
    pub cache_limit: Bytes,
    /// Embed a table of which the model knows less than half
    ///
    /// A text is unknown to the model if its vocabulary lacks most of the characters: texts in other scripts, emoji. The
    /// vectors of such texts hardly differ. Without this flag, the stage refuses a table with mostly unknown texts.
    #[arg(long)]
    pub allow_unknown: bool,
}

/// The default of `--cache-limit`: some 2.7 million vectors of 384 dimensions, 1 million of 1,024.
const CACHE_LIMIT: &str = "4GiB";

/// The activations of this many tokens fit into a core's cache; larger batches are slower (see `encoder`).
const BATCH_TOKENS: usize = 512;

impl Default for Local {
    fn default() -> Self {
        Self {
            model: None,
            static_from: None,
            endpoint: None,
            concurrency: 4,
            batch_texts: 32,
            batch_characters: 200_000,
            request_timeout: 120,
            retries: 6,
            onnxruntime: None,
            batch_tokens: BATCH_TOKENS,
            memory_limit: None,
            no_cache: false,
            cache_limit: CACHE_LIMIT.parse().expect("the default is a size"),
            allow_unknown: false,
        }
    }
}
