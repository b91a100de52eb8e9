//! The stage crate.
