//! Neighbor lists: the result of a search.

/// The neighbors of a number of rows, `k` for each, nearest first by [`crate::reduced_distance`], ties by the smaller id;
/// a row is not its own neighbor.
#[derive(Clone, Debug, PartialEq)]
pub struct Knn {
    /// Number of neighbors per row.
    pub k: usize,
    /// Ids, `k` per row.
    pub ids: Vec<u32>,
    /// Distances, `k` per row, equal to [`crate::distance`].
    pub distances: Vec<f32>,
}

impl Knn {
    /// The id of an empty place, in lists of fewer than `k` neighbors ([`crate::InvertedLists::nearest`]); its distance is
    /// infinite.
    pub const NO_NEIGHBOR: u32 = u32::MAX;

    /// Number of rows.
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
