//! What can go wrong while clustering.

use std::path::PathBuf;

use exact_knn::Metric;
use stage::Hint;

/// Why there is no clustering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
    /// The neighbors are not distances that can be clustered.
    #[error("{} is not a graph that can be clustered", path.display())]
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
    /// The lists are shorter than `min_samples`.
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
    /// An option has a value out of its range.
    #[error("{option} is {value}; it must be {range}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its value.
        value: String,
        /// The values that it takes.
        range: &'static str,
    },
    /// The vectors are needed and there are none.
    #[error("{why}, and there are no embeddings to search")]
    NoEmbeddings {
        /// What they are needed for.
        why: String,
    },
    /// Two files are of different tables.
    #[error("{} has {found} rows where the neighbors have {n}", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// Its rows.
        found: usize,
        /// The rows of the neighbors.
        n: usize,
    },
    /// No file and no flag names the metric.
    #[error("{} does not name the metric of its distances", path.display())]
    NoMetric {
        /// The file.
        path: PathBuf,
    },
    /// The flag contradicts the file.
    #[error("{} holds {found} distances, not {asked}", path.display())]
    OtherMetric {
        /// The file.
        path: PathBuf,
        /// The metric in its footer.
        found: Metric,
        /// The value that was set.
        asked: Metric,
    },
    /// The distances were not measured on these vectors.
    #[error("row {row}: {} gives {listed} as its distance to row {neighbor}, the embeddings give {measured}", path.display())]
    OtherVectors {
        /// The neighbors.
        path: PathBuf,
        /// A row.
        row: usize,
        /// Its nearest neighbor.
        neighbor: u32,
        /// The distance in the file.
        listed: f32,
        /// The distance of the vectors.
        measured: f32,
    },
    /// The full matrix of that many rows is too large.
    #[error("the hdbscan engine builds the full matrix, {n} x {n}; it takes at most {most} rows")]
    TooManyForMatrix {
        /// The rows.
        n: usize,
        /// The limit.
        most: usize,
    },
    /// A file does not record how it was made.
    #[error("{} does not record how it was made", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Two files are of different runs.
    #[error("{} and {} are not of the same run", path.display(), other.display())]
    NotTogether {
        /// One file.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The condensed tree is not a tree.
    #[error("row {row} of {} is not part of a tree: {child} leaves {parent}", path.display())]
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
    /// The original vectors of a layout are needed and missing.
    #[error("the clusters were made in a layout, {}, and its original vectors are missing", path.display())]
    NoVectors {
        /// The layout.
        path: PathBuf,
    },
    /// New vectors of another length.
    #[error("{} has vectors of {found} dimensions, the clustering was made of vectors of {expected}", path.display())]
    Dimensions {
        /// The new file.
        path: PathBuf,
        /// Its dimensions.
        found: usize,
        /// The dimensions of the old one.
        expected: usize,
    },
    /// New vectors of another model.
    #[error("{} was made by another model than {}, or with other settings", path.display(), other.display())]
    OtherModel {
        /// The new file.
        path: PathBuf,
        /// The old file.
        other: PathBuf,
    },
    /// A new row without a direction.
    #[error("row {row} of {} is all zeros: it has no direction to compare", path.display())]
    NoDirection {
        /// The new file.
        path: PathBuf,
        /// The row.
        row: usize,
    },
    /// There are fewer than two old rows to compare with.
    #[error("the clustering has fewer than two rows with a direction")]
    NothingToCompare,
    /// There is not exactly one file of new rows.
    #[error("{found} files of new rows were named; it takes one")]
    Sources {
        /// How many there were.
        found: usize,
    },
    /// The engine `hdbscan` does not support an option.
    #[error("the hdbscan engine gives labels by excess of mass alone, without `{option}`")]
    LabelsAlone {
        /// The option.
        option: &'static str,
    },
    /// The other engine failed.
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
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Lists { fault, .. } => return fault.hint(),
            Self::Search(error) => return error.hint(),
            Self::Method(error) => return error.hint(),
            Self::FewNeighbors { min_samples, itself, k } => {
                let itself = usize::from(*itself);
                format!(
                    "choose `--min-samples {}` or less, or find more neighbors: `skerry knn --k {}`",
                    k + itself,
                    min_samples - itself
                )
            }
            Self::UseK { k, .. } => format!("choose `--use-k {k}` or less, or leave it out to use all"),
            Self::Option { option, range, .. } => format!("`--{}` takes {range}", option.replace('_', "-")),
            Self::NoEmbeddings { .. } => {
                "give the vectors as `--embeddings FILE`, or find more neighbors (`skerry knn --k ...`), which joins components".into()
            }
            Self::Rows { .. } => "cluster needs the neighbors and the embeddings of the same rows: run knn again".into(),
            Self::NoMetric { .. } => "name it: `--metric cosine` or `--metric l2`".into(),
            Self::OtherMetric { .. } => "leave `--metric` out; it is for files that name no metric".into(),
            Self::OtherVectors { .. } => "the two files are of different vectors, or `--metric` is wrong: run knn again".into(),
            Self::NotOurs { .. } => "run `skerry cluster` again: its files record what predictions need".into(),
            Self::NotTogether { .. } => {
                "name the files that the clustering was made from: `--clusters`, `--condensed-tree`, `--neighbors`, `--embeddings`".into()
            }
            Self::Tree { .. } => "run `skerry cluster` again".into(),
            Self::NoVectors { .. } => {
                "name them: `--vectors runs/latest/embeddings.parquet`".into()
            }
            Self::Dimensions { .. } => "embed the new rows with the model of the old ones".into(),
            Self::OtherModel { .. } => {
                "embed the new rows with the model and the settings of the old ones: `skerry embed --config runs/latest/pipeline.toml --run new`".into()
            }
            Self::NoDirection { .. } => "leave that row out".into(),
            Self::NothingToCompare => "cluster a table of more texts".into(),
            Self::Sources { .. } => "name the embeddings of the new rows: `skerry predict --run runs/latest new/embeddings.parquet`".into(),
            Self::TooManyForMatrix { most, .. } => {
                format!("use `--engine skerry`, or cross-check on a sample of up to {most} rows")
            }
            Self::LabelsAlone { option } => {
                format!("leave `--{}` out, or use `--engine skerry`", option.replace('_', "-"))
            }
            Self::Engine { .. } => "use `--engine skerry`".into(),
        })
    }
}
