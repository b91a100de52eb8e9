//! Progress reporting.

/// Receives the progress of a stage. Called from any thread.
pub trait Progress: Sync {
    /// A task begins, such as "searching"; `total` is its number of `unit`s, if known.
    fn begin(&self, task: &str, total: Option<u64>, unit: &'static str);
    /// More units are done.
    fn advance(&self, by: u64);
    /// The task has ended.
    fn end(&self);
    /// A note for the user, such as an automatic choice.
    fn note(&self, message: &str);
    /// A warning for the user, kept in the report.
    fn warn(&self, message: &str);
}

/// Ignores all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _task: &str, _total: Option<u64>, _unit: &'static str) {}
    fn advance(&self, _by: u64) {}
    fn end(&self) {}
    fn note(&self, _message: &str) {}
    fn warn(&self, _message: &str) {}
}
