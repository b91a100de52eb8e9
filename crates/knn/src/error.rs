//! What can go wrong, and what to do about it.

use std::path::PathBuf;

use stage::Bytes;

use crate::isolate::Faults;

/// Why there is no answer.
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
        /// What is wrong with which row.
        fault: vectors::Error,
    },
    /// A search could not be made.
    #[error(transparent)]
    Search(#[from] vectors::Error),
    /// There are no two rows to be neighbors.
    #[error("{n} rows have no neighbors{}", apart(*faults))]
    TooFewRows {
        /// How many there are.
        n: usize,
        /// The rows set apart.
        faults: Faults,
    },
    /// An option has a value that means nothing.
    #[error("{option} is {value}, but should be {expected}")]
    Option {
        /// The flag.
        option: &'static str,
        /// What it was given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// The work would take more memory than allowed.
    #[error(
        "{backend} on {n} rows of {d} values with k = {k} needs about {need}, but the limit is {limit}"
    )]
    Memory {
        /// The backend that was asked.
        backend: &'static str,
        /// Rows.
        n: usize,
        /// Values a row.
        d: usize,
        /// Neighbors a row.
        k: usize,
        /// What it would take.
        need: Bytes,
        /// What it may take.
        limit: Bytes,
        /// What would fit.
        choices: String,
    },
    /// The backend was left out of this build.
    #[error("this build does not have the backend {name}")]
    NotInThisBuild {
        /// The backend, which is also the cargo feature that brings it.
        name: &'static str,
    },
    /// The backend is planned.
    #[error("the backend {name} does not exist yet")]
    NotYet {
        /// The backend.
        name: &'static str,
    },
    /// The engine behind a backend failed.
    #[error("{backend} cannot {action}: {message}")]
    Engine {
        /// The backend.
        backend: &'static str,
        /// What it was doing.
        action: &'static str,
        /// What the engine said.
        message: String,
    },
    /// A backend broke the contract.
    #[error("{backend} answered row {row} with id {id}, but there are {n} rows")]
    UnknownId {
        /// The backend.
        backend: &'static str,
        /// The row that was asked.
        row: usize,
        /// What it answered.
        id: u32,
        /// How many rows there are.
        n: usize,
    },
}

/// What to add where rows were set apart.
fn apart(faults: Faults) -> String {
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
            Error::Rows { fault: vectors::Error::ZeroRow { .. }, .. } => Some(
                "rows of zeros are often empty texts; `--bad-rows isolate` sets them apart, `--metric l2` takes them as they are"
                    .to_owned(),
            ),
            Error::Rows { fault: vectors::Error::NotFinite { .. }, .. } => Some(
                "look at what wrote it; `--bad-rows isolate` sets such rows apart".to_owned(),
            ),
            Error::Rows { fault: source, .. } | Error::Search(source) => source.hint(),
            Error::TooFewRows { .. } => Some("at least 2 rows are needed".to_owned()),
            Error::Option { .. } | Error::UnknownId { .. } => None,
            Error::Memory { choices, .. } => Some(choices.clone()),
            Error::NotInThisBuild { name } => Some(format!(
                "build with `cargo build --release --features knn/{name}`, or choose another `--backend`"
            )),
            Error::NotYet { .. } => Some("choose another `--backend`".to_owned()),
            Error::Engine { .. } => Some("look at the options of this backend, or choose another `--backend`".to_owned()),
        }
    }
}
