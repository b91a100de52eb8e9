//! What can be wrong with neighbor lists.

/// Arrays that are not a k-nearest-neighbor graph. `Display` states the fact, [`Error::hint`] the remedy. Of several faulty
/// rows the first one is reported.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The two arrays do not have the shape (n, k).
    #[error("{ids} neighbor ids and {distances} distances are not rows of k = {k}")]
    Shape {
        /// Length of the ids.
        ids: usize,
        /// Length of the distances.
        distances: usize,
        /// Number of neighbors per row.
        k: usize,
    },
    /// There are more rows than 32-bit ids can number.
    #[error("{n} rows are more than 32-bit ids can number")]
    TooManyRows {
        /// Number of rows.
        n: usize,
    },
    /// A row lists an id that is no row.
    #[error("row {row} lists neighbor {neighbor}, but there are only {n} rows")]
    UnknownNeighbor {
        /// The row.
        row: usize,
        /// The id in its list.
        neighbor: u32,
        /// Number of rows.
        n: usize,
    },
    /// A row lists itself.
    #[error("row {row} lists itself as a neighbor")]
    ListsItself {
        /// The row.
        row: usize,
    },
    /// A row lists a neighbor more than once.
    #[error("row {row} lists neighbor {neighbor} more than once")]
    ListedTwice {
        /// The row.
        row: usize,
        /// The neighbor.
        neighbor: u32,
    },
    /// A distance is NaN, infinite or, where that is not allowed, negative.
    #[error("row {row} has the distance {distance} to neighbor {neighbor}")]
    BadDistance {
        /// The row.
        row: usize,
        /// The neighbor.
        neighbor: u32,
        /// The distance.
        distance: f32,
    },
    /// The distances of a row decrease.
    #[error("row {row} is not nearest first: {before} comes before {after}")]
    NotAscending {
        /// The row.
        row: usize,
        /// A distance.
        before: f32,
        /// The smaller distance after it.
        after: f32,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Shape { .. } => "write one list of k ids and one of k distances for each row".into(),
            Self::TooManyRows { .. } => "cluster a sample, or split the table".into(),
            Self::UnknownNeighbor { .. } => "neighbor ids are row numbers, counted from 0".into(),
            Self::ListsItself { .. } => "leave the row itself out of its list".into(),
            Self::ListedTwice { .. } => "list each neighbor once".into(),
            Self::BadDistance { .. } => {
                "distances must be finite and not negative; inner-product scores are no distances: use cosine or l2".into()
            }
            Self::NotAscending { .. } => "sort each row by distance, nearest first".into(),
        })
    }
}
