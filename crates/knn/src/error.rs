//! Errors of the stage, with remedies.

use std::path::PathBuf;

use stage::{Bytes, counted};

use crate::invalid_rows::InvalidRows;

/// Why the stage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
    /// The vectors in a file cannot be searched.
    #[error("{}: {fault}", path.display())]
    Rows {
        /// The file.
        path: PathBuf,
        /// The row and its fault.
        fault: exact_knn::Error,
    },
    /// The search failed.
    #[error(transparent)]
    Search(#[from] exact_knn::Error),
    /// There are fewer than two rows.
    #[error("a table of {} has no neighbors{}", counted(*n, "row"), isolated(*faults))]
    TooFewRows {
        /// Number of rows.
        n: usize,
        /// The isolated rows.
        faults: InvalidRows,
    },
    /// An option has an invalid value.
    #[error("{option} is {value}, but should be {expected}")]
    Option {
        /// The flag.
        option: &'static str,
        /// Its value.
        value: String,
        /// The valid values.
        expected: &'static str,
    },
    /// The search needs more memory than allowed.
    #[error(
        "{backend} on {n} rows of {d} values with k = {k} needs about {need}, but the limit is {limit}"
    )]
    Memory {
        /// The backend.
        backend: &'static str,
        /// Number of rows.
        n: usize,
        /// Values per row.
        d: usize,
        /// Neighbors per row.
        k: usize,
        /// The memory needed.
        need: Bytes,
        /// The memory allowed.
        limit: Bytes,
        /// The remedies.
        choices: String,
    },
    /// This build does not have the backend.
    #[error("this build does not have the backend {name}")]
    NotInThisBuild {
        /// The backend, which is also its cargo feature.
        name: &'static str,
    },
    /// The engine behind a backend failed.
    #[error("{backend} cannot {action}: {message}")]
    Engine {
        /// The backend.
        backend: &'static str,
        /// The failed action.
        action: &'static str,
        /// The message of the engine.
        message: String,
    },
    /// A backend returned an id that is no row.
    #[error("{backend} returned id {id} for row {row}, but there are {n} rows")]
    UnknownId {
        /// The backend.
        backend: &'static str,
        /// The row searched for.
        row: usize,
        /// The id.
        id: i64,
        /// Number of rows.
        n: usize,
    },
    /// The backend milvus failed.
    #[cfg(feature = "milvus")]
    #[error(transparent)]
    Milvus(#[from] crate::backends::milvus::Error),
}

/// The part of a message about isolated rows.
fn isolated(faults: InvalidRows) -> String {
    if faults.total() == 0 {
        String::new()
    } else {
        format!(" ({faults})")
    }
}

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Error::File(error) => error.hint(),
            Error::Rows { fault: exact_knn::Error::ZeroRow { .. }, .. } => Some(
                "rows of zeros are often empty texts; leave them out with `--bad-rows isolate`, or use `--metric l2`"
                    .to_owned(),
            ),
            Error::Rows { fault: exact_knn::Error::NotFinite { .. }, .. } => Some(
                "check the program that wrote it, or leave such rows out with `--bad-rows isolate`".to_owned(),
            ),
            Error::Rows { fault: source, .. } | Error::Search(source) => source.hint(),
            Error::TooFewRows { .. } => Some("provide at least 2 rows".to_owned()),
            Error::Option { option, .. } => Some(format!("give `{option}` such a value, or leave it out for the default")),
            Error::Memory { choices, .. } => Some(choices.clone()),
            Error::NotInThisBuild { name } => Some(format!(
                "build with `cargo build --release --features {name}`, or choose another `--backend`"
            )),
            Error::UnknownId { .. } => Some("choose another `--backend`".to_owned()),
            #[cfg(feature = "milvus")]
            Error::Milvus(error) => error.hint(),
            Error::Engine { .. } => Some("check the options of this backend, or choose another `--backend`".to_owned()),
        }
    }
}
