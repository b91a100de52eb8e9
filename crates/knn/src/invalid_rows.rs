//! Rows that cannot be searched are isolated: the others are searched among themselves.

use exact_knn::{Knn, Metric};
use serde::Serialize;

/// The distance between a row without a direction and any other: its cosine is taken as 0.
const UNRELATED: f32 = 1.0;

/// The valid rows and the isolated ones.
#[derive(Debug, PartialEq)]
pub struct Isolation {
    /// The rows that can be searched, ascending.
    pub kept: Vec<u32>,
    /// The rows that cannot be searched, ascending.
    pub isolated: Vec<u32>,
    /// Their number, by fault.
    pub faults: InvalidRows,
}

/// Number of isolated rows, by fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InvalidRows {
    /// Number of rows with NaN or an infinity.
    pub not_finite: usize,
    /// Number of rows of zeros under cosine, which have no direction.
    pub zero: usize,
}

impl InvalidRows {
    /// All isolated rows.
    pub fn total(self) -> usize {
        self.not_finite + self.zero
    }
}

impl std::fmt::Display for InvalidRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} rows isolated: {} of zeros, {} with NaN or infinity",
            self.total(),
            self.zero,
            self.not_finite
        )
    }
}

/// Removes the rows that cannot be searched from `values`, in place; `None` if there are none.
pub fn isolate(values: &mut Vec<f32>, d: usize, metric: Metric) -> Option<Isolation> {
    let mut faults = InvalidRows::default();
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
    Some(Isolation {
        kept,
        isolated,
        faults,
    })
}

impl Isolation {
    /// Extends the neighbors of the valid rows to all rows, in place.
    ///
    /// An isolated row is in no other list. Its own list holds the first `k` valid rows, at distance 1 under cosine, else at
    /// the largest distance of all lists.
    pub fn restore(&self, metric: Metric, knn: &mut Knn) {
        let k = knn.k;
        let far = match metric {
            Metric::Cosine => UNRELATED,
            _ => knn
                .distances
                .iter()
                .copied()
                .fold(f32::NEG_INFINITY, f32::max),
        };
        for id in &mut knn.ids {
            *id = self.kept[*id as usize];
        }
        let n = self.kept.len() + self.isolated.len();
        knn.ids.resize(n * k, 0);
        knn.distances.resize(n * k, 0.0);
        // From the last row on, so that no list is overwritten before it has moved.
        let mut isolated = self.isolated.iter().rev().peekable();
        let mut from = self.kept.len();
        for i in (0..n).rev() {
            if isolated.next_if(|&&row| row as usize == i).is_some() {
                knn.ids[i * k..][..k].copy_from_slice(&self.kept[..k]);
                knn.distances[i * k..][..k].fill(far);
            } else {
                from -= 1;
                knn.ids.copy_within(from * k..(from + 1) * k, i * k);
                knn.distances.copy_within(from * k..(from + 1) * k, i * k);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isolated_rows_list_the_first_valid_rows_and_are_in_no_list() {
        let mut values = vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, f32::NAN, 0.0, 1.0, 1.0];
        let isolation = isolate(&mut values, 2, Metric::Cosine).unwrap();
        assert_eq!(values, [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(
            (&isolation.kept[..], &isolation.isolated[..]),
            (&[1, 2, 4][..], &[0, 3][..])
        );
        assert_eq!(
            isolation.faults,
            InvalidRows {
                not_finite: 1,
                zero: 1
            }
        );
        for (metric, far) in [(Metric::Cosine, 1.0), (Metric::L2, 0.4)] {
            let mut knn = Knn {
                k: 1,
                ids: vec![2, 2, 0],
                distances: vec![0.3, 0.4, 0.3],
            };
            isolation.restore(metric, &mut knn);
            assert_eq!(knn.ids, [1, 4, 4, 1, 1]);
            assert_eq!(knn.distances, [far, 0.3, 0.4, far, 0.3]);
        }
    }

    #[test]
    fn nothing_to_isolate() {
        assert!(isolate(&mut vec![0.0, 1.0], 1, Metric::L2).is_none());
        assert!(isolate(&mut vec![2.0, 1.0], 1, Metric::Cosine).is_none());
        let infinite = isolate(&mut vec![2.0, f32::INFINITY], 1, Metric::InnerProduct).unwrap();
        assert_eq!(infinite.isolated, [1]);
    }
}
