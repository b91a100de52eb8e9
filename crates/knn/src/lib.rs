//! The `knn` stage: the k nearest neighbors of every row, by one of several backends under one contract.
//!
//! Every backend answers with k distinct ids a row, nearest first by [`vectors::reduced_distance`], the row itself left
//! out, ties by the smaller id, and distances of [`vectors::distance`] to the bit, whatever it measured with itself.
//! `tests/it/contract.rs` holds all of them to it. What a backend lost is measured on a seeded sample and written into the footer of the file.
//!
//! | module | step |
//! |---|---|
//! | [`search()`] | from vectors to a checked, measured answer |
//! | [`backends`] | search backends: the trait, the choice, one module each |
//! | [`complete`] | from a backend's candidates to the contract: measure again, order, fill short rows exactly |
//! | [`recall`] | what was lost, on a sample, with a confidence interval |
//! | [`shape`] | what the graph looks like: hubs, unlisted rows, components, duplicates |
//! | [`memory`] | what it will take, before it starts |
//! | [`isolate`] | rows that cannot be searched, set apart on request |

pub mod backends;
pub mod complete;
mod error;
pub mod isolate;
pub mod memory;
mod options;
pub mod recall;
mod report;
mod run;
mod search;
pub mod shape;

pub use backends::{Answer, Backend, BackendKind, Task, open};
pub use error::Error;
pub use options::{BadRows, Local, Options};
pub use report::Report;
pub use run::Knn;
pub use search::{Lists, search};
