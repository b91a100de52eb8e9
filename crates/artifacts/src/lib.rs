//! The contract between the stages: the files of a run, their columns and their footers.
//!
//! This is the only crate that names a column or opens Parquet. Each file has a type that reads it with checks and writes
//! it atomically. `docs/artifacts.md` is generated from these declarations.

mod catalog;
mod checksum;
mod columns;
mod contract;
mod declare;
mod error;
mod facts;
mod file;
mod fixed;
mod footer;
mod intake;
mod ipc;
mod milvus;
mod scalars;
mod scratch;
mod table;
mod tables;

pub use catalog::{OTHER_FILES, TABLES, TableInfo, page};
pub use checksum::verify;
pub use contract::{Artifact, Column};
pub use error::Error;
pub use facts::{
    ClusterFacts, DocumentsFacts, EmbeddingsFacts, Fact, Facts, Layer, NeighborsFacts,
    ProjectionFacts, Recall, Stability, TopicsFacts, object as facts_object,
};
pub use file::{
    check_target, remove_stale_temp_files, sha256, sha256_of, sha256_of_reader, write_atomic,
    write_bytes,
};
pub use footer::{Footer, Lineage, RawFacts};
pub use intake::Intake;
pub use milvus::write_milvus_import;
pub use scalars::{ScalarColumn, Scalars};
pub use scratch::ScratchFile;
pub use table::Stored;
pub use tables::{
    ClusterInfo, ClusterRow, Clusters, CondensedTree, Documents, Duplicates, Embeddings, Label,
    Labels, Map, Membership, Mst, Neighbors, Predictions, Projection, Shape, SingleLinkage,
    StaticProjection, StaticTokens, Sweep, SweepRow, Topic, Topics, VectorFile,
};

/// Reserved column names: a source column with such a name becomes `source_<name>`.
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
