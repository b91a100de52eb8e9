//! What can go wrong between a text and its vector.

use std::path::PathBuf;

use stage::{Bytes, thousands};

use crate::outputs::OutputFault;

/// Why embedding failed. `Display` states the fact, the hint what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the run.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
    /// There is no cache to look for the default model in.
    #[error(transparent)]
    Cache(#[from] stage::NoCache),
    /// A number that cannot be 0.
    #[error("--{option} is 0")]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// There is nothing to embed.
    #[error("there are no documents to embed")]
    NoDocuments,
    /// The library that was named is not there.
    #[error("ONNX Runtime: there is no file {}", path.display())]
    RuntimeMissing {
        /// The path that was given.
        path: PathBuf,
    },
    /// No library was named and none was found.
    #[error(
        "ONNX Runtime was not found: neither in the cache nor by the system's loader ({message})"
    )]
    RuntimeNotFound {
        /// What the loader said.
        message: String,
    },
    /// The library is there but does not load.
    #[error("ONNX Runtime does not load from {}: {message}", path.display())]
    RuntimeLoad {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// The default model is not in the cache.
    #[error("the default model is not set up: {} is missing", path.display())]
    ModelNotSetUp {
        /// The first file that is missing.
        path: PathBuf,
    },
    /// A file of the default model is not what it should be.
    #[error("{} is damaged: its SHA-256 is {found}, expected {expected}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The hash that was pinned.
        expected: String,
        /// The hash of the file.
        found: String,
    },
    /// `--model` is neither a directory nor an ONNX file.
    #[error("`{name}` is neither a model directory nor an .onnx file")]
    ModelName {
        /// What was given.
        name: String,
    },
    /// The model directory has no graph.
    #[error("{} holds no .onnx file, nor does its folder `onnx`", dir.display())]
    NoGraph {
        /// The model directory.
        dir: PathBuf,
    },
    /// The model directory has several graphs, none of them the usual one.
    #[error("{} holds several graphs ({names}) and no model.onnx", dir.display())]
    ManyGraphs {
        /// The model directory.
        dir: PathBuf,
        /// Their names.
        names: String,
    },
    /// The graph file is not ONNX.
    #[error("{} is not an ONNX graph: {message}", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        message: String,
    },
    /// A model names a file outside its directory.
    #[error("the model in {} names a file outside its directory: {name}", dir.display())]
    OutsideModel {
        /// The directory.
        dir: PathBuf,
        /// The file as it is named, or the link that leads out.
        name: String,
    },
    /// Weights that lie beside the graph are missing.
    #[error("{} keeps weights in {}, which is missing", graph.display(), missing.display())]
    ExternalData {
        /// The graph.
        graph: PathBuf,
        /// The file it names.
        missing: PathBuf,
    },
    /// ONNX Runtime does not take the graph.
    #[error("ONNX Runtime does not take {}: {message}", path.display())]
    Session {
        /// The graph.
        path: PathBuf,
        /// What ONNX Runtime said.
        message: String,
    },
    /// The model directory has no tokenizer.
    #[error("{} holds neither tokenizer.json nor vocab.txt", dir.display())]
    NoTokenizer {
        /// The model directory.
        dir: PathBuf,
    },
    /// The tokenizer does not load, or fails on a text.
    #[error("the tokenizer of {}: {message}", path.display())]
    Tokenizer {
        /// Its file.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// A configuration file cannot be understood.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// How tokens become one vector is not said anywhere.
    #[error("{} does not say how token vectors are pooled", dir.display())]
    NoPooling {
        /// The model directory.
        dir: PathBuf,
    },
    /// The prompt is to be passed over.
    #[error(
        "{} pools a text without its prompt (`include_prompt` is false), which is not built in",
        dir.display()
    )]
    Prompt {
        /// The model directory.
        dir: PathBuf,
    },
    /// The model has a step that is not built in.
    #[error("the model has a module `{module}`, which is not built in")]
    Module {
        /// Its type.
        module: String,
    },
    /// `--max-tokens` is out of the model's range.
    #[error("max-tokens is {asked}, the model takes {least} to {most}")]
    MaxTokens {
        /// What was asked for.
        asked: usize,
        /// The special tokens and one more.
        least: usize,
        /// The model's positions.
        most: usize,
    },
    /// The graph asks for an input that a text encoder does not have.
    #[error(
        "the graph asks for an input `{name}`, known are input_ids, attention_mask and token_type_ids"
    )]
    Input {
        /// Its name.
        name: String,
    },
    /// No output of the graph can be taken for the embedding.
    #[error("{fault}; it has {found}")]
    Output {
        /// What stands against it.
        fault: OutputFault,
        /// All outputs with their shapes.
        found: String,
    },
    /// The graph answered with another shape than it should.
    #[error("the graph answered {found} for {rows} texts of {tokens} tokens")]
    Shape {
        /// The shape that came.
        found: String,
        /// Texts in the batch.
        rows: usize,
        /// Tokens of each.
        tokens: usize,
    },
    /// The model failed on a batch.
    #[error("the model failed on {rows} texts of {tokens} tokens, row {row} among them: {message}")]
    Run {
        /// Texts in the batch.
        rows: usize,
        /// Tokens of each.
        tokens: usize,
        /// The first row of it.
        row: usize,
        /// What ONNX Runtime said.
        message: String,
    },
    /// The model alone takes more than `--memory-limit` allows.
    #[error("embedding with {model} takes about {need}, --memory-limit allows {limit}")]
    Memory {
        /// The model's name.
        model: String,
        /// What it would take.
        need: Bytes,
        /// What it may take.
        limit: Bytes,
    },
    /// A text takes more than `--memory-limit` allows.
    #[error("row {row}: a text of {} tokens takes {model} about {need}, --memory-limit allows {limit}", thousands(*tokens))]
    LongText {
        /// The row.
        row: usize,
        /// Its tokens, as far as the model reads them.
        tokens: usize,
        /// The model's name.
        model: String,
        /// What the run would take.
        need: Bytes,
        /// What it may take.
        limit: Bytes,
        /// The longest text that would fit.
        fits: usize,
    },
    /// The tokenizer leaves nothing of a text.
    #[error("row {row}: the tokenizer finds no token in the text")]
    NoTokens {
        /// The row.
        row: usize,
    },
    /// A vector is not a vector.
    #[error("row {row}: the model's vector is {fault}")]
    BadVector {
        /// The row.
        row: usize,
        /// "not finite" or "zero".
        fault: &'static str,
    },
    /// Fetching what is missing failed.
    #[error(transparent)]
    Setup(#[from] crate::setup::Error),
}

