//! The embed crate.
