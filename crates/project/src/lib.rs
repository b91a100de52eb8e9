//! The layout of the map: UMAP (arXiv 1802.03426) from neighbor lists, seeded, the same bytes at any
//! number of threads, with figures that say how far the picture can be trusted.
//!
//! The steps: [`smooth`] turns distances into memberships, `graph::Fuzzy` unites them, [`curve`] fits the layout's own
//! membership, [`init`] finds a start, [`optimize`] descends, [`quality`] measures.

pub mod curve;
mod engines;
mod error;
pub mod init;
pub mod layout;
pub mod optimize;
mod options;
pub mod quality;
mod report;
mod run;
pub mod smooth;

pub use error::Error;
pub use options::{Engine, Init, Options};
pub use report::{Quality, Report};
pub use run::Project;
