//! Edges, and trees of them.

use std::cmp::Ordering;

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

/// A spanning tree and how much work it took.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanningTree {
    /// The n - 1 edges, ascending.
    pub edges: Vec<Edge>,
    /// Points whose neighbors were searched, each counted once per search.
    pub searched: u64,
    /// Edges of the tree that are not in the graph.
    pub added: usize,
}
