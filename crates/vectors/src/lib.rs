//! Exact nearest neighbors: of all rows, of some rows, inside a group and outside a group.
//!
//! Every search is exact: the answer is the one that comparing every [`reduced_distance`] would give, in 64 bits and ties
//! by the smaller id, with every [`distance`] equal to the bit. Edges between groups are ordered by their weight as it is
//! reported, since core distances are given so. [`Margin::Fast`] is the one exception, and it says so in its
//! [`SearchReport`].
//!
//! ```
//! use vectors::{Metric, Points, Search, knn};
//!
//! let points = Points::new(&[0.0, 1.0, 10.0, 12.0], 1)?;
//! let (knn, _) = knn(points, Metric::L2, 1, &Search::default(), &|_| true)?;
//! assert_eq!(knn.ids, [1, 0, 3, 2]);
//! assert_eq!(knn.distances, [1.0, 1.0, 2.0, 2.0]);
//! # Ok::<(), vectors::Error>(())
//! ```

#![expect(
    clippy::inline_always,
    reason = "bodies that are compiled for each width of register must be inlined there"
)]

mod all_pairs;
mod cells;
mod certify;
mod distance;
mod error;
mod estimate;
mod frame;
mod index;
mod kernel;
mod knn;
mod lists;
mod metric;
mod nearest;
mod order;
mod outside;
mod patches;
mod plain;
mod points;
mod progress;
mod quantize;
mod queries;
mod rerank;
mod rotate;
mod screen;
mod search;
mod shortcut;
mod space;
mod widest;

pub use cells::{Candidates, Cells, Looked};
pub use distance::{distance, reduced_distance};
pub use error::Error;
pub use estimate::{estimate, estimate_cells};
pub use index::Index;
pub use kernel::Kernel;
pub use knn::{Knn, knn, knn_of, knn_within};
pub use metric::Metric;
pub use outside::{Edge, Outside};
pub use points::{Points, check};
pub use search::{Margin, Search, SearchReport, Watch};
pub use shortcut::Leaves;
