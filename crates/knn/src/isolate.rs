//! Rows that cannot be searched, set apart: the others are searched among themselves.

use serde::Serialize;
use vectors::Metric;

/// The distance between a row without a direction and any other: the cosine of nothing is taken as 0.
const UNRELATED: f32 = 1.0;

/// Which rows stayed and which were set apart.
#[derive(Debug, PartialEq)]
pub struct Packed {
    /// The row that each of those that stayed was, ascending.
    pub kept: Vec<u32>,
    /// The rows set apart, ascending.
    pub isolated: Vec<u32>,
    /// How many of them hold what kind of fault.
    pub faults: Faults,
}

/// Rows set apart, by what is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Rows with NaN or an infinity.
    pub not_finite: usize,
    /// Rows of zeros under cosine, which have no direction.
    pub zero: usize,
}

impl Faults {
    /// All of them.
    pub fn total(self) -> usize {
        self.not_finite + self.zero
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} rows set apart: {} of zeros, {} with NaN or infinity",
            self.total(),
            self.zero,
            self.not_finite
        )
    }
}

/// Moves the rows that can be searched together, in the memory they are in; `None` if that is all of them.
pub fn pack(values: &mut Vec<f32>, d: usize, metric: Metric) -> Option<Packed> {
    let mut faults = Faults::default();
    let (isolated, kept): (Vec<u32>, Vec<u32>) = (0..).take(values.len() / d).partition(|&i| {
        let row = &values[i as usize * d..][..d];
        let infinite = row.iter().any(|x| !x.is_finite());
        let zero = metric == Metric::Cosine && row.iter().all(|&x| x == 0.0);
        faults.not_finite += usize::from(infinite);
        faults.zero += usize::from(zero);
        infinite || zero
    });
    if isolated.is_empty() {
        return None;
    }
    for (to, &from) in kept.iter().enumerate() {
        let from = from as usize * d;
        values.copy_within(from..from + d, to * d);
    }
    values.truncate(kept.len() * d);
    Some(Packed {
        kept,
        isolated,
        faults,
    })
}

impl Packed {
    /// Makes the lists of all rows from the lists of the kept ones (`k` each).
    ///
    /// A row set apart stands in no list. Its own holds the first `k` kept rows, at distance 1 under cosine, else at the
    /// largest distance that any list has.
    pub fn unpack(&self, metric: Metric, k: usize, ids: &mut Vec<u32>, distances: &mut Vec<f32>) {
        let far = match metric {
            Metric::Cosine => UNRELATED,
            _ => distances.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        };
        for id in ids.iter_mut() {
            *id = self.kept[*id as usize];
        }
        let n = self.kept.len() + self.isolated.len();
        ids.resize(n * k, 0);
        distances.resize(n * k, 0.0);
        // From the last row on, so that no list is written over before it has moved.
        let mut isolated = self.isolated.iter().rev().peekable();
        let mut from = self.kept.len();
        for i in (0..n).rev() {
            if isolated.next_if(|&&apart| apart as usize == i).is_some() {
                ids[i * k..][..k].copy_from_slice(&self.kept[..k]);
                distances[i * k..][..k].fill(far);
            } else {
                from -= 1;
                ids.copy_within(from * k..(from + 1) * k, i * k);
                distances.copy_within(from * k..(from + 1) * k, i * k);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_set_apart_list_the_first_and_are_listed_by_none() {
        let mut values = vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, f32::NAN, 0.0, 1.0, 1.0];
        let packed = pack(&mut values, 2, Metric::Cosine).unwrap();
        assert_eq!(values, [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(
            (&packed.kept[..], &packed.isolated[..]),
            (&[1, 2, 4][..], &[0, 3][..])
        );
        assert_eq!(
            packed.faults,
            Faults {
                not_finite: 1,
                zero: 1
            }
        );
        for (metric, far) in [(Metric::Cosine, 1.0), (Metric::L2, 0.4)] {
            let (mut ids, mut distances) = (vec![2, 2, 0], vec![0.3, 0.4, 0.3]);
            packed.unpack(metric, 1, &mut ids, &mut distances);
            assert_eq!(ids, [1, 4, 4, 1, 1]);
            assert_eq!(distances, [far, 0.3, 0.4, far, 0.3]);
        }
    }

    #[test]
    fn nothing_to_set_apart() {
        assert!(pack(&mut vec![0.0, 1.0], 1, Metric::L2).is_none());
        assert!(pack(&mut vec![2.0, 1.0], 1, Metric::Cosine).is_none());
        let infinite = pack(&mut vec![2.0, f32::INFINITY], 1, Metric::InnerProduct).unwrap();
        assert_eq!(infinite.isolated, [1]);
    }
}
