//! Comparisons with other tools: every contestant is a program, all read the same files, the results are one table.
//!
//! `METHODOLOGY.md` describes the method and its biases. A [`Contest`] is read from a TOML file with the contestants and
//! their command lines; [`harness`] runs them in turn, [`arena`] measures, [`table`] prints. [`embed`], [`knn`], [`cluster`],
//! [`project`], [`read`] and [`quality`] define inputs and scores; a new comparison is a TOML file and such a module.

pub mod agreement;
pub mod arena;
pub mod cluster;
pub mod contest;
pub mod embed;
pub mod harness;
pub mod knn;
pub mod machine;
pub mod project;
pub mod quality;
pub mod read;
pub mod scores;
pub mod table;
pub mod venv;

pub use contest::Contest;
