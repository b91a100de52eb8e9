//! Comparisons with other tools: every contestant a program, the same files for all, one table.
//!
//! `METHODOLOGY.md` says how and where it is biased. A [`Contest`] is read from a TOML file that names the contestants and
//! their command lines; [`harness`] runs them in turn, [`arena`] measures, [`table`] prints. [`knn`], [`cluster`],
//! [`project`], [`read`] and [`quality`] each know their inputs and what an answer is worth; another contest is another TOML file and another
//! module like these.

pub mod agreement;
pub mod arena;
pub mod cluster;
pub mod contest;
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
