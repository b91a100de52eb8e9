//! The method from the outside.

#![allow(
    clippy::print_stdout,
    reason = "tests report the figures that they measured"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod golden;
mod hierarchy;
mod notebook;
mod property;
mod reference;
mod tables;
