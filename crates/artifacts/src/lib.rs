//! The contract between the stages: the files of a run, their columns, and the footers by which they explain
//! themselves.
//!
//! This is the only crate that names a column or opens Parquet. A type stands for a file; it reads with checks and
//! writes whole or not at all. `docs/artifacts.md` is generated from here.

mod checksum;
mod clusters;
mod contract;
mod documents;
mod embeddings;
mod error;
mod file;
mod fixed;
mod footer;
mod intake;
mod ipc;
mod map;
mod neighbors;
mod predictions;
mod table;
mod tree;

pub use checksum::verify;
pub use clusters::{ClusterInfo, ClusterRow, Clusters, Membership, Sweep, SweepRow};
pub use contract::{Artifact, Column, page};
pub use documents::{Documents, Duplicates};
pub use embeddings::{Embeddings, Shape};
pub use error::Error;
pub use file::{
    check_target, remove_litter, sha256, sha256_of, sha256_of_reader, write_atomic, write_bytes,
};
pub use footer::{FOOTER_KEY, Footer, Lineage};
pub use intake::Intake;
pub use map::{Label, Labels, Map, Projection, Topic, Topics};
pub use neighbors::Neighbors;
pub use predictions::Predictions;
pub use table::Stored;
pub use tree::{CondensedTree, Mst, SingleLinkage};

/// Column names of ours that a source column may not bear: it becomes `source_<name>`.
pub const RESERVED: [&str; 14] = [
    "id",
    "text",
    "source_row",
    "copies",
    "x",
    "y",
    "cluster",
    "cluster_assigned",
    "label",
    "probability",
    "outlier_score",
    "neighbors",
    "preserved",
    "embedding",
];
