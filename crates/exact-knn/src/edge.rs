//! Weighted edges between rows, and their order.

/// A pair of rows and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// One end; of a search, the query.
    pub from: u32,
    /// The other end.
    pub to: u32,
    /// The mutual reachability distance `max(core_from, core_to, distance)`, or the distance where there are no core
    /// distances.
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
}

/// An unsigned integer that is ordered like the weight.
pub(crate) fn sortable_bits(weight: f32) -> u32 {
    let bits = weight.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

/// The weight of [`sortable_bits`].
pub(crate) fn from_sortable_bits(bits: u32) -> f32 {
    f32::from_bits(if bits >> 31 == 1 {
        bits & !(1 << 31)
    } else {
        !bits
    })
}
