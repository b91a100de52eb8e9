//! Rows that cannot be searched are isolated: the others are searched among themselves.

use exact_knn::{Knn, Metric, Points};
use serde::Serialize;
use stage::counted;

use crate::{Error, Vectors};

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
            "{} isolated: {} of zeros, {} with NaN or infinity",
            counted(self.total(), "row"),
            self.zero,
            self.not_finite
        )
    }
}

/// Removes the rows that cannot be searched from `values`, in place; `None` if there are none.
pub fn isolate(values: &mut Vec<f32>, d: usize, metric: Metric) -> Option<Isolation> {
    let mut faults = InvalidRows::default();
    let n = values.len() / d;
    let isolated = isolate_batch(0, values, d, metric, &mut faults);
    values.truncate((n - isolated.len()) * d);
    Isolation::of(n, isolated, faults)
}

/// Finds the rows that cannot be searched, where the vectors are in a file; `None` if there are none. With `refuse`, the first
/// such row is an error.
///
/// # Errors
///
/// [`Error::Search`] for a row that cannot be searched, even if others are isolated: a row that is too long.
pub fn isolate_in_file(
    vectors: Vectors<'_>,
    metric: Metric,
    refuse: bool,
) -> Result<Option<Isolation>, Error> {
    let d = vectors.d();
    let mut faults = InvalidRows::default();
    let mut isolated = Vec::new();
    vectors.for_each_batch(|first, batch| {
        let known = isolated.len();
        if !refuse {
            isolated.extend(isolate_batch(first as u32, batch, d, metric, &mut faults));
        }
        let found = &isolated[known..];
        let kept = batch.len() / d - found.len();
        exact_knn::check(Points::new(&batch[..kept * d], d)?, metric).map_err(|fault| {
            with_row(fault, |row| {
                // The kept rows were moved to the front.
                let mut row = row + first;
                for &isolated in found {
                    row += usize::from(isolated as usize <= row);
                }
                row
            })
        })?;
        Ok(())
    })?;
    Ok(Isolation::of(vectors.n(), isolated, faults))
}

/// Moves the rows that can be searched to the front, counts the others, and returns their numbers; the first row has the
/// number `first`.
fn isolate_batch(
    first: u32,
    values: &mut [f32],
    d: usize,
    metric: Metric,
    faults: &mut InvalidRows,
) -> Vec<u32> {
    let mut isolated = Vec::new();
    let mut kept = 0;
    for i in 0..values.len() / d {
        let row = &values[i * d..][..d];
        let infinite = row.iter().any(|x| !x.is_finite());
        let zero = metric == Metric::Cosine && row.iter().all(|&x| x == 0.0);
        faults.not_finite += usize::from(infinite);
        faults.zero += usize::from(zero);
        if infinite || zero {
            isolated.push(first + i as u32);
        } else {
            values.copy_within(i * d..(i + 1) * d, kept * d);
            kept += 1;
        }
    }
    isolated
}

/// The fault with its row number replaced.
pub(crate) fn with_row(
    fault: exact_knn::Error,
    number: impl Fn(usize) -> usize,
) -> exact_knn::Error {
    use exact_knn::Error::{NotFinite, TooLong, ZeroRow};
    match fault {
        NotFinite { row, column, value } => NotFinite {
            row: number(row),
            column,
            value,
        },
        TooLong {
            row,
            length,
            metric,
        } => TooLong {
            row: number(row),
            length,
            metric,
        },
        ZeroRow { row } => ZeroRow { row: number(row) },
        other => other,
    }
}

impl Isolation {
    /// That of `isolated` among `n` rows; `None` if there are none.
    fn of(n: usize, isolated: Vec<u32>, faults: InvalidRows) -> Option<Self> {
        if isolated.is_empty() {
            return None;
        }
        let mut next = isolated.iter().peekable();
        let kept = (0..n as u32).filter(|row| next.next_if_eq(&row).is_none());
        Some(Self {
            kept: kept.collect(),
            isolated,
            faults,
        })
    }

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
