//! The stage `predict`: assigns new rows to the clusters of a trained clustering.

mod files;
mod run;

pub use run::{Predict, PredictOptions, PredictReport};
