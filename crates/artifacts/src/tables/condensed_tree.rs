//! `condensed_tree.parquet`: the condensed tree.

use crate::ClusterFacts;
use crate::declare::table;

table! {
    /// The condensed tree in hdbscan's form, for n documents: nodes below n are documents, n is the root.
    CondensedTree: "condensed_tree", version 1, by "cluster", "the condensed tree, with hdbscan's column names",
    facts ClusterFacts;
    {
        /// Cluster that was left; the root is n.
        parent: Vec<i64>,
        /// Document (below n) or cluster (above n) that left it.
        child: Vec<i64>,
        /// 1 / distance at which it left; finite.
        lambda = "lambda_val": Vec<f64>,
        /// Number of documents that left with it.
        child_size: Vec<i64>,
    }
}
