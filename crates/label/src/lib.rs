//! The stage `label`: names for clusters.
//!
//! The method is in the crate `topic-names`; this is the stage around it: its files, options, report and errors.

mod error;
mod options;
mod report;
mod run;

pub use error::Error;
pub use options::{Options, Weighting};
pub use report::Report;
pub use run::Label;
