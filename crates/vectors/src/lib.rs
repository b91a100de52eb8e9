//! The vectors crate.
