//! What can go wrong while drawing.

use std::path::PathBuf;

use stage::Hint;

use crate::options::{MOST_PIXELS, PIXEL_BYTES};

/// Why no map could be drawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the run could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifacts::Error),
    /// The files belong to different runs.
    #[error("{first} holds {rows} rows, but {second} holds {others}")]
    RowCounts {
        /// The name of one file.
        first: &'static str,
        /// Its rows.
        rows: usize,
        /// The name of the other.
        second: &'static str,
        /// Its rows.
        others: usize,
    },
    /// The names were made for other clusters.
    #[error("{} does not name the clusters of {}: {fault}", topics.display(), clusters.display())]
    OtherNames {
        /// The file of the names.
        topics: PathBuf,
        /// The file of the clusters.
        clusters: PathBuf,
        /// What does not fit.
        fault: String,
    },
    /// A column was asked for that is not there.
    #[error("there is no column `{name}` to show ({})", if found.is_empty() { "there is none beside the text".to_owned() } else { format!("there is: {found}") })]
    NoSuchColumn {
        /// What was asked for.
        name: String,
        /// What is there.
        found: String,
    },
    /// Clusters are numbered in 16 bits.
    #[error("there are {clusters} clusters, and the page can show 65,534")]
    TooManyClusters {
        /// How many there are.
        clusters: usize,
    },
    /// A text is longer than 4 GiB.
    #[error("the text of document {row} is longer than 4 GiB")]
    TextTooLong {
        /// The document.
        row: usize,
    },
    /// Compressing failed.
    #[error("the texts could not be compressed")]
    Compress {
        /// The cause.
        source: std::io::Error,
    },
    /// The font of the pictures cannot be used.
    #[error("the font is no TrueType or OpenType font")]
    Font,
    /// A file that was named cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The picture could not be written as PNG.
    #[error("the picture could not be written as PNG")]
    Png {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A picture of this size cannot be drawn.
    #[error(
        "a picture of {width} x {height} pixels cannot be drawn: it would take {} MiB",
        (u64::from(*width) * u64::from(*height) * PIXEL_BYTES) >> 20
    )]
    PictureSize {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// This build has no Plotly.
    #[error("the renderer `{name}` is not in this build")]
    NotCompiledIn {
        /// The renderer.
        name: &'static str,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Artifact(error) => return error.hint(),
            Self::RowCounts { .. } => {
                "name files of one run: row order is identity in all of them".to_owned()
            }
            Self::OtherNames { .. } => {
                "name these clusters: `skerry run --from label`, or run the stage `label` again"
                    .to_owned()
            }
            Self::NoSuchColumn { .. } => {
                "name columns of documents.parquet with `--columns`".to_owned()
            }
            Self::TooManyClusters { .. } => "cluster with a larger `--min-cluster-size`".to_owned(),
            Self::TextTooLong { .. } => "shorten the text before ingesting it".to_owned(),
            Self::Font | Self::Read { .. } => {
                "name a .ttf or .otf file with `--font`, or leave the flag away".to_owned()
            }
            Self::PictureSize { .. } => {
                format!(
                    "choose `--picture-width` and `--picture-height` from 200 to 20000, at most {} million pixels in all",
                    MOST_PIXELS / 1_000_000
                )
            }
            Self::NotCompiledIn { name } => {
                format!("build with `--features {name}`, or use `--renderer skerry`")
            }
            Self::Compress { .. } | Self::Png { .. } => return None,
        })
    }
}
