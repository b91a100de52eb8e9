//! The `knn` stage: the k nearest neighbors of every row, by one of several backends under one contract.
//!
//! Every backend returns k distinct ids per row, nearest first by [`exact_knn::reduced_distance`], without the row itself, ties
//! by the smaller id, with distances equal to [`exact_knn::distance`]. `tests/it/contract.rs` checks all of them. The recall of
//! approximate backends is measured on a seeded sample and written to the footer of the file.
//!
//! | module | step |
//! |---|---|
//! | [`search()`] | from vectors to checked and measured neighbors |
//! | [`vectors`] | the vectors: a matrix, or a file that is read as needed |
//! | [`backend`] | the trait of a search backend |
//! | [`backends`] | the backends, one module each, and the choice among them |
//! | [`refine`] | from the candidates of an engine to the contract: re-rank, sort, search incomplete rows exactly |
//! | [`exact_search`] | the true neighbors of some rows |
//! | [`recall`] | recall on a sample, with a confidence interval |
//! | [`graph_stats`] | statistics of the graph: hubs, anti-hubs, components, duplicates |
//! | [`memory`] | the memory estimate, and the limit |
//! | [`invalid_rows`] | isolating rows that cannot be searched |

pub mod backend;
mod backend_kind;
pub mod backends;
mod error;
pub mod exact_search;
pub mod graph_stats;
pub mod invalid_rows;
pub mod memory;
mod options;
pub mod recall;
pub mod refine;
mod report;
mod run;
mod search;
mod size;
pub mod vectors;

pub use backend::{Backend, BackendOutput, Table, Task};
pub use backend_kind::BackendKind;
pub use backends::open;
pub use error::Error;
pub use options::{BadRows, Local, MilvusIndex, Options, ServerArgs, Token};
pub use report::Report;
pub use run::Knn;
pub use search::{search, search_file};
pub use size::Size;
pub use vectors::Vectors;
