//! The contract, held to from the outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod atomic;
mod checksums;
mod damaged;
mod docs;
mod foreign;
mod round_trip;
