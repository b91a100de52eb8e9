//! What stops a command: a text for people, and an exit status.

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
    /// The user asked for something that cannot be.
    pub(crate) fn usage(fact: impl Display, hint: impl Display) -> Self {
        Self {
            text: format!("error: {fact}\n  hint: {hint}"),
            status: 2,
        }
    }

    /// Something went wrong.
    pub(crate) fn of(error: &(impl Error + Hint + 'static)) -> Self {
        Self {
            text: explain(error, error.hint().as_deref()),
            status: 1,
        }
    }

    /// The same, found on the command line.
    pub(crate) fn into_usage(self) -> Self {
        Self { status: 2, ..self }
    }

    /// Something went wrong with a file that is no file of the contract.
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

    /// Work that was begun could not be ended; the exit status with it.
    pub(crate) fn work(fact: impl Display, hint: impl Display, status: u8) -> Self {
        Self {
            text: format!("error: {fact}\n  hint: {hint}"),
            status,
        }
    }

    /// A signal ended the run: by custom its number and 128 are the exit status.
    pub(crate) fn interrupted(signal: i32) -> Self {
        Self {
            text: "interrupted; what is done is kept, and the same command goes on from here"
                .to_owned(),
            status: u8::try_from(128 + signal).unwrap_or(1),
        }
    }

    /// Prints it; the exit status.
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
