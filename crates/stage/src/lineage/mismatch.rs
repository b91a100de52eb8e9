//! A mismatch between the inputs of a stage, as an error.

use std::collections::BTreeSet;
use std::path::PathBuf;

use artifacts::Error;

use super::ALLOW;
use crate::{Hint, Manifest, lock};

/// A mismatch between inputs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mismatch {
    /// An input was made from another file than the given one.
    #[error(
        "{} was made from other {name} than {}: it records SHA-256 {recorded}, that file has {found}",
        path.display(), other.display()
    )]
    MadeFromOther {
        /// The file with the record.
        path: PathBuf,
        /// The name of the other file in it.
        name: &'static str,
        /// The other file.
        other: PathBuf,
        /// The hash in the footer, shortened.
        recorded: String,
        /// The hash of the other file, shortened.
        found: String,
        /// Whether the other file is damaged.
        #[source]
        damage: Option<Error>,
    },
    /// Two inputs were made from different files of the same name.
    #[error(
        "{} and {} were made from different {name}: they record SHA-256 {recorded} and {found}",
        path.display(), other.display()
    )]
    MadeApart {
        /// One input.
        path: PathBuf,
        /// The other input.
        other: PathBuf,
        /// The name of the file that they were made from.
        name: String,
        /// The hash in the first, shortened.
        recorded: String,
        /// The hash in the second, shortened.
        found: String,
    },
    /// An input has another hash than in the log of its run.
    #[error(
        "{} has changed since it was written: {} records SHA-256 {recorded}, the file has {found}",
        path.display(), Manifest::FILE
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The directory of the run.
        run: PathBuf,
        /// The hash in the log, shortened.
        recorded: String,
        /// The hash of the file, shortened.
        found: String,
        /// Whether it is damaged.
        #[source]
        damage: Option<Error>,
    },
}

impl Hint for Mismatch {
    fn hint(&self) -> Option<String> {
        Some(match self {
            _ if lock::in_a_run() => {
                "update all files with `skerry run`, without `--only` and `--from`".to_owned()
            }
            Self::Changed { run, .. } => format!(
                "write it again with `skerry run --out {}`; if it was replaced on purpose, accept it with `--{ALLOW}`",
                run.display()
            ),
            _ => format!(
                "give files of one run, or rerun the stages whose inputs have changed; `--{ALLOW}` accepts the files"
            ),
        })
    }
}

/// The first digits of a hash.
pub(super) fn short(hash: &str) -> String {
    let end = hash.char_indices().nth(12).map_or(hash.len(), |(at, _)| at);
    format!("{}...", &hash[..end])
}

/// The first digits of each hash.
pub(super) fn short_of(hashes: &BTreeSet<String>) -> String {
    let all: Vec<String> = hashes.iter().map(|hash| short(hash)).collect();
    all.join(" and ")
}
