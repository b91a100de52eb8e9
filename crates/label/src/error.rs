//! What can go wrong.

use std::path::PathBuf;

use stage::Hint;
use topic_names::language::LANGUAGES;

/// What went wrong while naming clusters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
    /// An option is out of its range.
    #[error("--{option} is {value}; it must be {wants}")]
    Option {
        /// The flag.
        option: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        wants: &'static str,
    },
    /// No stop words are known for a language.
    #[error("no stop words are known for the language `{code}`")]
    Language {
        /// Its code.
        code: String,
    },
    /// Two files are not about the same documents.
    #[error("{} has {rows} rows, and there are {documents} documents", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// Its rows.
        rows: usize,
        /// The rows of the documents.
        documents: usize,
    },
    /// The clusters and what is known of them do not belong together.
    #[error("{}: {fault}", path.display())]
    Clusters {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        fault: String,
    },
}

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Option { option, wants, .. } => Some(format!("choose `--{option}` {wants}")),
            Self::Language { .. } => {
                let codes: Vec<&str> = LANGUAGES.iter().map(|language| language.code).collect();
                Some(format!(
                    "choose one of {}, or `--language auto`",
                    codes.join(", ")
                ))
            }
            Self::Rows { .. } => {
                Some("use files of the same run: one row a document, in the same order".to_owned())
            }
            Self::Clusters { .. } => {
                Some("use the two files that one run of `cluster` wrote".to_owned())
            }
        }
    }
}
