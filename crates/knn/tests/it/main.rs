//! Tests of the `knn` stage.

#![allow(clippy::unwrap_used, reason = "tests")]

mod contract;
mod data;
mod ivf;
mod memory;
#[cfg(feature = "milvus")]
mod milvus;
#[cfg(feature = "milvus")]
mod milvus_server;
#[cfg(feature = "milvus")]
mod milvus_tls;
#[cfg(all(feature = "milvus", target_os = "linux"))]
mod real;
mod reference;
mod search;
mod stage_run;
mod streamed;
