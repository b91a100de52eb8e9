//! `cluster_info.parquet`: one row per cluster.

use crate::ClusterFacts;
use crate::declare::row_table;

row_table! {
    /// Figures of each cluster.
    ClusterInfo: "cluster_info", version 1, by "cluster", "one row per cluster",
    facts ClusterFacts;
    /// By layer, then by cluster.
    rows;
    /// Figures of one cluster.
    ClusterRow {
        /// -1 for the column `cluster`, l for the column `cluster_l<l>`.
        layer: i32,
        /// Cluster.
        cluster: i32,
        /// Cluster of the next coarser layer that holds it (of layer 0 for layer -1); -1 in the coarsest layer.
        parent: i32,
        /// Number of its documents.
        size: i64,
        /// Persistence in the tree.
        persistence: f32,
        /// Bootstrap stability: mean Jaccard similarity over random halves, adjusted for chance; null if not computed.
        stability: Option<f32>,
        /// Documents at its core.
        exemplar_ids: Vec<i64>,
    }
}
