//! A borrowed matrix of rows, and the check that it can be searched.

use rayon::prelude::*;

use crate::distance::length;
use crate::{Error, Metric};

/// A borrowed matrix of shape (n, d), row-major: `n` rows of `d` values each. Any values may be in it; a search checks them.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    values: &'a [f32],
    n: usize,
    d: usize,
}

impl<'a> Points<'a> {
    /// A matrix of rows of `d` values.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if `values` does not consist of whole rows, [`Error::TooManyRows`] above 2^31 - 1 rows.
    pub fn new(values: &'a [f32], d: usize) -> Result<Self, Error> {
        if d == 0 || !values.len().is_multiple_of(d) {
            return Err(Error::Shape {
                values: values.len(),
                d,
            });
        }
        let n = values.len() / d;
        if n > i32::MAX as usize {
            return Err(Error::TooManyRows { n });
        }
        Ok(Points { values, n, d })
    }

    /// Number of rows.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of values per row.
    pub fn d(&self) -> usize {
        self.d
    }

    /// Row `i`.
    ///
    /// # Panics
    ///
    /// If there is no row `i`.
    pub fn row(&self, i: usize) -> &'a [f32] {
        &self.values[i * self.d..(i + 1) * self.d]
    }

    /// All values, row after row.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }
}

/// Checks that every row can be searched with `metric`: all values are finite, no distance is too large for an `f32`, and
/// under [`Metric::Cosine`] no row is all zeros. Cost: one pass over the values.
///
/// # Errors
///
/// [`Error::NotFinite`], [`Error::ZeroRow`] or [`Error::TooLong`] for the first row that fails.
pub fn check(points: Points<'_>, metric: Metric) -> Result<(), Error> {
    (0..points.n)
        .into_par_iter()
        .with_min_len(256)
        .find_map_first(|i| fault(points, i, metric))
        .map_or(Ok(()), Err)
}

/// [`check`] for some rows.
pub(crate) fn check_rows(points: Points<'_>, rows: &[u32], metric: Metric) -> Result<(), Error> {
    rows.par_iter()
        .with_min_len(256)
        .find_map_first(|&i| fault(points, i as usize, metric))
        .map_or(Ok(()), Err)
}

/// The fault of row `i`, if it has one.
fn fault(points: Points<'_>, i: usize, metric: Metric) -> Option<Error> {
    let row = points.row(i);
    let length = length(row);
    if !length.is_finite() {
        let (column, &value) = row
            .iter()
            .enumerate()
            .find(|(_, value)| !value.is_finite())?;
        return Some(Error::NotFinite {
            row: i,
            column,
            value,
        });
    }
    let longest = match metric {
        Metric::Cosine if length == 0.0 => return Some(Error::ZeroRow { row: i }),
        Metric::Cosine => return None,
        Metric::L2 => f64::from(f32::MAX) / 2.0,
        // The product of two such rows is at most half of the largest `f32`.
        Metric::InnerProduct => (f64::from(f32::MAX) / 2.0).sqrt(),
    };
    (length > longest).then_some(Error::TooLong {
        row: i,
        length,
        metric,
    })
}
