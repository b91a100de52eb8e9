//! Minimum spanning trees of the mutual reachability graph.
//!
//! Edges are ordered by (weight, smaller id, larger id). The order is total, so there is one minimum
//! spanning tree, whichever algorithm finds it and however the work is shared out.

use std::cmp::Ordering;

mod boruvka;
mod bridges;
mod exact;
mod forest;
mod kruskal;

pub use boruvka::Grown;
pub use bridges::bridge;
pub use exact::exact_tree;
pub use forest::spanning_forest;
pub use kruskal::kruskal;

/// An edge between two points; `a` is the smaller id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Mutual reachability distance of the two.
    pub weight: f32,
    /// The smaller id.
    pub a: u32,
    /// The larger id.
    pub b: u32,
}

impl Edge {
    /// The edge between `i` and `j`, in either order.
    #[inline]
    pub fn new(weight: f32, i: u32, j: u32) -> Self {
        Self {
            weight,
            a: i.min(j),
            b: i.max(j),
        }
    }

    /// By (weight, smaller id, larger id).
    #[inline]
    pub fn order(&self, other: &Self) -> Ordering {
        self.weight
            .total_cmp(&other.weight)
            .then((self.a, self.b).cmp(&(other.a, other.b)))
    }
}
