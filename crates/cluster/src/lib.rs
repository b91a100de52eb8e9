//! The stages `cluster`, `sweep` and `predict`: options, files, reports. The method is the crate [`hdbscan_graph`].
//!
//! | module | contents |
//! |---|---|
//! | `options`, `report`, `error`, `run` | the stage `cluster` |
//! | `source` | reading neighbors and, if needed, embeddings |
//! | `engine` | the `hdbscan` crate, to cross-check labels |
//! | `verdict` | the summary of the bootstrap stability |
//! | [`sweep`] | many settings on one graph |
//! | [`predict`] | clusters of new rows |

mod engine;
mod error;
mod options;
pub mod predict;
mod report;
mod run;
mod source;
pub mod sweep;
mod verdict;

pub use error::Error;
pub use options::{Assign, Engine, Options, Selection, Tree};
pub use predict::Predict;
pub use report::Report;
pub use run::Cluster;
pub use sweep::Sweep;
pub use verdict::Verdict;
