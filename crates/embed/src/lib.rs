//! The stage `embed`: computes the vectors of texts.
//!
//! ONNX Runtime, loaded at run time, runs a sentence model in ONNX format; [`setup`] downloads both. The settings of a model
//! are read from its directory. A vector depends on its text alone: the number of threads, the batch size, the other texts
//! and the cache change no byte (see `encoder`). The exception is the static encoder, a preview that is fitted to the texts
//! (see `static_encoder`).

mod batches;
mod cache;
mod cache_files;
mod calibrate;
mod dense;
mod device;
mod encoder;
mod endpoint;
mod error;
mod hash;
mod http;
mod hub;
mod known;
mod library;
mod memory;
mod model;
mod model2vec;
mod model_dir;
pub mod models;
mod onnx;
mod options;
mod outputs;
mod overflow;
mod own;
mod own_weights;
mod report;
mod run;
mod settings;
pub mod setup;
mod stamp;
mod static_encoder;
mod tensors;
mod tokenizer;
mod tokenizer_file;
mod unigram;
mod unknown;
mod vectors;
mod weights;
mod work;

pub use endpoint::{AddressFault, Error as EndpointError, Fault as EndpointFault, Sent};
pub use error::Error;
pub use hub::{Error as HubError, Fault as HubFault};
pub use model::{is_model_name, set_up_model};
pub use options::{Device, EncoderKind, Engine, Local, Options, Overflow, Pooling, Precision};
pub use outputs::OutputFault;
pub use report::Report;
pub use run::Embed;
pub use unknown::Unknown;
