//! `sweep.parquet`: cluster counts over a range of settings.

use crate::declare::{ZeroOrOne, row_table};

row_table! {
    /// Cluster counts over a range of settings.
    Sweep: "sweep", version 1, by "skerry sweep", "one row per setting of `skerry sweep`";
    /// By `min_samples`, then by `min_cluster_size`.
    rows;
    /// One setting of a sweep and its result.
    SweepRow {
        /// Neighbors used for the core distance.
        min_samples: i32,
        /// Minimum number of documents per cluster.
        min_cluster_size: i32,
        /// Number of clusters found.
        clusters: i32,
        /// Share of documents that are noise.
        noise: f64,
        /// Number of documents in the largest cluster.
        largest: i64,
        /// Relative validity (DBCV on the tree), -1 to 1; null if fewer than two clusters are found.
        validity: Option<f64>,
        /// 1 if the number of clusters drops between the previous setting and this one, else 0.
        cliff: bool as ZeroOrOne,
    }
}
