//! Exact k nearest neighbors of dense `f32` vectors, by brute force on int8 codes with proven error bounds.
//!
//! Every pair of rows is scored by the product of their int8 codes; a bound on the quantization error excludes most pairs,
//! and the others are re-ranked by their distance in `f64`. The result is that of comparing all pairs in `f64`, at a
//! fraction of the cost, and it is the same on every machine and at any number of threads.
//!
//! ```
//! use exact_knn::{Metric, Points, knn};
//!
//! // Four rows of one value each.
//! let points = Points::new(&[0.0, 1.0, 10.0, 12.0], 1)?;
//! let (neighbors, _) = knn(points, Metric::L2, 1, &|_| ())?;
//! assert_eq!(neighbors.ids, [1, 0, 3, 2]);
//! assert_eq!(neighbors.distances, [1.0, 1.0, 2.0, 2.0]);
//! # Ok::<(), exact_knn::Error>(())
//! ```
//!
//! # Searches
//!
//! | function | result |
//! |---|---|
//! | [`knn()`], [`Index::knn`] | the k nearest neighbors of all rows; [`Index::of_members`] restricts both to some rows |
//! | [`Index::knn_of`] | the k nearest neighbors of some rows |
//! | [`Index::nearest_in_other_component`] | the lightest edge out of each component: a round of Boruvka's algorithm |
//! | [`Index::undercutting_edges`] | the edges by which a spanning tree is not yet minimal |
//! | [`InvertedLists`] | approximate neighbors from some inverted lists (IVF), for tables too large for all pairs |
//!
//! # Shapes, units and order
//!
//! Points are a row-major matrix of `n` rows of `d` values ([`Points`]); ids are row numbers from 0. Results have `k` ids
//! and distances per row ([`Knn`]), nearest first, without the row itself. Distances are in the units of the metric
//! ([`Metric`]): `1 - cos`, Euclidean (not squared), `1 - inner product`.
//!
//! Pairs are ordered by their [`reduced_distance`] in `f64`, ties by the smaller id, and every reported distance equals
//! [`distance`], its value rounded to `f32`. *Exact* means exactly this order: two pairs whose true distances differ by
//! less than the error of the reduced distance may come in either order. That error is a relative 10^-12 under L2 and 10^-8
//! under cosine, and under inner products one unit in the last place of the `f64` product.
//!
//! # Errors
//!
//! Rows are checked once, when an index is built ([`check`]): NaN, infinities, rows too long for distances in `f32`, and
//! under cosine rows of zeros are errors that name the row. Every [`Error`] has a [hint](Error::hint).
//!
//! # Cost
//!
//! All pairs: `n^2 d / 2` multiply-adds of int8 and some hundred distances per row; [`estimate_memory`] predicts the
//! memory. All searches use the current rayon thread pool. There are kernels for AMX, AVX-512 VNNI and AVX2, and a portable
//! one ([`Kernel`]).
//!
//! # Sources
//!
//! The scan combines scalar quantization (Faiss `ScalarQuantizer`) after a random rotation (Ailon, Chazelle 2009) with error
//! bounds by the Cauchy-Schwarz inequality, and bounding balls with the triangle inequality. The module of each step cites
//! its publication.

#![expect(
    clippy::inline_always,
    reason = "bodies that are compiled for each width of register must be inlined there"
)]

mod all_pairs;
#[cfg(target_arch = "x86_64")]
mod amx_support;
mod block_order;
mod boruvka;
mod bounding_balls;
mod brute_force;
mod codec;
mod distance;
mod edge;
mod error;
mod error_bounds;
mod estimate;
mod index;
mod ivf;
mod kernel;
mod knn;
mod metric;
mod points;
mod prepared_points;
mod preprocess;
mod progress;
mod quantized_index;
mod queries;
mod rerank;
mod rotation;
mod scalar_quantizer;
mod scan;
mod scratch;
mod simd;
mod stats;
mod top_k;
mod undercutting_edges;
mod validate;

pub use boruvka::BoruvkaQuery;
pub use distance::{distance, reduced_distance};
pub use edge::Edge;
pub use error::Error;
pub use estimate::{estimate_ivf_memory, estimate_memory};
pub use index::{Index, knn};
pub use ivf::candidates::Candidates;
pub use ivf::{InvertedLists, ProbeStats};
pub use kernel::Kernel;
pub use knn::Knn;
pub use metric::Metric;
pub use points::{Points, check};
pub use progress::ProgressCallback;
pub use stats::SearchStats;
pub use undercutting_edges::DendrogramOrder;
