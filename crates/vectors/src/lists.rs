//! The neighbor lists of one cell while they are being found: each in order at any time.

use crate::nearest::Candidate;

/// Lists of `k` places each, filled from the front; free places are infinitely far away.
#[derive(Debug)]
pub(crate) struct Lists<'a> {
    pub(crate) k: usize,
    pub(crate) ids: &'a mut [u32],
    pub(crate) distances: &'a mut [f32],
}

impl Lists<'_> {
    /// The last place of list `row`: what a candidate has to beat.
    pub(crate) fn last(&self, row: usize) -> Candidate {
        let last = (row + 1) * self.k - 1;
        Candidate {
            distance: self.distances[last],
            id: self.ids[last],
        }
    }

    /// Puts a candidate in its place; whether there was one for it.
    pub(crate) fn offer(&mut self, row: usize, distance: f32, id: u32) -> bool {
        let candidate = Candidate { distance, id };
        if candidate.order(&self.last(row)).is_ge() {
            return false;
        }
        let range = row * self.k..(row + 1) * self.k;
        let (ids, distances) = (&mut self.ids[range.clone()], &mut self.distances[range]);
        let mut at = distances.partition_point(|&kept| kept < distance);
        while distances[at] == distance && ids[at] < id {
            at += 1;
        }
        ids.copy_within(at..self.k - 1, at + 1);
        distances.copy_within(at..self.k - 1, at + 1);
        (ids[at], distances[at]) = (id, distance);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_in_order() {
        let (mut ids, mut distances) = (vec![u32::MAX; 3], vec![f32::INFINITY; 3]);
        let mut lists = Lists {
            k: 3,
            ids: &mut ids,
            distances: &mut distances,
        };
        let kept = [(5.0, 1), (2.0, 9), (2.0, 4), (2.0, 7), (7.0, 0), (2.0, 5)]
            .map(|(at, id)| lists.offer(0, at, id));
        assert_eq!(kept, [true, true, true, true, false, true]);
        assert_eq!((ids, distances), (vec![4, 5, 7], vec![2.0; 3]));
    }
}
