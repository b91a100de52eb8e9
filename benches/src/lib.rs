//! Comparisons with other tools: every contestant a program, the same files for all, one table.
//!
//! `METHODOLOGY.md` says how and where it is biased. The pieces know nothing of neighbors: a [`Contest`] is read from a
//! TOML file that names the contestants and their command lines, [`arena`] runs them in turn and measures them, a score
//! is whatever the contest's own script prints, and [`table`] prints what came out. [`knn`] puts them together; another
//! contest is another TOML file, another script and another module like it.

pub mod agreement;
pub mod arena;
pub mod contest;
pub mod knn;
pub mod quality;
pub mod table;
pub mod venv;

pub use contest::Contest;
