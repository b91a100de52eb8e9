//! Errors of reading and writing files.

use std::path::{Path, PathBuf};

/// Why a file could not be read or written. `Display` states the fact, [`Error::hint`] the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system reported an error.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// "read", "write", "create" ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Something other than a file is at the path to write to.
    #[error("{} is {found}, not a file", path.display())]
    Target {
        /// The path.
        path: PathBuf,
        /// The found type.
        found: &'static str,
    },
    /// The file is no Parquet or Arrow file, or a damaged one.
    #[error("{} is not a readable {format} file", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// "Parquet" or "Arrow IPC".
        format: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The footer says that this is another kind of file.
    #[error("{} holds {found}, not {expected}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// The expected kind.
        expected: &'static str,
        /// The kind in the footer.
        found: String,
    },
    /// This program does not read the version in the footer.
    #[error("{} is {kind} version {found}, but this program reads version {expected}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The kind of file.
        kind: &'static str,
        /// The version this program reads.
        expected: u32,
        /// The version in the footer.
        found: u32,
    },
    /// The compression is not supported.
    #[error("{} is compressed with {codec}, which this program does not read", path.display())]
    Codec {
        /// The file.
        path: PathBuf,
        /// Its codec.
        codec: String,
        /// The supported compression.
        readable: &'static str,
    },
    /// A column is missing.
    #[error("{} has no column `{column}` (it has: {found})", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The existing columns.
        found: String,
    },
    /// A column has the wrong type.
    #[error("column `{column}` of {} has type {found}, expected {expected}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The expected type.
        expected: &'static str,
        /// The found type.
        found: String,
    },
    /// A value breaks the contract.
    #[error("{}, row {row}: {fault}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, counted from 0.
        row: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// The file as a whole breaks the contract.
    #[error("{}: {fault}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}

impl Error {
    /// The remedy.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io {
                action: "read",
                source,
                ..
            } if source.kind() == std::io::ErrorKind::NotFound => {
                "run the stage that writes this file first, or give another file".to_owned()
            }
            Self::Io { action: "read", .. } => "check that the file is readable".to_owned(),
            Self::Io { .. } => {
                "check that the directory exists, is writable, and has free space".to_owned()
            }
            Self::Target { .. } => {
                "give the path of a file; it is written to a temporary file, then renamed"
                    .to_owned()
            }
            Self::Format { .. } => {
                "write the file again; if it was copied, check that the copy is complete".to_owned()
            }
            Self::Codec { readable, .. } => format!("write the file again {readable}"),
            Self::Kind { expected, .. } => format!("give a file of kind {expected}"),
            Self::Version { .. } => {
                "run the stage that writes it again with this version".to_owned()
            }
            Self::MissingColumn { .. } | Self::ColumnType { .. } => {
                "docs/artifacts.md lists the columns of every file".to_owned()
            }
            Self::Row { .. } | Self::Shape { .. } => {
                "repair the file, or write it again from its source".to_owned()
            }
        })
    }

    /// An error about a whole file.
    pub fn shape(path: &Path, fault: impl Into<String>) -> Self {
        Self::Shape {
            path: path.to_owned(),
            fault: fault.into(),
        }
    }

    /// An error about one row.
    pub fn row(path: &Path, row: usize, fault: impl Into<String>) -> Self {
        Self::Row {
            path: path.to_owned(),
            row,
            fault: fault.into(),
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// An error of the Parquet writer, which can only come from the file system: the values are already checked.
    pub(crate) fn written<S>(path: &Path) -> impl FnOnce(S) -> Self
    where
        S: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::io("write", path)(std::io::Error::other(source))
    }

    pub(crate) fn parquet<S>(path: &Path) -> impl FnOnce(S) -> Self
    where
        S: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Format {
            path: path.to_owned(),
            format: "Parquet",
            source: source.into(),
        }
    }
}
