//! `topics.parquet`: the name and key phrases of each cluster.

use crate::TopicsFacts;
use crate::declare::row_table;

row_table! {
    /// The name and key phrases of each cluster.
    Topics: "topics", version 1, by "label",
    "the name and key phrases of each cluster; no coordinates, so that a new layout renames nothing",
    facts TopicsFacts;
    /// By layer, then by cluster.
    rows;
    /// A topic: a cluster with its name and key phrases.
    Topic {
        /// Layer, as in `cluster_info`.
        layer: i32,
        /// Cluster.
        cluster: i32,
        /// Cluster of the next coarser layer that holds it (of layer 0 for layer -1); -1 in the coarsest layer.
        parent: i32,
        /// Name.
        name = "label": String,
        /// Key phrases, largest weight first.
        keywords: Vec<String>,
        /// Number of its documents.
        size: i64,
        /// Documents that show what it is about.
        exemplar_ids: Vec<i64>,
    }
}
