//! Tests of the method, from literals.

#![allow(clippy::unwrap_used, reason = "tests")]

mod clean;
mod names;
mod tokenize;
