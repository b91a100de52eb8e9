//! Texts to vectors: the stage `embed`.
//!
//! A sentence model in ONNX form is run by ONNX Runtime, which is loaded at run time; [`setup`] brings both where they
//! are missing. What a model wants of its texts is read from its directory. A vector depends on its text alone, so that
//! the number of threads, the batch size, what else is embedded and what the cache holds change no byte (see `encoder`).

mod batches;
mod cache;
mod encoder;
mod error;
mod hash;
mod library;
mod memory;
mod model;
mod model_dir;
mod onnx;
mod options;
mod outputs;
mod pooling;
mod run;
mod settings;
pub mod setup;
mod tokenizer;
mod work;

pub use error::Error;
pub use options::{EncoderKind, Local, Options, Pooling};
pub use outputs::OutputFault;
pub use run::{Embed, Report};
