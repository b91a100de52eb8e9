//! The stage `predict`: clusters of new rows, without clustering again.

mod files;
mod run;

pub use run::{Predict, PredictOptions, PredictReport};
