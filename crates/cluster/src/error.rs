//! Errors of `cluster`, `sweep` and `predict`.

use std::path::PathBuf;

use exact_knn::Metric;
use stage::Hint;

/// Why the stage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
    /// The neighbors are not a valid graph.
    #[error("{} is not a valid neighbor graph", path.display())]
    Lists {
        /// The file.
        path: PathBuf,
        /// The fault.
        #[source]
        fault: knn_graph::Error,
    },
    /// The vectors cannot be searched.
    #[error("the embeddings cannot be searched")]
    Search(#[from] exact_knn::Error),
    /// The method failed.
    #[error(transparent)]
    Method(hdbscan_graph::Error),
    /// The neighbor lists are shorter than `min_samples`.
    #[error("min_samples is {min_samples}{}, but each row has {k} neighbors", if *itself { " with the row itself" } else { "" })]
    FewNeighbors {
        /// The value that was set.
        min_samples: usize,
        /// Whether the row itself counts in it.
        itself: bool,
        /// Number of neighbors per row.
        k: usize,
    },
    /// There are fewer neighbors than `use_k`.
    #[error("use_k is {use_k}, but each row has {k} neighbors")]
    UseK {
        /// The value that was set.
        use_k: usize,
        /// Number of neighbors per row.
        k: usize,
    },
    /// An option is out of range.
    #[error("{option} is {value}; it must be {range}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its value.
        value: String,
        /// The valid values.
        range: &'static str,
    },
    /// The vectors are needed, but missing.
    #[error("{why}, but there are no embeddings to search")]
    NoEmbeddings {
        /// Why they are needed.
        why: String,
    },
    /// Two files have different numbers of rows.
    #[error("{} has {found} rows, but the neighbors have {n}", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// Number of its rows.
        found: usize,
        /// Number of rows of the neighbors.
        n: usize,
    },
    /// No file and no flag names the metric.
    #[error("{} does not name the metric of its distances", path.display())]
    NoMetric {
        /// The file.
        path: PathBuf,
    },
    /// The metric of the flag is not the metric of the file.
    #[error("{} holds {found} distances, not {asked}", path.display())]
    OtherMetric {
        /// The file.
        path: PathBuf,
        /// The metric in its footer.
        found: Metric,
        /// The value that was set.
        asked: Metric,
    },
    /// The distances in the neighbors file do not belong to these vectors.
    #[error("row {row}: its distance to row {neighbor} is {listed} in {}, but {measured} by the embeddings", path.display())]
    OtherVectors {
        /// The neighbors.
        path: PathBuf,
        /// A row.
        row: usize,
        /// Its nearest neighbor.
        neighbor: u32,
        /// The distance in the file.
        listed: f32,
        /// The distance between the vectors.
        measured: f32,
    },
    /// The full matrix of that many rows is too large.
    #[error(
        "the hdbscan engine needs the full matrix of {n} x {n} distances; it allows at most {most} rows"
    )]
    TooManyForMatrix {
        /// The rows.
        n: usize,
        /// The limit.
        most: usize,
    },
    /// A file has no footer.
    #[error("{} has no footer that records its options and inputs", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Two files come from different runs.
    #[error("{} and {} are from different runs", path.display(), other.display())]
    NotTogether {
        /// One file.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The condensed tree is not a tree.
    #[error("row {row} of {} is not part of a tree: {child} is a child of {parent}", path.display())]
    Tree {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// Its parent.
        parent: i64,
        /// Its child.
        child: i64,
    },
    /// The vectors that a layout was computed from are missing.
    #[error("a layout was clustered ({}), and the vectors that it was computed from are missing", path.display())]
    NoVectors {
        /// The layout.
        path: PathBuf,
    },
    /// The new vectors have another number of dimensions.
    #[error("{} has vectors of {found} dimensions, but the clustering has vectors of {expected}", path.display())]
    Dimensions {
        /// The new file.
        path: PathBuf,
        /// Its dimensions.
        found: usize,
        /// The dimensions of the trained clustering.
        expected: usize,
    },
    /// The new vectors come from another model or other settings.
    #[error("{} was embedded with another model or other settings than {}", path.display(), other.display())]
    OtherModel {
        /// The new file.
        path: PathBuf,
        /// The old file.
        other: PathBuf,
    },
    /// The new rows have another static encoder than the old ones.
    #[error("the static vectors of {} have another projection than those of {}", path.display(), other.display())]
    OtherProjection {
        /// The new file.
        path: PathBuf,
        /// The old file.
        other: PathBuf,
    },
    /// A new row is all zeros under cosine.
    #[error("row {row} of {} is all zeros, so it has no cosine distance", path.display())]
    NoDirection {
        /// The new file.
        path: PathBuf,
        /// The row.
        row: usize,
    },
    /// There are fewer than two rows to compare with.
    #[error("the clustering has fewer than two rows that are not all zeros")]
    NothingToCompare,
    /// There is not exactly one file of new rows.
    #[error("{found} files of new rows are given, expected one")]
    Sources {
        /// Number of files.
        found: usize,
    },
    /// The engine `hdbscan` does not support an option.
    #[error(
        "the hdbscan engine computes only labels by excess of mass and does not support `{option}`"
    )]
    LabelsAlone {
        /// The option.
        option: &'static str,
    },
    /// The engine `hdbscan` failed.
    #[error("the hdbscan engine failed: {fault}")]
    Engine {
        /// Its message.
        fault: String,
    },
}

