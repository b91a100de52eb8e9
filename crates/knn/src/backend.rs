//! The trait that every search backend implements.
//!
//! One call searches the neighbors of all rows, because engines are fastest in batches. A backend may scan all pairs, build
//! and search an index, or send the rows to a server, in a collection named by [`Task::fingerprint`], which later calls can
//! reuse. A backend that [streams](Backend::streams) gets a file instead of a matrix.

use exact_knn::{Knn, Metric, Points};
use serde_json::{Map, Value};
use stage::{Progress, Seed};

use crate::recall::Sample;
use crate::size::Size;
use crate::vectors::Vectors;
use crate::{Error, Local, Options};

/// The input of a backend.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The rows; they pass [`exact_knn::check`] for the metric.
    pub vectors: Vectors<'a>,
    /// The distance metric.
    pub metric: Metric,
    /// Neighbors per row; at least 1 and less than the number of rows.
    pub k: usize,
    /// The source of every random choice.
    pub seed: Seed,
    /// The settings, among them those of the backend.
    pub options: &'a Options,
    /// The settings of this machine: addresses, limits.
    pub local: &'a Local,
    /// Identifies the vectors: equal for the same file. A remote engine names its collection after it.
    pub fingerprint: &'a str,
    /// Receives the progress.
    pub progress: &'a dyn Progress,
}

impl<'a> Task<'a> {
    /// The size of the search.
    pub fn size(&self) -> Size {
        Size {
            n: self.vectors.n(),
            d: self.vectors.d(),
            k: self.k,
        }
    }

    /// The matrix of the rows.
    ///
    /// # Panics
    ///
    /// In a backend that [streams](Backend::streams), which gets a file.
    pub fn points(&self) -> Points<'a> {
        match self.vectors {
            Vectors::Matrix(points) => points,
            Vectors::File { .. } => panic!("a backend that streams has no matrix"),
        }
    }
}

/// The result of a backend.
#[derive(Clone, Debug)]
pub struct BackendOutput {
    /// The neighbors of all rows.
    pub knn: Knn,
    /// Whether they are proven exact.
    pub certified: bool,
    /// Number of rows for which the engine found fewer than k neighbors, and that were searched exactly.
    pub filled: usize,
    /// The true neighbors of the rows that the report samples ([`crate::recall::draw`]), from a backend that computes them
    /// more cheaply than a search of their own.
    pub sample: Option<Sample>,
    /// Figures for the report.
    pub facts: Map<String, Value>,
    /// Notes for the user of this machine, such as the kernel.
    pub notes: Vec<String>,
}

/// Finds the k nearest rows of each row.
///
/// Every row of the result holds exactly k distinct ids in the order of [`exact_knn::reduced_distance`], nearest first, ties
/// by the smaller id, never the row itself, and the distances equal [`exact_knn::distance`]. `tests/it/contract.rs` checks
/// this for every backend.
pub trait Backend: Sync {
    /// The name on the command line, which is also the cargo feature of an optional backend.
    fn name(&self) -> &'static str;

    /// Whether it finds the true neighbors.
    fn exact(&self) -> bool;

    /// Whether the same input always gives the same bytes, at any number of threads.
    fn reproducible(&self, options: &Options) -> bool;

    /// Whether it reads the vectors from their file as it needs them, so that the stage holds no matrix of them.
    fn streams(&self) -> bool {
        false
    }

    /// The peak memory in bytes, with the result and without the vectors.
    fn memory(&self, size: Size, options: &Options) -> u64;

    /// The k nearest neighbors of each row.
    fn neighbors(&self, task: &Task<'_>) -> Result<BackendOutput, Error>;
}
