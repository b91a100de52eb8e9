//! Errors with hints.

/// An error with a remedy.
pub trait Hint {
    /// The remedy, in the imperative: "choose `--k 9` or less".
    fn hint(&self) -> Option<String>;

    /// Whether the command line or a setting is wrong, whatever the files contain; then the exit status is 2 instead of 1.
    fn is_usage(&self) -> bool {
        false
    }
}

impl Hint for artifacts::Error {
    fn hint(&self) -> Option<String> {
        self.hint()
    }

    fn is_usage(&self) -> bool {
        matches!(self, Self::Target { .. })
    }
}
