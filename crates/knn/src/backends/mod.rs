//! Search backends: the trait that each implements, and the choice among them.
//!
//! The trait is batch-shaped, the whole graph in one call, because engines are fast only so and the stage needs nothing
//! else. How an engine gets there is its own affair: one pass, an index that is built and asked, or rows sent to a
//! server under a name made of [`Task::fingerprint`], where a second call finds what the first one left and goes on.

#[cfg(feature = "faiss")]
mod faiss;
mod flat;
#[cfg(feature = "hnsw")]
mod hnsw;
mod partitioned;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stage::{Progress, Seed};
use vectors::{Metric, Points};

use crate::memory::Size;
use crate::recall::Sample;
use crate::{Error, Local, Options};

/// What is asked of a backend.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The rows; [`vectors::check`] has passed them for the metric.
    pub points: Points<'a>,
    /// What "near" means.
    pub metric: Metric,
    /// Neighbors a row; at least 1 and less than the number of rows.
    pub k: usize,
    /// The source of every random choice.
    pub seed: Seed,
    /// The backend's own settings among all.
    pub options: &'a Options,
    /// What belongs to the machine: addresses, limits.
    pub local: &'a Local,
    /// Stands for the vectors: the same for the same file. A remote engine names what it stores by it.
    pub fingerprint: &'a str,
    /// Where to say how far it is.
    pub progress: &'a dyn Progress,
}

impl Task<'_> {
    /// The size of the question.
    pub fn size(&self) -> Size {
        Size {
            n: self.points.n(),
            d: self.points.d(),
            k: self.k,
        }
    }

    /// Tells that `rows` more are done.
    ///
    /// # Errors
    ///
    /// [`vectors::Error::Cancelled`] if the caller gives up.
    pub fn advance(&self, rows: u64) -> Result<(), Error> {
        if self.progress.watch()(rows) {
            Ok(())
        } else {
            Err(vectors::Error::Cancelled.into())
        }
    }
}

/// What a backend found.
#[derive(Clone, Debug)]
pub struct Answer {
    /// k ids a row.
    pub ids: Vec<u32>,
    /// Their distances.
    pub distances: Vec<f32>,
    /// Whether the answer is proven exact.
    pub certified: bool,
    /// Rows for which the engine found fewer than k, and that exact search filled.
    pub filled: usize,
    /// The true neighbors of the rows that the report draws ([`crate::recall::draw`]), from a backend that comes by them
    /// more cheaply than by a search of their own.
    pub sample: Option<Sample>,
    /// What else the reader of the file wants to know, under the backend's name.
    pub facts: Map<String, Value>,
    /// What only the person at this machine wants to know, such as the kernel.
    pub notes: Vec<String>,
}

/// Answers "which k rows are nearest to each row".
///
/// Every row of the answer holds exactly k distinct ids in the order of [`vectors::reduced_distance`], nearest first, ties
/// by the smaller id, never the row itself, and the distances are those of [`vectors::distance`]. `tests/it/contract.rs` holds every backend to this.
pub trait Backend: Sync {
    /// The name users type, and the cargo feature that brings the backend in where it is one.
    fn name(&self) -> &'static str;

    /// Whether it finds the true neighbors (with [`vectors::Margin::Guaranteed`]).
    fn exact(&self) -> bool;

    /// Whether the same question gives the same bytes again, at any number of threads.
    fn reproducible(&self, options: &Options) -> bool;

    /// Bytes at its peak, its answer included and the vectors not.
    fn memory(&self, size: Size, options: &Options) -> u64;

    /// The k nearest neighbors of each row.
    fn neighbors(&self, task: &Task<'_>) -> Result<Answer, Error>;
}

/// The backends by the names that users type. All are always listed, also those that this build does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// Brute force: all pairs, exact
    #[default]
    Flat,
    /// Inverted file (IVF), for tables too large for brute force
    Partitioned,
    /// HNSW graph of the crate `usearch` (needs a build with the feature `hnsw`)
    Hnsw,
    /// Any index of Faiss (needs a build with the feature `faiss`)
    Faiss,
    /// Milvus server (not available yet)
    Milvus,
}

impl BackendKind {
    /// All of them.
    pub const ALL: [BackendKind; 5] = [
        BackendKind::Flat,
        BackendKind::Partitioned,
        BackendKind::Hnsw,
        BackendKind::Faiss,
        BackendKind::Milvus,
    ];
}

/// The backend for `kind`.
///
/// # Errors
///
/// [`Error::NotInThisBuild`] if this build left it out, [`Error::NotYet`] if there is none yet. Another one is never put
/// in its place.
pub fn open(kind: BackendKind) -> Result<Box<dyn Backend>, Error> {
    match kind {
        BackendKind::Flat => Ok(Box::new(flat::Flat)),
        BackendKind::Partitioned => Ok(Box::new(partitioned::Partitioned)),
        #[cfg(feature = "hnsw")]
        BackendKind::Hnsw => Ok(Box::new(hnsw::Hnsw)),
        #[cfg(not(feature = "hnsw"))]
        BackendKind::Hnsw => Err(Error::NotInThisBuild { name: "hnsw" }),
        #[cfg(feature = "faiss")]
        BackendKind::Faiss => Ok(Box::new(faiss::Faiss)),
        #[cfg(not(feature = "faiss"))]
        BackendKind::Faiss => Err(Error::NotInThisBuild { name: "faiss" }),
        BackendKind::Milvus => Err(Error::NotYet { name: "milvus" }),
    }
}

/// The backends that this build has.
pub fn all() -> impl Iterator<Item = (BackendKind, Box<dyn Backend>)> {
    BackendKind::ALL
        .into_iter()
        .filter_map(|kind| open(kind).ok().map(|backend| (kind, backend)))
}
