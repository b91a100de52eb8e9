//! What can go wrong in the stage.

use std::path::PathBuf;

use stage::Hint;

/// Why there is no layout. `Display` states the fact, [`Hint::hint`] the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
    /// An option has a value out of its range.
    #[error("`{option}` is {value}, expected {expected}")]
    Option {
        /// The flag.
        option: String,
        /// Its value.
        value: String,
        /// The values that it takes.
        expected: &'static str,
    },
    /// Two files have different numbers of rows.
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
    /// The method failed.
    #[error(transparent)]
    Method(umap_layout::Error),
    /// The embeddings are not a matrix that can be laid out.
    #[error("the embeddings cannot be laid out")]
    Points(#[source] exact_knn::Error),
    /// There are too few points.
    #[error("there are {n} points, a layout needs at least 3")]
    TooFewPoints {
        /// How many there are.
        n: usize,
    },
    /// The initialization needs a file that was not given.
    #[error("`--init pca` needs the embeddings, and none were given")]
    NoEmbeddings,
    /// The neighbors file names an unknown metric.
    #[error("{} names the metric `{metric}`, which is not known", path.display())]
    Metric {
        /// The neighbors file.
        path: PathBuf,
        /// The metric in its footer.
        metric: String,
    },
    /// No curve fits the options.
    #[error("no curve fits a min_dist of {min_dist} and a spread of {spread}")]
    Curve {
        /// The minimum distance.
        min_dist: f64,
        /// The scale.
        spread: f64,
    },
    /// The engine needs more points than a neighborhood has.
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
    #[error("this build does not have the engine `{engine}`")]
    NotCompiledIn {
        /// Its name.
        engine: &'static str,
    },
}

impl From<umap_layout::Error> for Error {
    fn from(error: umap_layout::Error) -> Self {
        match error {
            umap_layout::Error::Option {
                option,
                value,
                expected,
            } => Self::Option {
                option: format!("--{}", option.replace('_', "-")),
                value,
                expected,
            },
            umap_layout::Error::TooFewPoints { n } => Self::TooFewPoints { n },
            umap_layout::Error::NoPoints => Self::NoEmbeddings,
            umap_layout::Error::Curve { min_dist, spread } => Self::Curve { min_dist, spread },
            other => Self::Method(other),
        }
    }
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Artifact(error) => return error.hint(),
            Self::Method(error) => return error.hint(),
            Self::Points(error) => return error.hint(),
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
                    "build with `cargo build --release --features {engine}`, or leave `--engine` out"
                )
            }
        })
    }
}
