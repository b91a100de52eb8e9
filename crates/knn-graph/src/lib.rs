//! A k-nearest-neighbor graph: for each of n points the ids of its k nearest other points and their distances.
//!
//! [`KnnGraph`] owns the two arrays and is checked once, by its constructor. [`KnnView`] borrows them and shows the first k'
//! neighbors of each row; narrowing a view copies nothing, so one graph serves several values of k.
//!
//! Both arrays have shape (n, k), row-major. Row i holds the neighbors of point i, nearest first, without i itself. Ids are
//! row numbers, 32 bits. Distances are in whatever unit the search used; they may be negative (`1 - <a, b>`), but a method
//! that needs true distances can refuse those with [`KnnView::check_non_negative`].
//!
//! Read as an undirected graph, an edge exists where either end lists the other. [`KnnView::components`] finds its connected
//! components, [`KnnView::first_copies`] the groups of points at distance 0; both use [`UnionFind`], whose representatives
//! do not depend on the order of the unions.
//!
//! ```
//! use knn_graph::KnnGraph;
//!
//! // 0 and 1 are near each other, 2 is far from both; k = 2.
//! let graph = KnnGraph::new(vec![1, 2, 0, 2, 1, 0], vec![1.0, 5.0, 1.0, 4.0, 4.0, 5.0], 2)?;
//! assert_eq!(graph.view().row(2), (&[1, 0][..], &[4.0, 5.0][..]));
//! // The nearest neighbor of each point alone: no copy.
//! let nearest = graph.view().first(1);
//! assert_eq!((nearest.n(), nearest.k()), (3, 1));
//! assert_eq!(nearest.components().count, 1);
//! # Ok::<(), knn_graph::Error>(())
//! ```

mod components;
mod error;
mod graph;
mod union_find;

pub use components::Components;
pub use error::Error;
pub use graph::{KnnGraph, KnnView};
pub use union_find::UnionFind;
