//! The k nearest neighbors of each row while they are being collected, sorted at all times.

use crate::{Knn, Metric};

/// A row and its reduced distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) reduced: f64,
    pub(crate) id: u32,
}

impl Candidate {
    /// By reduced distance, then by id: the order of every neighbor list of this crate.
    pub(crate) fn order(&self, other: &Candidate) -> std::cmp::Ordering {
        self.reduced
            .total_cmp(&other.reduced)
            .then(self.id.cmp(&other.id))
    }
}

/// A reduced distance in two halves, so that a vector of them has the alignment of a vector of `f32` distances and is
/// converted to one in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReducedDistance([u32; 2]);

impl ReducedDistance {
    /// That of an empty place.
    pub(crate) const EMPTY: ReducedDistance = ReducedDistance::new(f64::INFINITY);

    const fn new(value: f64) -> Self {
        let bits = value.to_bits();
        ReducedDistance([(bits >> 32) as u32, bits as u32])
    }

    fn value(self) -> f64 {
        f64::from_bits(u64::from(self.0[0]) << 32 | u64::from(self.0[1]))
    }
}

/// The distances that are reported for a list.
pub(crate) fn distances(reduced: Vec<ReducedDistance>, metric: Metric) -> Vec<f32> {
    let distance = |reduced: ReducedDistance| metric.distance(reduced.value());
    reduced.into_iter().map(distance).collect()
}

/// Lists of `k` places each, sorted by [`Candidate::order`]; empty places are at infinity.
#[derive(Debug)]
pub(crate) struct NeighborLists<'a> {
    pub(crate) k: usize,
    ids: &'a mut [u32],
    reduced: &'a mut [ReducedDistance],
}

impl<'a> NeighborLists<'a> {
    /// Empty lists in the memory of `ids` and `reduced`, `k` places per list.
    pub(crate) fn new(k: usize, ids: &'a mut [u32], reduced: &'a mut [ReducedDistance]) -> Self {
        ids.fill(Knn::NO_NEIGHBOR);
        reduced.fill(ReducedDistance::EMPTY);
        NeighborLists { k, ids, reduced }
    }

    /// The k-th neighbor of list `list`: a candidate must come before it to enter.
    pub(crate) fn kth(&self, list: usize) -> Candidate {
        let last = (list + 1) * self.k - 1;
        Candidate {
            reduced: self.reduced[last].value(),
            id: self.ids[last],
        }
    }

    /// Inserts a candidate at its place if it is among the first k; returns whether it is.
    #[inline]
    pub(crate) fn push(&mut self, list: usize, candidate: Candidate) -> bool {
        if candidate.order(&self.kth(list)).is_ge() {
            return false;
        }
        let range = list * self.k..(list + 1) * self.k;
        let (ids, reduced) = (&mut self.ids[range.clone()], &mut self.reduced[range]);
        let mut at = reduced.partition_point(|kept| kept.value() < candidate.reduced);
        while reduced[at].value() == candidate.reduced && ids[at] < candidate.id {
            at += 1;
        }
        ids.copy_within(at..self.k - 1, at + 1);
        reduced.copy_within(at..self.k - 1, at + 1);
        (ids[at], reduced[at]) = (candidate.id, ReducedDistance::new(candidate.reduced));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_in_order() {
        let (mut ids, mut reduced) = (vec![0; 3], vec![ReducedDistance::EMPTY; 3]);
        let mut lists = NeighborLists::new(3, &mut ids, &mut reduced);
        let kept = [(5.0, 1), (2.0, 9), (2.0, 4), (2.0, 7), (7.0, 0), (2.0, 5)]
            .map(|(reduced, id)| lists.push(0, Candidate { reduced, id }));
        assert_eq!(kept, [true, true, true, true, false, true]);
        assert_eq!(ids, [4, 5, 7]);
        assert_eq!(distances(reduced, Metric::L2), [2.0; 3]);
    }
}
