//! Errors of `skerry models`.

use std::path::PathBuf;

/// Why models or vectors cannot be removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such model.
    #[error("there is no model `{name}` on this machine")]
    Unknown {
        /// The given name.
        name: String,
        /// The models that there are.
        known: Vec<String>,
    },
    /// No vectors are cached for this model.
    #[error("no vectors are cached for `{name}`")]
    NoVectors {
        /// The given name.
        name: String,
        /// The models for which there are some.
        known: Vec<String>,
    },
    /// A revision alone cannot be removed.
    #[error("`{name}` names a revision, but a model is removed with all of them")]
    Revision {
        /// The given name.
        name: String,
    },
    /// The lock of the model cannot be held.
    #[error("{name}: {message}")]
    Locked {
        /// The model.
        name: String,
        /// The cause.
        message: String,
    },
    /// The lock of Skerry's cache cannot be held.
    #[error(transparent)]
    Lock(#[from] stage::packages::Error),
    /// A cache cannot be changed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// "remove".
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { known, .. } | Self::NoVectors { known, .. } if known.is_empty() => {
                "there are none at all".to_owned()
            }
            Self::Unknown { known, .. } => format!("there are {}", known.join(", ")),
            Self::NoVectors { known, .. } => format!("there are some for {}", known.join(", ")),
            Self::Lock(error) => return stage::Hint::hint(error),
            Self::Revision { .. } => "give owner/name".to_owned(),
            Self::Locked { .. } | Self::Io { .. } => {
                "check the permissions of the directory, and that no other program uses it"
                    .to_owned()
            }
        })
    }
}
