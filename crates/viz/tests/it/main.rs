//! Tests of the stage viz: whole files in, whole files out.

#![allow(clippy::unwrap_used, reason = "tests")]

mod fixture;
mod layers;
mod letters;
mod names;
mod numbering;
