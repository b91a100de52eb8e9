//! `predictions.parquet`: the clusters of new rows in an old clustering.

use crate::declare::table;

table! {
    /// The cluster of each new row, by `skerry predict`.
    Predictions: "predictions", version 1, by "skerry predict",
    "the clusters of new rows in an old clustering, each predicted independently of the others; `skerry embed --run new` \
     makes the vectors, `skerry predict --run runs/latest new/embeddings.parquet` this file";
    id required of cluster: "Row number of the new row in its own embeddings";
    {
        /// Cluster of the old clustering; -1 for noise.
        cluster: Vec<i32>,
        /// Membership probability in that cluster, 0 to 1; 0 for noise. If a layout was clustered, the share of the 5 nearest
        /// old documents that are in the cluster, each weighted by 1 / distance.
        probability: Vec<f32>,
        /// Old document to which the row was attached: the nearest by mutual reachability distance; if a layout was clustered,
        /// the nearest.
        neighbor: Vec<i64>,
        /// Cluster of the nearest old document that is in a cluster, for noise too; -1 if there are no clusters.
        nearest_cluster: Vec<i32>,
        /// Distance to that document, in the unit of the metric; null if there are no clusters.
        nearest_distance: Vec<Option<f32>>,
    }
}
