//! The stage `project`: computes a layout from neighbors (and embeddings). The method is the crate [`umap_layout`];
//! `engines` calls the crate `umap-rs`, for comparison.

mod engines;
mod error;
mod options;
mod report;
mod run;

pub use error::Error;
pub use options::{Engine, Init, Options};
pub use report::Report;
pub use run::Project;
