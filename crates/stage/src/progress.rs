//! What a library says while it works.

/// Where a stage tells what it does. Called from any thread.
pub trait Progress: Sync {
    /// A task begins: "searching", of so many `unit`s where that is known.
    fn begin(&self, task: &str, total: Option<u64>, unit: &'static str);
    /// So many more units are done.
    fn advance(&self, by: u64);
    /// The task has ended.
    fn end(&self);
    /// Something worth knowing, such as a choice that was made for the user.
    fn note(&self, message: &str);
    /// Something that the user should look into. Kept in the report.
    fn warn(&self, message: &str);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _task: &str, _total: Option<u64>, _unit: &'static str) {}
    fn advance(&self, _by: u64) {}
    fn end(&self) {}
    fn note(&self, _message: &str) {}
    fn warn(&self, _message: &str) {}
}
