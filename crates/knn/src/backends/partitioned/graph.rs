//! The k best known neighbors of each row, while they are being found.

use vectors::Knn;

use super::Task;
use crate::Error;
use crate::complete::NONE;

/// k ids and distances a row, nearest first, ties by id; places not yet filled hold [`NONE`] and infinity.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    pub(super) k: usize,
    pub(super) ids: Vec<u32>,
    pub(super) distances: Vec<f32>,
}

impl Graph {
    pub(super) fn new(n: usize, k: usize) -> Self {
        Graph {
            k,
            ids: vec![NONE; n * k],
            distances: vec![f32::INFINITY; n * k],
        }
    }

    /// The known neighbors of row `i`.
    pub(super) fn row(&self, i: u32) -> &[u32] {
        let row = &self.ids[i as usize * self.k..][..self.k];
        let known = row.iter().position(|&id| id == NONE).unwrap_or(row.len());
        &row[..known]
    }

    /// The places of row `i`, filled or not.
    pub(super) fn lists(&self, i: u32) -> (&[u32], &[f32]) {
        let row = i as usize * self.k..(i as usize + 1) * self.k;
        (&self.ids[row.clone()], &self.distances[row])
    }

    /// Sets the list of row `i`, and says whether it is another than before.
    pub(super) fn replace(&mut self, i: u32, ids: &[u32], distances: &[f32]) -> bool {
        let row = i as usize * self.k..(i as usize + 1) * self.k;
        let changed = self.ids[row.clone()] != *ids;
        if changed {
            self.ids[row.clone()].copy_from_slice(ids);
            self.distances[row].copy_from_slice(distances);
        }
        changed
    }

    /// Takes in what `rows` found in a cell. `seen` is told of each row whether its list now holds some that were in it
    /// before and not found now, and some that were found now and not in it before.
    pub(super) fn merge(
        &mut self,
        rows: &[u32],
        found: &Knn,
        seen: &mut impl FnMut(u32, bool, bool),
    ) {
        let mut ids = Vec::with_capacity(self.k);
        let mut distances = Vec::with_capacity(self.k);
        for (at, &i) in rows.iter().enumerate() {
            let found = found.row(at);
            merge(self.lists(i), found, self.k, &mut ids, &mut distances);
            let known = ids.iter().position(|&id| id == NONE).unwrap_or(self.k);
            let kept = !found.0.starts_with(&ids[..known]);
            seen(i, kept, self.replace(i, &ids, &distances));
        }
    }

    /// Searches rows with fewer than k known neighbors exactly, and says how many there were.
    pub(super) fn fill(&mut self, task: &Task<'_>) -> Result<usize, Error> {
        let k = self.k;
        let short: Vec<u32> = (0..task.points.n() as u32)
            .filter(|&i| self.ids[(i as usize + 1) * k - 1] == NONE)
            .collect();
        if short.is_empty() {
            return Ok(0);
        }
        let (exact, _) =
            vectors::knn_of(task.points, &short, task.metric, k, &task.search(), &|_| {
                true
            })?;
        for (at, &i) in short.iter().enumerate() {
            let (ids, distances) = exact.row(at);
            self.ids[i as usize * k..][..k].copy_from_slice(ids);
            self.distances[i as usize * k..][..k].copy_from_slice(distances);
        }
        Ok(short.len())
    }
}

/// The first `k` of two lists in order; what stands in both stands there at the same distance, and is taken once.
pub(super) fn merge(
    a: (&[u32], &[f32]),
    b: (&[u32], &[f32]),
    k: usize,
    ids: &mut Vec<u32>,
    distances: &mut Vec<f32>,
) {
    ids.clear();
    distances.clear();
    let (mut at, mut bt) = (0, 0);
    while ids.len() < k {
        let left = a.0.get(at).map(|&id| (a.1[at], id));
        let right = b.0.get(bt).map(|&id| (b.1[bt], id));
        let take_left = match (left, right) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(left), Some(right)) => left
                .0
                .total_cmp(&right.0)
                .then(left.1.cmp(&right.1))
                .is_le(),
        };
        let (distance, id) = if take_left {
            at += 1;
            (a.1[at - 1], a.0[at - 1])
        } else {
            bt += 1;
            (b.1[bt - 1], b.0[bt - 1])
        };
        if ids.last() != Some(&id) || id == NONE {
            ids.push(id);
            distances.push(distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_order_and_takes_nothing_twice() {
        let (mut ids, mut distances) = (Vec::new(), Vec::new());
        let a = (&[4, 7, NONE][..], &[0.1, 0.3, f32::INFINITY][..]);
        let b = (&[2, 4, 9][..], &[0.1, 0.1, 0.2][..]);
        merge(a, b, 3, &mut ids, &mut distances);
        assert_eq!(
            (&ids[..], &distances[..]),
            (&[2, 4, 9][..], &[0.1, 0.1, 0.2][..])
        );
        merge(a, (&[7], &[0.3]), 3, &mut ids, &mut distances);
        assert_eq!(ids, [4, 7, NONE]);
    }
}
