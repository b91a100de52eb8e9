//! The project crate.
