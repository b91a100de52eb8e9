//! The cluster stage from the outside.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests say what they skipped and measured"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod beyond;
mod engine;
mod files;
mod golden;
mod notebook;
mod predict;
mod property;
mod reference;
mod tables;
mod trust;
