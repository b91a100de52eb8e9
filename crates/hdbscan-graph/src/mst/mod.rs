//! Minimum spanning trees of the mutual reachability graph.
//!
//! Edges are ordered by (weight, smaller id, larger id). The order is total, so there is one minimum
//! spanning tree, whichever algorithm finds it and however the work is divided among threads.

use std::cmp::Ordering;

use vectors::{Index, Metric, Points, Search};

mod bridges;
mod exact;
mod forest;
mod kruskal;

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

/// A search index over the points of the graph, for edges that are in no list.
#[derive(Debug)]
pub struct PointIndex<'a> {
    points: Points<'a>,
    metric: Metric,
    /// The index of the points with a direction.
    pub index: Index<'a>,
    /// The others, ascending: rows of zeros under the cosine metric.
    pub isolated: Vec<u32>,
}

impl<'a> PointIndex<'a> {
    /// Builds the index. Takes one pass over the values.
    pub fn new(points: Points<'a>, metric: Metric) -> Result<Self, vectors::Error> {
        let zero = |i: &u32| points.row(*i as usize).iter().all(|&x| x == 0.0);
        let (isolated, members): (Vec<u32>, Vec<u32>) =
            (0..points.n() as u32).partition(|i| metric == Metric::Cosine && zero(i));
        let index = if isolated.is_empty() {
            Index::new(points, metric, &Search::default())?
        } else {
            Index::of_members(points, &members, metric, &Search::default())?
        };
        Ok(Self {
            points,
            metric,
            index,
            isolated,
        })
    }

    /// An index of some of the points.
    fn of_members(&self, members: &[u32]) -> Result<Index<'a>, vectors::Error> {
        Index::of_members(self.points, members, self.metric, &Search::default())
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
