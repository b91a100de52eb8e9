//! The nearest row of another group: what joins the components of a graph, and what a round of Boruvka asks for.
//!
//! The weight of a pair is its mutual reachability distance `max(core_i, core_j, d_ij)` (Campello, Moulavi, Sander
//! 2013), or the plain distance where no core distances are given. Pairs are ordered by weight, then by the smaller id
//! of the two, then by the larger: a total order, so the lightest spanning tree is one tree.

use crate::nearest::Candidate;

/// What to look for outside of which group.
#[derive(Clone, Copy, Debug)]
pub struct Outside<'a> {
    /// The group of each of the `n` rows, any numbers.
    pub group: &'a [u32],
    /// The core distance of each of the `n` rows; `None` means plain distances.
    pub core: Option<&'a [f32]>,
    /// The rows to search from.
    pub queries: &'a [u32],
    /// For each query the largest weight that is still of interest (inclusive, infinity allowed). The tighter, the
    /// cheaper.
    pub bound: &'a [f32],
}

/// A pair of rows of two groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The row searched from.
    pub from: u32,
    /// The row found, of another group.
    pub to: u32,
    /// `max(core_from, core_to, distance)`.
    pub weight: f32,
}

impl Edge {
    /// The order of edges: by weight, then by the smaller id of the two ends, then by the larger.
    pub fn order(&self, other: &Edge) -> std::cmp::Ordering {
        let ends = |edge: &Edge| (edge.from.min(edge.to), edge.from.max(edge.to));
        self.weight
            .total_cmp(&other.weight)
            .then_with(|| ends(self).cmp(&ends(other)))
    }

    pub(crate) fn of(from: u32, found: Candidate) -> Self {
        Edge {
            from,
            to: found.id,
            weight: found.distance,
        }
    }
}
