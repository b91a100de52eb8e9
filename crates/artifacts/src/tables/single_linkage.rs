//! `single_linkage.parquet`: the single linkage tree.

use crate::ClusterFacts;
use crate::declare::table;

table! {
    /// The single linkage tree in the format of scipy, for n documents: merge i makes node n + i.
    SingleLinkage: "single_linkage", version 1, by "cluster", "the single linkage tree, in the order of scipy's linkage",
    facts ClusterFacts;
    {
        /// Document (below n) or earlier merge n + i.
        left: Vec<i64>,
        /// The other merged node.
        right: Vec<i64>,
        /// Mutual reachability distance of the merge; never decreases.
        distance: Vec<f64>,
        /// Number of documents in the merged node.
        size: Vec<i64>,
    }
}
