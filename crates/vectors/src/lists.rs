//! The neighbor lists of one cell while they are being found: each in order at any time.

use crate::Metric;
use crate::nearest::Candidate;

/// A reduced distance, in halves: so a list of them turns into one of distances in the memory it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reduced([u32; 2]);

impl Reduced {
    /// Of a free place.
    pub(crate) const FREE: Reduced = Reduced::new(f64::INFINITY);

    const fn new(value: f64) -> Self {
        let bits = value.to_bits();
        Reduced([(bits >> 32) as u32, bits as u32])
    }

    fn value(self) -> f64 {
        f64::from_bits(u64::from(self.0[0]) << 32 | u64::from(self.0[1]))
    }
}

/// What is reported of a list.
pub(crate) fn distances(reduced: Vec<Reduced>, metric: Metric) -> Vec<f32> {
    let distance = |reduced: Reduced| metric.distance(reduced.value());
    reduced.into_iter().map(distance).collect()
}

/// Lists of `k` places each, filled from the front; free places are infinitely far away.
#[derive(Debug)]
pub(crate) struct Lists<'a> {
    pub(crate) k: usize,
    pub(crate) ids: &'a mut [u32],
    pub(crate) reduced: &'a mut [Reduced],
}

impl Lists<'_> {
    /// The last place of list `row`: what a candidate has to beat.
    pub(crate) fn last(&self, row: usize) -> Candidate {
        let last = (row + 1) * self.k - 1;
        Candidate {
            reduced: self.reduced[last].value(),
            id: self.ids[last],
        }
    }

    /// Puts a candidate in its place; whether there was one for it.
    pub(crate) fn offer(&mut self, row: usize, candidate: Candidate) -> bool {
        if candidate.order(&self.last(row)).is_ge() {
            return false;
        }
        let range = row * self.k..(row + 1) * self.k;
        let (ids, reduced) = (&mut self.ids[range.clone()], &mut self.reduced[range]);
        let mut at = reduced.partition_point(|kept| kept.value() < candidate.reduced);
        while reduced[at].value() == candidate.reduced && ids[at] < candidate.id {
            at += 1;
        }
        ids.copy_within(at..self.k - 1, at + 1);
        reduced.copy_within(at..self.k - 1, at + 1);
        (ids[at], reduced[at]) = (candidate.id, Reduced::new(candidate.reduced));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_in_order() {
        let (mut ids, mut reduced) = (vec![u32::MAX; 3], vec![Reduced::FREE; 3]);
        let mut lists = Lists {
            k: 3,
            ids: &mut ids,
            reduced: &mut reduced,
        };
        let kept = [(5.0, 1), (2.0, 9), (2.0, 4), (2.0, 7), (7.0, 0), (2.0, 5)]
            .map(|(reduced, id)| lists.offer(0, Candidate { reduced, id }));
        assert_eq!(kept, [true, true, true, true, false, true]);
        assert_eq!(ids, [4, 5, 7]);
        assert_eq!(distances(reduced, Metric::L2), [2.0; 3]);
    }
}
