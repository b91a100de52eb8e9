//! The project stage from outside: quality, reproducibility, files.

#![expect(clippy::print_stderr, reason = "tests say what they skip and measure")]

mod data;
mod files;
mod quality;
mod reproducible;
