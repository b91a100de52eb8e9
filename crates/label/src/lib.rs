//! The stage `label`: names for clusters.
//!
//! The method is the crate `topic-names`; this crate holds the files, options, report and errors of the stage.

mod error;
mod options;
mod report;
mod run;

pub use error::Error;
pub use options::{Options, Weighting};
pub use report::Report;
pub use run::Label;
