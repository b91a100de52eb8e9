//! The k nearest neighbors of all rows, of some rows, and inside a group.

use crate::{Error, Index, Metric, Points, Search, SearchReport, Watch};

/// `k` neighbors a row, nearest first by [`crate::reduced_distance`], ties by smaller id, the row itself left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Knn {
    /// How many a row.
    pub k: usize,
    /// Ids, `k` a row.
    pub ids: Vec<u32>,
    /// Distances, `k` a row, as [`crate::distance`] gives them.
    pub distances: Vec<f32>,
}

impl Knn {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.ids.len() / self.k
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The neighbors of row `i` and their distances.
    ///
    /// # Panics
    ///
    /// If there is no row `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let row = i * self.k..(i + 1) * self.k;
        (&self.ids[row.clone()], &self.distances[row])
    }
}

/// The `k` nearest neighbors of every row, exactly.
///
/// # Errors
///
/// [`Error::K`] unless `1 <= k < n`, what [`crate::check`] says of the rows, [`Error::KernelMissing`],
/// [`Error::Cancelled`].
pub fn knn(
    points: Points<'_>,
    metric: Metric,
    k: usize,
    search: &Search,
    watch: Watch<'_>,
) -> Result<(Knn, SearchReport), Error> {
    Index::new(points, metric, search)?.knn(k, watch)
}

/// The `k` nearest neighbors of the rows `queries` among all rows, exactly; one row of the answer for each query.
///
/// # Errors
///
/// As [`knn`], and [`Error::NoSuchRow`].
pub fn knn_of(
    points: Points<'_>,
    queries: &[u32],
    metric: Metric,
    k: usize,
    search: &Search,
    watch: Watch<'_>,
) -> Result<(Knn, SearchReport), Error> {
    Index::new(points, metric, search)?.knn_of(queries, k, watch)
}

/// The `k` nearest neighbors of each of `members` among `members`, exactly; ids are those of `points`, rows of the
/// answer are in the order of `members`. Only the members are read and checked.
///
/// # Errors
///
/// [`Error::K`] unless `1 <= k < members.len()`, [`Error::NoSuchRow`], [`Error::NamedTwice`], and as [`knn`].
pub fn knn_within(
    points: Points<'_>,
    members: &[u32],
    metric: Metric,
    k: usize,
    search: &Search,
    watch: Watch<'_>,
) -> Result<(Knn, SearchReport), Error> {
    Index::of_members(points, members, metric, search)?.knn(k, watch)
}
