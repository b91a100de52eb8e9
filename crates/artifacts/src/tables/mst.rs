//! `mst.parquet`: the minimum spanning tree.

use crate::ClusterFacts;
use crate::declare::table;

table! {
    /// The minimum spanning tree of the mutual reachability distances.
    Mst: "mst", version 1, by "cluster", "the minimum spanning tree of the mutual reachability distances, shortest edge first",
    facts ClusterFacts;
    {
        /// Smaller id of the edge.
        from: Vec<i64>,
        /// Larger id of the edge.
        to: Vec<i64>,
        /// Mutual reachability distance; never decreases.
        distance: Vec<f64>,
    }
}
