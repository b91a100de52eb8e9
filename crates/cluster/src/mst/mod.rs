//! Minimum spanning trees of the mutual reachability graph.
//!
//! Edges are ordered by (weight, smaller id, larger id). The order is total, so there is one minimum
//! spanning tree, whichever algorithm finds it and however the work is shared out.

use std::cmp::Ordering;

use exact_knn::{Index, Metric, Points};

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

/// The points themselves, for what the lists leave out.
#[derive(Debug)]
pub struct Searchable<'a> {
    points: Points<'a>,
    metric: Metric,
    /// All points that can be searched.
    pub index: Index<'a>,
    /// The others, ascending: those without a direction, where directions are compared.
    pub isolated: Vec<u32>,
}

impl<'a> Searchable<'a> {
    /// Makes points ready for search.
    pub fn new(points: Points<'a>, metric: Metric) -> Result<Self, exact_knn::Error> {
        let zero = |i: &u32| points.row(*i as usize).iter().all(|&x| x == 0.0);
        let (isolated, members): (Vec<u32>, Vec<u32>) =
            (0..points.n() as u32).partition(|i| metric == Metric::Cosine && zero(i));
        let index = if isolated.is_empty() {
            Index::new(points, metric)?
        } else {
            Index::of_members(points, &members, metric)?
        };
        Ok(Self {
            points,
            metric,
            index,
            isolated,
        })
    }

    /// An index of some of them.
    fn some(&self, members: &[u32]) -> Result<Index<'a>, exact_knn::Error> {
        Index::of_members(self.points, members, self.metric)
    }
}

/// A spanning tree and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Grown {
    /// The n - 1 edges, ascending.
    pub tree: Vec<Edge>,
    /// Points that were searched from, each counted once a search.
    pub searched: u64,
    /// Edges of the tree that are not in the graph.
    pub added: usize,
}
