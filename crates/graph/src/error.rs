//! What can be wrong with neighbor lists.

/// Lists that are not a neighbor graph.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The two columns do not have the shape (n, k).
    #[error("{ids} neighbor ids and {distances} distances do not make rows of k = {k}")]
    Shape {
        /// Length of the ids.
        ids: usize,
        /// Length of the distances.
        distances: usize,
        /// Neighbors a row.
        k: usize,
    },
    /// More rows than a 32-bit id can name.
    #[error("{n} rows are more than 32-bit ids can name")]
    TooManyRows {
        /// The rows.
        n: usize,
    },
    /// A row lists a row that is not there.
    #[error("row {row} lists neighbor {neighbor}, but there are only {n} rows")]
    UnknownNeighbor {
        /// The row.
        row: usize,
        /// What it lists.
        neighbor: u32,
        /// How many rows there are.
        n: usize,
    },
    /// A row lists itself.
    #[error("row {row} lists itself as a neighbor")]
    ListsItself {
        /// The row.
        row: usize,
    },
    /// A distance that is negative, NaN or infinite.
    #[error("row {row} has the distance {distance} to neighbor {neighbor}")]
    BadDistance {
        /// The row.
        row: usize,
        /// The neighbor.
        neighbor: u32,
        /// The distance.
        distance: f32,
    },
    /// A row whose distances fall.
    #[error("row {row} is not nearest first: {before} comes before {after}")]
    NotAscending {
        /// The row.
        row: usize,
        /// A distance.
        before: f32,
        /// The smaller one after it.
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
            Self::BadDistance { .. } => {
                "distances must be finite and not negative; inner-product scores are no distances: use cosine or l2".into()
            }
            Self::NotAscending { .. } => "sort each row by distance, nearest first".into(),
        })
    }
}
