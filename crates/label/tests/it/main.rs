//! Tests of the stage label, from literals.

#![allow(clippy::unwrap_used, reason = "tests")]

mod clean;
mod names;
mod run;
mod tokenize;
