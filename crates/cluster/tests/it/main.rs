//! The cluster stage from the outside.

#![allow(
    clippy::print_stdout,
    reason = "tests report the figures that they measured"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod engine;
mod files;
mod predict;
mod provenance;
mod trust;
