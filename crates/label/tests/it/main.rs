//! Tests of the stage label, from literals.

#![allow(clippy::unwrap_used, reason = "tests")]

mod run;
