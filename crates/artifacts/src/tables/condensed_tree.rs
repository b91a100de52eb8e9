//! `condensed_tree.parquet`: the condensed tree.

use crate::ClusterFacts;
use crate::declare::table;

table! {
    /// The condensed tree in the format of hdbscan, for n documents: nodes below n are documents, n is the root.
    CondensedTree: "condensed_tree", version 1, by "cluster", "the condensed tree, with hdbscan's column names",
    facts ClusterFacts;
    {
        /// Parent cluster; the root is n.
        parent: Vec<i64>,
        /// Child: document (below n) or cluster (above n).
        child: Vec<i64>,
        /// 1 / distance at which the child leaves the parent; finite.
        lambda = "lambda_val": Vec<f64>,
        /// Number of documents of the child.
        child_size: Vec<i64>,
    }
}
