//! Errors that say what to do.

use std::error::Error;
use std::fmt::Write as _;

/// The remedy that belongs to an error.
pub trait Hint {
    /// What the user can do about it, as an order: "choose `--k 9` or less".
    fn hint(&self) -> Option<String>;
}

impl Hint for artifacts::Error {
    fn hint(&self) -> Option<String> {
        self.hint()
    }
}

/// An error with its causes and its hint, as programs print it.
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
