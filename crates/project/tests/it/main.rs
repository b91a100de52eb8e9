//! The project stage from outside: quality, reproducibility, files.

#![allow(clippy::unwrap_used, reason = "tests")]

mod data;
mod files;
mod quality;
mod reproducible;
