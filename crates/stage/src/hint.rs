//! Errors with hints.

use std::error::Error;
use std::fmt::Write as _;

/// An error with a remedy.
pub trait Hint {
    /// The remedy, in the imperative: "choose `--k 9` or less".
    fn hint(&self) -> Option<String>;
}

impl Hint for artifacts::Error {
    fn hint(&self) -> Option<String> {
        self.hint()
    }
}

/// The error message with its causes and its hint.
pub fn explain(error: &(dyn Error + 'static), hint: Option<&str>) -> String {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, "\n  because: {cause}");
        source = cause.source();
    }
    if let Some(hint) = hint {
        let _ = write!(text, "\n  hint: {hint}");
    }
    text
}
