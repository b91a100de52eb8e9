//! Errors of the stage.

use std::path::PathBuf;

use stage::Hint;

/// Why there is no layout. `Display` states the fact, [`Hint::hint`] the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
    /// An option is out of range.
    #[error("`{option}` is {value}, expected {expected}")]
    Option {
        /// The flag.
        option: String,
        /// Its value.
        value: String,
        /// The valid values.
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
        /// Number of points.
        n: usize,
    },
    /// The initialization needs a file that was not given.
    #[error("`--init pca` needs the embeddings, but none were given")]
    NoEmbeddings,
    /// The neighbors file names an unknown metric.
    #[error("{} has the unknown metric `{metric}`", path.display())]
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
    /// The engine needs more points than `n_neighbors`.
    #[error(
        "the engine `{engine}` needs more than n_neighbors = {n_neighbors} points, but there are {n}"
    )]
    EnginePoints {
        /// Its name.
        engine: &'static str,
        /// Number of points.
        n: usize,
        /// The value of `n_neighbors`.
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
            Self::Rows { .. } => "give two files of one run, or run `knn` again".to_owned(),
            Self::TooFewPoints { .. } => "provide at least 3 points".to_owned(),
            Self::NoEmbeddings => {
                "give `--embeddings FILE`, or choose `--init spectral`".to_owned()
            }
            Self::Metric { .. } => "write the neighbors with cosine, l2 or ip".to_owned(),
            Self::Curve { .. } => {
                "choose a `--spread` nearer to 1, or a smaller `--min-dist`".to_owned()
            }
            Self::EnginePoints { .. } => {
                "choose a smaller `--n-neighbors`, or omit `--engine`".to_owned()
            }
            Self::NotCompiledIn { engine } => {
                format!(
                    "build with `cargo build --release --features {engine}`, or omit `--engine`"
                )
            }
        })
    }
}
