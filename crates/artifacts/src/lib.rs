//! The artifacts crate.