impl Error {
    /// The error with the row that `row_of` has for its text, where texts are numbered without their repetitions.
    pub(crate) fn at_row(mut self, row_of: impl Fn(usize) -> usize) -> Self {
        if let Self::Run { row, .. } | Self::NoTokens { row } | Self::LongText { row, .. } =
            &mut self
        {
            *row = row_of(*row);
        }
        self
    }
}

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Artifact(error) => return error.hint(),
            Self::Setup(error) => return error.hint(),
            Self::Cache(error) => return error.hint(),
            Self::Zero { .. } => "it takes 1 or more".to_owned(),
            Self::NoDocuments => "the documents file has no rows: look at what ingest kept".to_owned(),
            Self::RuntimeMissing { .. } => {
                "name the library itself, such as libonnxruntime.so.1.31.1, onnxruntime.dll or libonnxruntime.1.31.1.dylib"
                    .to_owned()
            }
            Self::RuntimeNotFound { .. } => {
                "`skerry setup` brings it; or name the library with --onnxruntime FILE or ORT_DYLIB_PATH".to_owned()
            }
            Self::RuntimeLoad { .. } => {
                "it must be ONNX Runtime 1.24 or newer, for this system and processor; `skerry setup` brings 1.31.1"
                    .to_owned()
            }
            Self::ModelNotSetUp { .. } => "`skerry setup` brings it; or name a model directory with --model DIR".to_owned(),
            Self::Damaged { .. } => "`skerry setup` brings it again".to_owned(),
            Self::ModelName { .. } => {
                "--model takes a directory with an ONNX graph, its tokenizer.json or vocab.txt and its configuration; \
                 models of a hub must be downloaded first"
                    .to_owned()
            }
            Self::NoGraph { .. } => "export the model to ONNX, or name the directory that holds model.onnx".to_owned(),
            Self::ManyGraphs { .. } => "name one of them: --model DIR/NAME.onnx".to_owned(),
            Self::NotOnnx { .. } => {
                "the file may be cut short, or a pointer left by Git LFS: download it again".to_owned()
            }
            Self::OutsideModel { .. } => {
                "copy the file itself into the directory: a model reads no file elsewhere".to_owned()
            }
            Self::ExternalData { .. } => "put that file beside the graph, under this very name".to_owned(),
            Self::Session { message, .. } if message.contains("opset") || message.contains("IR version") => {
                "the graph is newer than the library: take a newer ONNX Runtime (--onnxruntime FILE) or export with a lower opset"
                    .to_owned()
            }
            Self::Session { .. } => "check that the file is whole and made for ONNX Runtime's CPU provider".to_owned(),
            Self::NoTokenizer { .. } => "copy tokenizer.json from where the model came from".to_owned(),
            Self::Tokenizer { .. } => "check that the file is whole and belongs to this model".to_owned(),
            Self::Config { .. } => "mend the file, or set --pooling, --normalize, --max-tokens and --prefix".to_owned(),
            Self::NoPooling { .. } => {
                "add modules.json and 1_Pooling/config.json, or say --pooling mean, cls or last; the model's page tells which"
                    .to_owned()
            }
            Self::Prompt { .. } => {
                "leave the prompt out (--prefix \"\"), or pool it like the text (--pooling mean)".to_owned()
            }
            Self::Module { .. } => "export the model with that step inside the graph (output `sentence_embedding`)".to_owned(),
            Self::MaxTokens { .. } => "choose --max-tokens within the range".to_owned(),
            Self::Input { .. } => {
                "export the model so that the graph makes this input itself; images and sound are not embedded".to_owned()
            }
            Self::Output { fault, .. } => match fault {
                OutputFault::None { .. } => {
                    "this stage runs text encoders: check that the graph is one; an output of another shape is taken if it is named (--graph-output NAME)"
                }
                OutputFault::Several { .. } => "name the one to take: --graph-output NAME",
                OutputFault::Missing { .. } | OutputFault::NoVectors { .. } => "name another, or leave --graph-output out",
                OutputFault::Pooled => "leave --pooling out: the graph pools by itself",
            }
            .to_owned(),
            Self::Memory { need, .. } => format!("allow {need}, cut texts shorter (--max-tokens), or take a smaller model"),
            Self::LongText { need, fits, .. } => {
                format!("cut longer texts with --max-tokens {fits}, or allow {need}")
            }
            Self::Shape { .. } => "export the graph with free batch and sequence dimensions".to_owned(),
            Self::Run { .. } => "if memory ran out, lower --batch-tokens or --max-tokens".to_owned(),
            Self::NoTokens { .. } => {
                "leave such rows out (`skerry ingest --where`), or put words before every text (--prefix)".to_owned()
            }
            Self::BadVector { .. } => "look at that row's text; a model in half precision may overflow".to_owned(),
        })
    }
}
