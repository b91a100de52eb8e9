//! The sparse neighbor graph: k nearest neighbors as lists, read as an undirected graph, and its components.
//!
//! Clustering and projection read the same lists. An edge of the graph stands where either end lists the other; both
//! directions of a pair carry the same distance. Nothing here opens a file or knows a metric: distances are numbers,
//! ascending within a row.

mod components;
mod error;
mod fuzzy;
mod lists;
mod union_find;

pub use components::{Components, components};
pub use error::Error;
pub use fuzzy::Fuzzy;
pub use lists::Lists;
pub use union_find::UnionFind;