impl From<hdbscan_graph::Error> for Error {
    fn from(error: hdbscan_graph::Error) -> Self {
        match error {
            hdbscan_graph::Error::Search(error) => Self::Search(error),
            other => Self::Method(other),
        }
    }
}

impl Hint for Error {
    fn is_usage(&self) -> bool {
        match self {
            Self::File(error) => error.is_usage(),
            Self::Sources { .. } => true,
            _ => false,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Lists { fault, .. } => return fault.hint(),
            Self::Search(error) => return error.hint(),
            Self::Method(error) => return error.hint(),
            Self::FewNeighbors { min_samples, itself, k } => {
                let itself = usize::from(*itself);
                format!(
                    "choose `--min-samples {}` or less, or compute more neighbors: `skerry knn --k {}`",
                    k + itself,
                    min_samples - itself
                )
            }
            Self::UseK { k, .. } => format!("choose `--use-k {k}` or less, or omit it to use all"),
            Self::Option { option, range, .. } => format!("set `--{}` to {range}", option.replace('_', "-")),
            Self::NoEmbeddings { .. } => {
                "give the vectors with `--embeddings FILE`, or compute more neighbors (`skerry knn --k ...`), which joins components".into()
            }
            Self::Rows { .. } => "neighbors and embeddings must have the same rows: run knn again".into(),
            Self::NoMetric { .. } => "give `--metric cosine` or `--metric l2`".into(),
            Self::OtherMetric { .. } => "omit `--metric`; it is for files that name no metric".into(),
            Self::OtherVectors { .. } => "the files belong to different vectors, or `--metric` is wrong: run knn again".into(),
            Self::NotOurs { .. } => "run `skerry cluster` again: its files record what predictions need".into(),
            Self::NotTogether { .. } => {
                "give the files of one run: `--clusters`, `--condensed-tree`, `--neighbors`, `--embeddings`".into()
            }
            Self::Tree { .. } => "run `skerry cluster` again".into(),
            Self::NoVectors { .. } => {
                "give them: `--vectors runs/latest/embeddings.parquet`".into()
            }
            Self::Dimensions { .. } => "embed the new rows with the model of the clustering".into(),
            Self::OtherModel { .. } => {
                "embed the new rows with the model and settings of the clustering: `skerry embed --config RUN/pipeline.toml --run NEW`, where RUN is the directory of the clustering".into()
            }
            Self::OtherProjection { .. } => {
                "embed the new rows with the projection of the old run: `skerry embed --encoder static --static-from runs/latest --run new`".into()
            }
            Self::NoDirection { .. } => "remove that row".into(),
            Self::NothingToCompare => "cluster a larger table".into(),
            Self::Sources { .. } => "give the embeddings of the new rows: `skerry predict --run runs/latest new/embeddings.parquet`".into(),
            Self::TooManyForMatrix { most, .. } => {
                format!("use `--engine skerry`, or cross-check on a sample of up to {most} rows")
            }
            Self::LabelsAlone { option } => {
                format!("omit `--{}`, or use `--engine skerry`", option.replace('_', "-"))
            }
            Self::Engine { .. } => "use `--engine skerry`".into(),
        })
    }
}
