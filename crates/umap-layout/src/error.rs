//! What can go wrong in a layout.

/// Why there is no layout. `Display` states the fact, [`Error::hint`] the remedy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value out of its range.
    #[error("{option} is {value}, expected {expected}")]
    Option {
        /// The field of [`Options`](crate::Options).
        option: &'static str,
        /// Its value.
        value: String,
        /// The values that it takes.
        expected: &'static str,
    },
    /// There are too few points.
    #[error("there are {n} points, a layout needs at least 3")]
    TooFewPoints {
        /// Number of points.
        n: usize,
    },
    /// The initialization by principal components needs the points, and there are none.
    #[error("the initialization by principal components needs the points, and there are none")]
    NoPoints,
    /// The points are not those of the graph.
    #[error("there are {points} points, but the graph has {n} rows")]
    Rows {
        /// Number of points.
        points: usize,
        /// Rows of the graph.
        n: usize,
    },
    /// No curve fits the options.
    #[error("no curve fits a min_dist of {min_dist} and a spread of {spread}")]
    Curve {
        /// The minimum distance.
        min_dist: f64,
        /// The scale.
        spread: f64,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Option {
                option, expected, ..
            } => format!("give {option} a value {expected}"),
            Self::TooFewPoints { .. } => "take a larger input".to_owned(),
            Self::NoPoints => "pass the points, or choose the spectral initialization".to_owned(),
            Self::Rows { .. } => "pass the points that the graph was computed from".to_owned(),
            Self::Curve { .. } => "choose a spread nearer to 1, or a smaller min_dist".to_owned(),
        })
    }
}
