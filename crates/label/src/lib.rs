//! The stage `label`: names for clusters.
//!
//! The texts of each cluster are set against all texts by class-based TF-IDF ([`ctfidf`]); of the phrases of up to three
//! words that weigh most, a few that do not repeat each other make the name ([`name`]), spelled as the texts spell
//! them most often. Clusters of several layers are named together ([`topics`]). The texts that stand for a cluster are
//! those nearest to its core ([`exemplars`]).
//!
//! Nothing here depends on the order of the rows, except where two exemplars are equally near: then the smaller row
//! comes first. Takes a few passes over the words; memory is 4 bytes a word and the frequent phrases.

pub mod clean;
pub mod corpus;
pub mod ctfidf;
mod error;
pub mod exemplars;
pub mod language;
pub mod name;
mod options;
mod report;
mod run;
pub mod tokenize;
pub mod topics;

pub use error::Error;
pub use options::Options;
pub use report::Report;
pub use run::Label;
