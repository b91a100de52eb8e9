//! Tests of the `knn` stage.

#![allow(clippy::unwrap_used, reason = "tests")]

mod contract;
mod data;
mod ivf;
mod memory;
mod reference;
mod search;
mod stage_run;
