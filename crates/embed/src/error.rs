//! Errors of the stage.

use std::path::{Path, PathBuf};

use stage::{Bytes, thousands};

use crate::options::Device;
use crate::outputs::OutputFault;
use crate::setup::SetUpModel;
use crate::unknown::{REMEDY, Unknown};

/// Why embedding failed. `Display` states the fact, the hint the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the run could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
    /// There is no cache directory.
    #[error(transparent)]
    Cache(#[from] stage::NoCache),
    /// A temporary file of vectors or tokens cannot be written or read.
    #[error("cannot write a temporary file in {}: {source}", directory.display())]
    TemporaryFile {
        /// The directory of the file.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An option that must not be 0.
    #[error("--{option} is 0")]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// There are no documents.
    #[error("there are no documents to embed")]
    NoDocuments,
    /// The given library does not exist.
    #[error("there is no ONNX Runtime library {}", path.display())]
    RuntimeMissing {
        /// The given path.
        path: PathBuf,
    },
    /// No library was given and none was found.
    #[error(
        "ONNX Runtime was not found: neither in the cache nor by the system's loader ({message})"
    )]
    RuntimeNotFound {
        /// The message of the loader.
        message: String,
    },
    /// The library cannot be loaded.
    #[error("cannot load ONNX Runtime from {}: {message}", path.display())]
    RuntimeLoad {
        /// The library.
        path: PathBuf,
        /// The message of the loader.
        message: String,
    },
    /// A model of the set-up is not in the cache.
    #[error("{model} is not installed: {} is missing", path.display())]
    ModelNotSetUp {
        /// The model.
        model: SetUpModel,
        /// The first missing file.
        path: PathBuf,
    },
    /// A file of a model of the set-up has the wrong hash.
    #[error("{} is damaged: its SHA-256 is {found}, expected {expected}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The expected hash.
        expected: String,
        /// The hash of the file.
        found: String,
    },
    /// `--model` is neither on the disk nor a name.
    #[error("`{name}` is neither a model directory, an .onnx file nor the name of a model")]
    ModelName {
        /// The given value.
        name: String,
    },
    /// The model directory has no graph.
    #[error("{} holds no .onnx file, nor does its directory `onnx`", dir.display())]
    NoGraph {
        /// The model directory.
        dir: PathBuf,
    },
    /// The model directory has weights for Skerry's own encoder only.
    #[error("{} holds model.safetensors, but no ONNX graph, which `--engine ort` needs", dir.display())]
    OnlySafetensors {
        /// The model directory.
        dir: PathBuf,
    },
    /// The model directory has several graphs, none of which is model.onnx.
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
        /// The message of the parser.
        message: String,
    },
    /// A model names a file outside its directory.
    #[error("the model in {} names a file outside its directory: {name}", dir.display())]
    OutsideModel {
        /// The directory.
        dir: PathBuf,
        /// The file name, or the link that points outside.
        name: String,
    },
    /// A file of external weights is missing.
    #[error("{} has weights in {}, which is missing", graph.display(), missing.display())]
    ExternalData {
        /// The graph.
        graph: PathBuf,
        /// The missing file.
        missing: PathBuf,
    },
    /// ONNX Runtime cannot load the graph.
    #[error("ONNX Runtime cannot load {}: {message}", path.display())]
    Session {
        /// The graph.
        path: PathBuf,
        /// The message of ONNX Runtime.
        message: String,
    },
    /// The model directory has no tokenizer.
    #[error("{} holds neither tokenizer.json nor vocab.txt", dir.display())]
    NoTokenizer {
        /// The model directory.
        dir: PathBuf,
    },
    /// The tokenizer cannot be loaded, or fails on a text.
    #[error("the tokenizer {} failed: {message}", path.display())]
    Tokenizer {
        /// Its file.
        path: PathBuf,
        /// Its message.
        message: String,
    },
    /// A configuration file is invalid.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The fault.
        message: String,
    },
    /// The pooling is unknown.
    #[error("{} does not specify how token vectors are pooled", dir.display())]
    NoPooling {
        /// The model directory.
        dir: PathBuf,
    },
    /// The pooling excludes the prompt, which is not supported.
    #[error(
        "{} excludes the prompt from pooling (`include_prompt` is false), which is not supported",
        dir.display()
    )]
    Prompt {
        /// The model directory.
        dir: PathBuf,
    },
    /// The model has no prompt of this name.
    #[error("the model in {} has no prompt `{name}`", dir.display())]
    PromptName {
        /// The model directory.
        dir: PathBuf,
        /// The given name.
        name: String,
        /// The names of its prompts.
        known: Vec<String>,
    },
    /// `--dimensions` is larger than the vectors.
    #[error("--dimensions is {asked}, but the vectors of {model} have {most} dimensions")]
    Dimensions {
        /// The given value.
        asked: usize,
        /// The model's name.
        model: String,
        /// The dimensions of its vectors.
        most: usize,
    },
    /// `--dimensions` with the hash encoder.
    #[error("--dimensions does not apply to `--encoder hash`")]
    HashDimensions,
    /// A linear layer after pooling does not fit what comes before it.
    #[error("the module {} takes {expected} dimensions, but gets {found}", path.display())]
    Dense {
        /// Its folder.
        path: PathBuf,
        /// Its inputs.
        expected: usize,
        /// The dimensions of the vectors before it.
        found: usize,
    },
    /// The graph pools, but its vectors are not those of the last linear layer.
    #[error(
        "the graph includes pooling, but its vectors have {found} dimensions instead of the {expected} of the model's last module"
    )]
    PooledWidth {
        /// The dimensions of the graph's vectors.
        found: usize,
        /// The outputs of the last linear layer.
        expected: usize,
    },
    /// The model has an unsupported module.
    #[error("the model has a module `{module}`, which is not supported")]
    Module {
        /// Its type.
        module: String,
    },
    /// `--max-tokens` is out of range.
    #[error(
        "--max-tokens is {asked}{}, but the model allows {least} {}",
        file.map(|file| format!(" (in {file})")).unwrap_or_default(),
        most.map_or_else(|| "or more".to_owned(), |most| format!("to {most}"))
    )]
    MaxTokens {
        /// The value.
        asked: usize,
        /// The file of the model that gives it, if it was not given by flag.
        file: Option<&'static str>,
        /// The number of special tokens plus one.
        least: usize,
        /// The number of positions of the model, if it is known.
        most: Option<usize>,
    },
    /// The graph has an unsupported input.
    #[error(
        "the graph has an input `{name}`; supported are input_ids, attention_mask and token_type_ids"
    )]
    Input {
        /// Its name.
        name: String,
    },
    /// The output with the embedding cannot be determined.
    #[error("{fault}; it has {found}")]
    Output {
        /// The reason.
        fault: OutputFault,
        /// All outputs with their shapes.
        found: String,
    },
    /// The output has an unexpected shape.
    #[error("the output of the graph has the shape {found} for {rows} texts of {tokens} tokens")]
    Shape {
        /// The shape.
        found: String,
        /// Number of texts in the batch.
        rows: usize,
        /// Number of tokens per text.
        tokens: usize,
    },
    /// The model failed on a batch.
    #[error("the model failed on {rows} texts of {tokens} tokens, row {row} among them: {message}")]
    Run {
        /// Number of texts in the batch.
        rows: usize,
        /// Number of tokens per text.
        tokens: usize,
        /// The first row of the batch.
        row: usize,
        /// The message of ONNX Runtime.
        message: String,
    },
    /// The model alone needs more memory than `--memory-limit`.
    #[error("embedding with {model} needs about {need}, but --memory-limit is {limit}")]
    Memory {
        /// The model's name.
        model: String,
        /// The memory needed.
        need: Bytes,
        /// The limit.
        limit: Bytes,
    },
    /// A text needs more memory than `--memory-limit`.
    #[error("row {row}: a text of {} tokens needs about {need} with {model}, but --memory-limit is {limit}", thousands(*tokens))]
    LongText {
        /// The row.
        row: usize,
        /// Number of its tokens after truncation.
        tokens: usize,
        /// The model's name.
        model: String,
        /// The memory needed.
        need: Bytes,
        /// The limit.
        limit: Bytes,
        /// Maximum number of tokens that fits.
        fits: usize,
    },
    /// Skerry's own encoder does not support the model.
    #[error("Skerry's own encoder cannot run {}: {source}", path.display())]
    OwnEncoder {
        /// The file with the weights.
        path: PathBuf,
        /// The reason.
        source: text_encoder::Error,
    },
    /// The word vectors of the model cannot be used.
    #[error("{} has no word vectors for a static encoder: {source}", path.display())]
    WordVectors {
        /// The file with the weights.
        path: PathBuf,
        /// The reason.
        source: text_encoder::Error,
    },
    /// All texts have the same word.
    #[error("the word vectors of the texts do not differ")]
    NoComponents,
    /// The run of `--static-from` is of another model.
    #[error("the static encoder in {} was not fitted with {model}", dir.display())]
    StaticFrom {
        /// The run directory.
        dir: PathBuf,
        /// The model's name.
        model: String,
    },
    /// `--static-from` without the static encoder.
    #[error("--static-from does not apply without `--encoder static`")]
    StaticFromAlone,
    /// The number of components is that of `--static-from`.
    #[error("--dimensions does not apply with --static-from")]
    StaticFromDimensions,
    /// An option does not apply to the engine.
    #[error("--{option} does not apply to `--engine {engine}`")]
    NotOfEngine {
        /// The option.
        option: &'static str,
        /// The engine.
        engine: &'static str,
    },
    /// The library of ONNX Runtime has no provider for the device.
    #[error(
        "this library of ONNX Runtime has no provider for `--device {device}`; it has {available}"
    )]
    Device {
        /// The device.
        device: Device,
        /// The devices that it has.
        available: String,
    },
    /// The provider of the device does not start.
    #[error("ONNX Runtime cannot use `--device {device}`: {message}")]
    DeviceStart {
        /// The device.
        device: Device,
        /// The message of ONNX Runtime.
        message: String,
    },
    /// The engine does not compute on the device.
    #[error("`--engine skerry` computes on the CPU alone, not with `--device {device}`")]
    DeviceOfEngine {
        /// The device.
        device: Device,
    },
    /// The model does not know most of the table.
    #[error("{unknown}")]
    Unknown {
        /// How many texts, in which scripts.
        unknown: Unknown,
    },
    /// Texts are longer than the model takes, which `--overflow error` refuses.
    #[error("{} of {} texts are longer than {} tokens: {}", thousands(*texts), thousands(*of), thousands(*most), named(rows))]
    TooLong {
        /// Number of rows with such texts.
        texts: usize,
        /// Number of rows.
        of: usize,
        /// Maximum number of tokens.
        most: usize,
        /// The first of the rows, with their numbers of tokens.
        rows: Vec<(usize, u64)>,
    },
    /// The prefix leaves no room for texts.
    #[error("the prefix and the special tokens are {tokens} tokens, where a text may have {most}")]
    LongPrefix {
        /// Their number of tokens.
        tokens: usize,
        /// Maximum number of tokens.
        most: usize,
    },
    /// The text has no tokens.
    #[error("row {row}: the tokenizer finds no token in the text")]
    NoTokens {
        /// The row.
        row: usize,
    },
    /// A vector is zero or not finite.
    #[error("row {row}: the vector of the model is {fault}")]
    BadVector {
        /// The row.
        row: usize,
        /// "not finite" or "zero".
        fault: &'static str,
    },
    /// A model of the hub cannot be had.
    #[error(transparent)]
    Hub(#[from] crate::hub::Error),
    /// Vectors of an endpoint cannot be had.
    #[error(transparent)]
    Endpoint(#[from] crate::endpoint::Error),
    /// The download failed.
    #[error(transparent)]
    Setup(#[from] crate::setup::Error),
}

/// Rows with their numbers of tokens, as text.
fn named(rows: &[(usize, u64)]) -> String {
    let row = |&(row, tokens): &(usize, u64)| {
        format!("row {row} ({} tokens)", thousands(tokens as usize))
    };
    rows.iter().map(row).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// Makes errors of Skerry's own encoder with the weights at `path`.
    pub(crate) fn own_encoder(path: &Path) -> impl Fn(text_encoder::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::OwnEncoder {
            path: path.clone(),
            source,
        }
    }

    /// The error with the index of a distinct text replaced by its row.
    pub(crate) fn at_row(mut self, row_of: impl Fn(usize) -> usize) -> Self {
        if let Self::Endpoint(error) = self {
            return Self::Endpoint(error.at_row(row_of));
        }
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
            Self::Hub(error) => return error.hint(),
            Self::Endpoint(error) => return error.hint(),
            Self::Cache(error) => return error.hint(),
            Self::TemporaryFile { .. } => "make room for the vectors there, or write them elsewhere (--embeddings FILE)".to_owned(),
            Self::Zero { .. } => "give 1 or more".to_owned(),
            Self::NoDocuments => "the documents file has no rows: see the report of ingest".to_owned(),
            Self::RuntimeMissing { .. } => {
                "give the library file, such as libonnxruntime.so.1.31.1, onnxruntime.dll or libonnxruntime.1.31.1.dylib"
                    .to_owned()
            }
            Self::RuntimeNotFound { .. } => {
                "download it with `skerry setup`, or give the library with --onnxruntime FILE or ORT_DYLIB_PATH".to_owned()
            }
            Self::RuntimeLoad { .. } => {
                "use ONNX Runtime 1.24 or newer, for this system and processor; `skerry setup` downloads 1.31.1"
                    .to_owned()
            }
            Self::ModelNotSetUp { model, .. } => match model {
                SetUpModel::Default => "download it with `skerry setup`, or give a model directory with --model DIR",
                SetUpModel::Multilingual => "download it with `skerry setup --multilingual` (91 MB)",
            }
            .to_owned(),
            Self::Damaged { .. } => "download it again with `skerry setup`, or `skerry setup --multilingual`".to_owned(),
            Self::ModelName { .. } => {
                "--model takes a directory with an ONNX graph or model.safetensors, its tokenizer and its configuration; a \
                 repository of the Hugging Face hub, such as BAAI/bge-m3 or owner/name@revision; or all-MiniLM-L6-v2, the \
                 default"
                    .to_owned()
            }
            Self::NoGraph { .. } => "export the model to ONNX, or give the directory that holds model.onnx".to_owned(),
            Self::OnlySafetensors { .. } => "use Skerry's own encoder: --engine skerry".to_owned(),
            Self::ManyGraphs { .. } => "choose one of them: --model DIR/NAME.onnx".to_owned(),
            Self::NotOnnx { .. } => {
                "the file may be truncated or a Git LFS pointer: download it again".to_owned()
            }
            Self::OutsideModel { .. } => {
                "copy the file into the directory: models may not read files elsewhere".to_owned()
            }
            Self::ExternalData { .. } => "put that file beside it, with this name, or download the model again".to_owned(),
            Self::Session { message, .. } if message.contains("opset") || message.contains("IR version") => {
                "the graph is newer than the library: use a newer ONNX Runtime (--onnxruntime FILE) or export with a lower opset"
                    .to_owned()
            }
            Self::Session { .. } => "check that the file is complete and was exported for the CPU provider of ONNX Runtime".to_owned(),
            Self::NoTokenizer { .. } => "copy tokenizer.json from the source of the model".to_owned(),
            Self::Tokenizer { .. } => "check that the file is complete and belongs to this model".to_owned(),
            Self::Config { .. } => "correct the file, or set --pooling, --normalize, --max-tokens and --prefix".to_owned(),
            Self::NoPooling { .. } => {
                "add modules.json and 1_Pooling/config.json, or set --pooling mean, cls or last; see the page of the model"
                    .to_owned()
            }
            Self::Prompt { .. } => {
                "omit the prompt (--prefix \"\"), or include it in pooling (--pooling mean)".to_owned()
            }
            Self::PromptName { known, .. } if known.is_empty() => {
                "it has no prompts: give the text itself, such as --prefix \"query: \"".to_owned()
            }
            Self::PromptName { known, .. } => format!("choose one of {}", known.join(", ")),
            Self::Dimensions { most, .. } => {
                format!("give {most} or less, or omit --dimensions for all of them")
            }
            Self::HashDimensions => "set --hash-dimensions instead".to_owned(),
            Self::Dense { .. } => {
                "check that the files are of one model: download it again".to_owned()
            }
            Self::PooledWidth { .. } => {
                "set --pooling as the model's 1_Pooling/config.json has it, so that Skerry pools and applies the modules after it"
                    .to_owned()
            }
            Self::Module { .. } => "export the model with that step inside the graph (output `sentence_embedding`)".to_owned(),
            Self::MaxTokens { .. } => "give --max-tokens within the range".to_owned(),
            Self::Input { .. } => {
                "export the model without this input; only texts can be embedded".to_owned()
            }
            Self::Output { fault, .. } => match fault {
                OutputFault::None { .. } => {
                    "check that the graph is a text encoder; an output of another shape can be selected with --graph-output NAME"
                }
                OutputFault::Several { .. } => "select one: --graph-output NAME",
                OutputFault::Missing { .. } | OutputFault::NoVectors { .. } => "select another one, or omit --graph-output",
                OutputFault::Pooled => "omit --pooling: the graph includes pooling",
            }
            .to_owned(),
            Self::Memory { need, .. } => format!("allow {need}, truncate texts (--max-tokens), or use a smaller model"),
            Self::LongText { need, fits, .. } => {
                format!("truncate texts with --max-tokens {fits}, or allow {need}")
            }
            Self::Shape { .. } => "export the graph with free batch and sequence dimensions".to_owned(),
            Self::Run { .. } => "if memory ran out, lower --batch-tokens or --max-tokens".to_owned(),
            Self::OwnEncoder { path, .. } if path.extension().is_some_and(|end| end == "onnx") => {
                "use ONNX Runtime: `--engine ort`".to_owned()
            }
            Self::OwnEncoder { path, source } => without_graph(path, source),
            Self::WordVectors { .. } => "use a BERT-like model, or a directory of model2vec; without --encoder static, ONNX Runtime runs any graph".to_owned(),
            Self::NoComponents => "give texts with different words, or omit --encoder static".to_owned(),
            Self::StaticFrom { .. } => "give the --model of that run, or another run".to_owned(),
            Self::StaticFromAlone => "add --encoder static, or omit it".to_owned(),
            Self::StaticFromDimensions => "omit --dimensions: the number of components is that of the run".to_owned(),
            Self::NotOfEngine { option, .. } => format!("omit --{option}, or choose the other `--engine`"),
            Self::Device { .. } => {
                "give a library with that provider with --onnxruntime FILE (for cuda that of the package onnxruntime-gpu, for openvino \
                 that of onnxruntime-openvino, for directml that of onnxruntime-directml), or omit --device"
                    .to_owned()
            }
            Self::DeviceStart { .. } => "check the driver and the libraries of the device, or omit --device".to_owned(),
            Self::DeviceOfEngine { .. } => "omit --engine, so that ONNX Runtime runs the model, or omit --device".to_owned(),
            Self::Unknown { .. } => {
                format!("{REMEDY}, or embed them all the same with --allow-unknown")
            }
            Self::TooLong { .. } => {
                "cut such texts (--overflow truncate), embed them in chunks (--overflow chunk-mean), or leave them out".to_owned()
            }
            Self::LongPrefix { .. } => "give a shorter --prefix, or a larger --max-tokens".to_owned(),
            Self::NoTokens { .. } => {
                "leave such rows out (`skerry ingest --where`), or add a prefix to every text (--prefix)".to_owned()
            }
            Self::BadVector { .. } => "check the text of that row; a model in half precision may overflow".to_owned(),
        })
    }
}

/// The remedy where Skerry's own encoder cannot run the weights in `path`, which ONNX Runtime cannot read.
fn without_graph(path: &Path, source: &text_encoder::Error) -> String {
    use text_encoder::Error as Fault;
    let broken = matches!(
        source,
        Fault::Format { .. } | Fault::Tensor { .. } | Fault::TensorMissing { .. }
    );
    match (repository(path), broken) {
        (Some(repo), true) => format!(
            "the file may be damaged: remove it with `skerry models remove {repo}`, and it is downloaded again"
        ),
        (None, true) => {
            "the file may be damaged, or not belong to the config.json beside it: download the model again".to_owned()
        }
        (_, false) => {
            "export the model to ONNX, which `--engine ort` runs, or choose another --model".to_owned()
        }
    }
}

/// The repository whose snapshot in the cache of the hub has the file `path`.
fn repository(path: &Path) -> Option<String> {
    let snapshots = path
        .ancestors()
        .find(|dir| dir.file_name().is_some_and(|name| name == "snapshots"))?;
    let folder = snapshots.parent()?.file_name()?.to_str()?;
    Some(crate::hub::name::Repo::of_folder(folder)?.id)
}
