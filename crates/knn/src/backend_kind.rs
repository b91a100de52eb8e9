//! The names of the search backends.

use serde::{Deserialize, Serialize};

/// The backends by their names on the command line, including those that are not in this build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// Brute force: all pairs, exact
    #[default]
    #[value(name = "flat", alias = "brute-force")]
    #[serde(rename = "flat", alias = "brute-force")]
    BruteForce,
    /// Inverted file (IVF), for tables too large for brute force
    #[value(name = "partitioned", alias = "ivf")]
    #[serde(rename = "partitioned", alias = "ivf")]
    Ivf,
    /// HNSW graph (crate `usearch`)
    #[cfg_attr(
        not(feature = "hnsw"),
        doc = "[not in this build: needs --features hnsw]"
    )]
    Hnsw,
    /// Any index of Faiss
    #[cfg_attr(
        not(feature = "faiss"),
        doc = "[not in this build: needs --features faiss]"
    )]
    Faiss,
    /// Collection of Milvus: a server, a cluster, or Milvus Lite on a file
    #[cfg_attr(
        not(feature = "milvus"),
        doc = "[not in this build: needs --features milvus]"
    )]
    Milvus,
}

impl BackendKind {
    /// All backends.
    pub const ALL: [BackendKind; 5] = [
        BackendKind::BruteForce,
        BackendKind::Ivf,
        BackendKind::Hnsw,
        BackendKind::Faiss,
        BackendKind::Milvus,
    ];
}
