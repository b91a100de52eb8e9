//! The stage `project`: neighbors (and embeddings) in, a layout out. The method is the crate [`umap_layout`].
//!
//! `options`, `report`, `error` and `run` are those of the stage; `engines` calls the crate `umap-rs`, for comparison.

mod engines;
mod error;
mod options;
mod report;
mod run;

pub use error::Error;
pub use options::{Engine, Init, Options};
pub use report::Report;
pub use run::Project;
