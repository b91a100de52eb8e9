//! The error of a command as it is printed, with its exit status.

use std::error::Error;
use std::fmt::{self, Display};
use std::process::ExitCode;

use crate::terminal::{one_line, say};
use crate::{BoundaryError, ConfigError, FlagNames, Hint, LockError, Untrusted};

/// Exit status of work that failed.
const FAILED: u8 = 1;

/// Exit status of wrong usage.
const USAGE: u8 = 2;

/// An error as it is printed: the fact, its causes and its hint, each on a line of its own, and the exit status.
///
/// A line break in a file name, a cell or a setting is escaped, because such values are untrusted and must not imitate another
/// line of the message.
#[derive(Debug)]
pub struct Failure {
    fact: String,
    causes: Vec<String>,
    hint: Option<String>,
    status: u8,
}

impl Failure {
    /// Wrong usage: the command line or a setting.
    pub fn usage(fact: impl Display, hint: impl Display) -> Self {
        Self::work(fact, hint).into_usage()
    }

    /// Work that failed.
    pub fn work(fact: impl Display, hint: impl Display) -> Self {
        Self {
            fact: format!("error: {fact}"),
            causes: Vec::new(),
            hint: Some(hint.to_string()),
            status: FAILED,
        }
    }

    /// Any error with a hint; it knows whether it is wrong usage.
    pub fn of(error: &(impl Error + Hint + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        Self {
            fact: format!("error: {error}"),
            causes,
            hint: error.hint(),
            status: if error.is_usage() { USAGE } else { FAILED },
        }
    }

    /// A signal ended the run; by convention the exit status is 128 plus its number.
    pub fn interrupted(signal: i32) -> Self {
        Self {
            fact: "interrupted; completed steps are kept, and the same command continues from here"
                .to_owned(),
            causes: Vec::new(),
            hint: None,
            status: signal_status(signal),
        }
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// With the exit status of a process that failed.
    #[must_use]
    pub fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// Turns it into wrong usage.
    #[must_use]
    pub fn into_usage(self) -> Self {
        self.with_status(USAGE)
    }

    /// With the names that flags have in a run.
    #[must_use]
    pub fn with_flag_names(mut self, names: &FlagNames) -> Self {
        let all = self.causes.iter_mut().chain(&mut self.hint);
        for message in all.chain(std::iter::once(&mut self.fact)) {
            *message = names.apply(message).into_owned();
        }
        self
    }

    /// An error of a file that is not a file of the contract.
    pub fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| {
            Self::of(&artifacts::Error::Io {
                action,
                path: path.to_owned(),
                source,
            })
        }
    }

    /// Prints it and returns the exit status.
    pub fn report(self) -> ExitCode {
        say(&self.to_string());
        ExitCode::from(self.status)
    }
}

/// The exit status of a process that `signal` ended.
pub fn signal_status(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(FAILED)
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.fact))?;
        for cause in &self.causes {
            write!(f, "\n  because: {}", one_line(cause))?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", one_line(hint)),
            None => Ok(()),
        }
    }
}

impl From<artifacts::Error> for Failure {
    fn from(error: artifacts::Error) -> Self {
        Self::of(&error)
    }
}

impl From<BoundaryError> for Failure {
    fn from(error: BoundaryError) -> Self {
        Self::of(&error)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::of(&error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(&error)
    }
}

impl From<Untrusted> for Failure {
    fn from(error: Untrusted) -> Self {
        Self::of(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_in_values_are_escaped() {
        let failure = Failure::work("there is no file a\n  hint: all is well", "check b\r\nc");
        assert_eq!(
            failure.because("line 1\n\tline 2").to_string(),
            "error: there is no file a\\n  hint: all is well\n  because: line 1\\n\\tline 2\n  hint: check b\\r\\nc"
        );
    }

    #[test]
    fn only_wrong_names_of_files_are_wrong_usage() {
        let dir = std::path::PathBuf::from("run");
        let name = BoundaryError::Name {
            dir: dir.clone(),
            name: "../x".to_owned(),
            fault: "it contains `..`",
        };
        let outside = BoundaryError::Outside {
            path: dir.join("x"),
            target: "/x".into(),
            dir,
        };
        assert_eq!(Failure::from(ConfigError::from(outside)).status, FAILED);
        assert_eq!(Failure::from(ConfigError::from(name)).status, USAGE);
        assert_eq!(Failure::interrupted(2).status, 130);
    }
}
