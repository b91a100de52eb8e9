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
    /// The neighbors are no distances nearest first.
    #[error("{} is no graph to cluster on", path.display())]
    Lists {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: graph::Error,
    },
    /// The vectors cannot be searched.
    #[error("the embeddings cannot be searched")]
    Search(#[from] exact_knn::Error),
    /// The lists are shorter than the density is measured over.
    #[error("min_samples is {min_samples}{}, but each row has {k} neighbors", if *itself { " with the row itself" } else { "" })]
    FewNeighbors {
        /// What was asked for.
        min_samples: usize,
        /// Whether the row itself counts in it.
        itself: bool,
        /// Neighbors a row.
        k: usize,
    },
    /// Fewer neighbors are there than were to be used.
    #[error("use_k is {use_k}, but each row has {k} neighbors")]
    UseK {
        /// What was asked for.
        use_k: usize,
        /// What is there.
        k: usize,
    },
    /// An option that makes no sense.
    #[error("{option} is {value}; it must be {range}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// The vectors are needed and not there.
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
    /// Nobody says by what the distances were measured.
    #[error("{} does not say which metric its distances have", path.display())]
    NoMetric {
        /// The file.
        path: PathBuf,
    },
    /// The flag contradicts the file.
    #[error("{} holds {found} distances, not {asked}", path.display())]
    OtherMetric {
        /// The file.
        path: PathBuf,
        /// What its footer says.
        found: Metric,
        /// What was asked for.
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
    /// A file that has to say how it was made does not.
    #[error("{} does not say how it was made", path.display())]
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
    /// A condensed tree that is none.
    #[error("row {row} of {} is no part of a tree: {child} leaves {parent}", path.display())]
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
    /// The vectors that were laid out are needed and not there.
    #[error("the clusters were made in a layout, {}, and the vectors that were laid out are not there", path.display())]
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
    /// There are no two old rows to be near to.
    #[error("the clustering has fewer than two rows with a direction")]
    NothingToCompare,
    /// One file of new rows is needed.
    #[error("{found} files of new rows were named; it takes one")]
    Sources {
        /// How many there were.
        found: usize,
    },
    /// The other engine has no such thing.
    #[error("the hdbscan engine gives labels by excess of mass alone, without `{option}`")]
    LabelsAlone {
        /// What was asked of it.
        option: &'static str,
    },
    /// The other engine failed.
    #[error("the hdbscan engine failed: {fault}")]
    Engine {
        /// What it said.
        fault: String,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Lists { fault, .. } => return fault.hint(),
            Self::Search(error) => return error.hint(),
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
            Self::NoMetric { .. } => "say it: `--metric cosine` or `--metric l2`".into(),
            Self::OtherMetric { .. } => "leave `--metric` out; it is for files that do not say".into(),
            Self::OtherVectors { .. } => "the two files are of different vectors, or `--metric` is not theirs: run knn again".into(),
            Self::NotOurs { .. } => "run `skerry cluster` again: its files say what predictions need".into(),
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
