//! Minimum spanning trees of the mutual reachability graph.
//!
//! Edges are ordered by (weight, smaller id, larger id). The order is total, so there is one minimum
//! spanning tree, whichever algorithm finds it and however the work is divided among threads.

mod bridges;
mod edge;
mod exact;
mod forest;
mod kruskal;
mod point_index;

pub use bridges::bridge;
pub use edge::{Edge, SpanningTree};
pub use exact::exact_tree;
pub use forest::spanning_forest;
pub(crate) use kruskal::kruskal;
pub use point_index::PointIndex;
