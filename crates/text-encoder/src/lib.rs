//! Transformer text encoders on the CPU: from token ids to vectors, in int8 or `f32`, with the same bytes everywhere.
#![expect(
    clippy::inline_always,
    reason = "bodies that are compiled for each width of register must be inlined there"
)]

mod attention;
mod calibration;
mod config;
mod encoder;
mod error;
mod kernel;
mod kernels;
mod linear;
mod math;
mod pooling;
mod precision;
mod rows;
mod simd;
mod weights;

pub use calibration::Calibration;
pub use config::Config;
pub use encoder::Encoder;
pub use error::Error;
pub use kernel::Kernel;
pub use pooling::Pooling;
pub use precision::Precision;
pub use weights::{ReadExternal, Weights};
