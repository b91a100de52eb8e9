//! The cluster stage from the outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod files;
mod golden;
mod notebook;
mod property;
mod reference;
mod shared;
mod trust;
