//! The viz crate.
