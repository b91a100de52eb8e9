//! What can go wrong in a layout.

use std::path::PathBuf;

use stage::Hint;

/// Why there is no layout. `Display` states the fact, [`Hint::hint`] the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
    /// An option has a value that means nothing.
    #[error("`{option}` is {value}, expected {expected}")]
    Option {
        /// The flag.
        option: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Two files are not of one run.
    #[error("{} has {embeddings} rows, but {} has {neighbors}", embeddings_path.display(), neighbors_path.display())]
    Rows {
        /// The embeddings file.
        embeddings_path: PathBuf,
        /// Its rows.
        embeddings: usize,
        /// The neighbors file.
        neighbors_path: PathBuf,
        /// Its rows.
        neighbors: usize,
    },
    /// There are too few points.
    #[error("there are {n} points, a layout needs at least 3")]
    TooFewPoints {
        /// How many there are.
        n: usize,
    },
    /// The start needs a file that was not given.
    #[error("`--init pca` needs the embeddings, and none were given")]
    NoEmbeddings,
    /// The neighbors file names a metric that is not known.
    #[error("{} names the metric `{metric}`, which is not known", path.display())]
    Metric {
        /// The neighbors file.
        path: PathBuf,
        /// What its footer says.
        metric: String,
    },
    /// No curve fits the wishes.
    #[error("no curve fits a min_dist of {min_dist} and a spread of {spread}")]
    Curve {
        /// The closest distance.
        min_dist: f64,
        /// The scale.
        spread: f64,
    },
    /// The engine wants more points than a neighborhood has.
    #[error(
        "the engine `{engine}` takes more points than n_neighbors, which is {n_neighbors}, and there are {n}"
    )]
    EnginePoints {
        /// Its name.
        engine: &'static str,
        /// How many points there are.
        n: usize,
        /// The points of a neighborhood.
        n_neighbors: usize,
    },
    /// The engine is not in this build.
    #[error("the engine `{engine}` was left out of this build")]
    NotCompiledIn {
        /// Its name.
        engine: &'static str,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Artifact(error) => return error.hint(),
            Self::Option {
                option, expected, ..
            } => format!("give `{option}` a value {expected}"),
            Self::Rows { .. } => {
                "name two files of one run, or run the stage that writes the neighbors again"
                    .to_owned()
            }
            Self::TooFewPoints { .. } => "take a larger input".to_owned(),
            Self::NoEmbeddings => {
                "give `--embeddings FILE`, or choose `--init spectral`".to_owned()
            }
            Self::Metric { .. } => "write the neighbors with cosine, l2 or ip".to_owned(),
            Self::Curve { .. } => {
                "choose a `--spread` nearer to 1, or a smaller `--min-dist`".to_owned()
            }
            Self::EnginePoints { .. } => {
                "choose a smaller `--n-neighbors`, or leave `--engine` out".to_owned()
            }
            Self::NotCompiledIn { engine } => {
                format!(
                    "build with `cargo build --release --package project --features {engine}`, or leave `--engine` out"
                )
            }
        })
    }
}
