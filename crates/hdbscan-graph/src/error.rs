//! What can go wrong in the method.

use std::fmt;

/// Why there is no clustering. `Display` states the fact, [`Error::hint`] the remedy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The neighbor graph has distances that cannot be clustered.
    #[error(transparent)]
    Graph(#[from] knn_graph::Error),
    /// The core distance needs more neighbors than there are.
    #[error("min_samples is {min_samples}, but each row has {k} neighbors")]
    MinSamples {
        /// Number of neighbors that the core distance needs.
        min_samples: usize,
        /// Number of neighbors per row.
        k: usize,
    },
    /// The points are needed and there are none.
    #[error("{need}, and there are no points to search")]
    NoPoints {
        /// What they are needed for.
        need: Need,
    },
    /// The points cannot be searched.
    #[error("the points cannot be searched")]
    Search(#[from] exact_knn::Error),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Graph(error) => error.hint(),
            Self::MinSamples { k, .. } => Some(format!(
                "choose a min_samples of {k} or less, or find more neighbors"
            )),
            Self::NoPoints { .. } => Some(
                "pass the points, or find more neighbors, which joins the components of the graph"
                    .to_owned(),
            ),
            Self::Search(error) => error.hint(),
        }
    }
}

/// Why the points are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The lists of this many rows without a direction are arbitrary.
    IsolatedRows(usize),
    /// The exact tree has edges that are in no list.
    ExactTree,
    /// The graph has this many components, which have to be joined.
    Components(usize),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IsolatedRows(rows) => {
                write!(f, "the graph has arbitrary lists for {rows} rows of zeros")
            }
            Self::ExactTree => write!(f, "the exact tree has edges outside the neighbor lists"),
            Self::Components(count) => write!(f, "the graph has {count} components"),
        }
    }
}
