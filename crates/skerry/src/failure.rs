//! The error of a command: message and exit status.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

use stage::{Hint, explain};

/// Wrong usage exits with 2, everything else with 1.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    status: u8,
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(fact: impl Display, hint: impl Display) -> Self {
        Self {
            text: format!("error: {fact}\n  hint: {hint}"),
            status: 2,
        }
    }

    /// Any error with a hint.
    pub(crate) fn of(error: &(impl Error + Hint + 'static)) -> Self {
        Self {
            text: explain(error, error.hint().as_deref()),
            status: 1,
        }
    }

    /// Turns it into wrong usage.
    pub(crate) fn into_usage(self) -> Self {
        Self { status: 2, ..self }
    }

    /// An error of a file that is not a file of the contract.
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            Self::of(&artifacts::Error::Io {
                action,
                path: path.to_owned(),
                source,
            })
        }
    }

    /// Work that failed, with its exit status.
    pub(crate) fn work(fact: impl Display, hint: impl Display, status: u8) -> Self {
        Self {
            text: format!("error: {fact}\n  hint: {hint}"),
            status,
        }
    }

    /// A signal ended the run; by convention the exit status is 128 plus its number.
    pub(crate) fn interrupted(signal: i32) -> Self {
        Self {
            text: "interrupted; completed steps are kept, and the same command continues from here"
                .to_owned(),
            status: u8::try_from(128 + signal).unwrap_or(1),
        }
    }

    /// Prints it and returns the exit status.
    pub(crate) fn report(self) -> ExitCode {
        stage::cli::fail(&self.text, self.status)
    }
}

impl From<artifacts::Error> for Failure {
    fn from(error: artifacts::Error) -> Self {
        Self::of(&error)
    }
}

impl From<stage::BoundaryError> for Failure {
    fn from(error: stage::BoundaryError) -> Self {
        Self::of(&error)
    }
}

impl From<stage::LockError> for Failure {
    fn from(error: stage::LockError) -> Self {
        Self::of(&error)
    }
}

impl From<stage::ConfigError> for Failure {
    fn from(error: stage::ConfigError) -> Self {
        Self::of(&error).into_usage()
    }
}
