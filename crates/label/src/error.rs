//! Errors of the stage.

use std::path::PathBuf;

use stage::Hint;
use topic_names::language::LANGUAGES;

/// Why the clusters could not be named.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
    /// An option is out of range.
    #[error("--{option} is {value}; it must be {expected}")]
    Option {
        /// The flag.
        option: &'static str,
        /// Its value.
        value: String,
        /// The valid values.
        expected: &'static str,
    },
    /// There are no stop words for a language.
    #[error("there are no stop words for the language `{code}`")]
    Language {
        /// Its code.
        code: String,
    },
    /// Two files have different numbers of documents.
    #[error("{} has {rows} rows, but there are {documents} documents", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// Number of its rows.
        rows: usize,
        /// Number of documents.
        documents: usize,
    },
    /// `clusters.parquet` and `cluster_info.parquet` hold different clusters.
    #[error("{}: {fault}", path.display())]
    Clusters {
        /// The file.
        path: PathBuf,
        /// The difference.
        fault: String,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Option {
                option, expected, ..
            } => Some(format!("choose `--{option}` {expected}")),
            Self::Language { .. } => {
                let codes: Vec<&str> = LANGUAGES.iter().map(|language| language.code).collect();
                Some(format!(
                    "choose one of {}, or `--language auto`",
                    codes.join(", ")
                ))
            }
            Self::Rows { .. } => Some(
                "use files of the same run: they have one row per document, in the same order"
                    .to_owned(),
            ),
            Self::Clusters { .. } => {
                Some("use two files that the same run of `cluster` wrote".to_owned())
            }
        }
    }
}
