//! The cluster stage from the outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod reference;
mod shared;
