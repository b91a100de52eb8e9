//! Tests of the `knn` stage.

#![allow(clippy::unwrap_used, reason = "tests")]

mod contract;
mod data;
mod memory;
mod partitioned;
mod reference;
mod search;
mod stage_run;
