//! Rows without a direction, set apart: the others are searched among themselves.

use vectors::{Metric, Points};

/// The distance between a row without a direction and any other: the cosine of nothing is taken as 0.
const UNRELATED: f32 = 1.0;

/// The rows that can be searched, packed together, and where they stood.
#[derive(Debug)]
pub struct Packed {
    /// The vectors of the kept rows.
    pub values: Vec<f32>,
    /// The row that each of them was, ascending.
    pub kept: Vec<u32>,
    /// The rows set apart, ascending.
    pub isolated: Vec<u32>,
}

/// Sets the rows of zeros apart; `None` if there are none or the metric takes them.
pub fn pack(points: Points<'_>, metric: Metric) -> Option<Packed> {
    if metric != Metric::Cosine {
        return None;
    }
    let (isolated, kept): (Vec<u32>, Vec<u32>) =
        (0..points.n() as u32).partition(|&i| points.row(i as usize).iter().all(|&x| x == 0.0));
    if isolated.is_empty() {
        return None;
    }
    let values = kept
        .iter()
        .flat_map(|&i| points.row(i as usize))
        .copied()
        .collect();
    Some(Packed {
        values,
        kept,
        isolated,
    })
}

impl Packed {
    /// The lists of all rows, from the lists of the kept ones (`k` each).
    ///
    /// A row set apart lists the first `k` kept rows at distance 1, and stands in no list.
    pub fn unpack(&self, k: usize, ids: &[u32], distances: &[f32]) -> (Vec<u32>, Vec<f32>) {
        let n = self.kept.len() + self.isolated.len();
        let mut all_ids = Vec::with_capacity(n * k);
        let mut all_distances = Vec::with_capacity(n * k);
        let mut lists = ids.chunks_exact(k).zip(distances.chunks_exact(k));
        let mut isolated = self.isolated.iter().peekable();
        for i in 0..n as u32 {
            if isolated.next_if_eq(&&i).is_some() {
                all_ids.extend_from_slice(&self.kept[..k]);
                all_distances.extend(std::iter::repeat_n(UNRELATED, k));
            } else if let Some((ids, distances)) = lists.next() {
                all_ids.extend(ids.iter().map(|&id| self.kept[id as usize]));
                all_distances.extend_from_slice(distances);
            }
        }
        (all_ids, all_distances)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_zeros_list_the_first_and_are_listed_by_none() {
        let values = [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0];
        let packed = pack(Points::new(&values, 2).unwrap(), Metric::Cosine).unwrap();
        assert_eq!(
            (&packed.kept[..], &packed.isolated[..]),
            (&[1, 2, 4][..], &[0, 3][..])
        );
        let (ids, distances) = packed.unpack(1, &[2, 2, 0], &[0.3, 0.3, 0.3]);
        assert_eq!(ids, [1, 4, 4, 1, 1]);
        assert_eq!(distances, [1.0, 0.3, 0.3, 1.0, 0.3]);
    }

    #[test]
    fn nothing_to_set_apart() {
        let points = Points::new(&[0.0, 1.0], 1).unwrap();
        assert!(pack(points, Metric::L2).is_none());
        assert!(pack(Points::new(&[2.0, 1.0], 1).unwrap(), Metric::Cosine).is_none());
    }
}
