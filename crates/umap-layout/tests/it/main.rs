//! The method from the outside: quality, reproducibility, errors.

#![expect(
    clippy::print_stderr,
    reason = "tests report the figures that they measured"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod data;
mod quality;
mod reproducible;
