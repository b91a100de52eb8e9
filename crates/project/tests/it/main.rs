//! The stage from the outside, from files to files.

mod files;
