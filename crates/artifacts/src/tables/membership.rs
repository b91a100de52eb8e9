//! `membership.parquet`: soft membership.

use crate::ClusterFacts;
use crate::declare::table;

table! {
    /// Soft membership: the clusters that each document is likely to belong to.
    Membership: "membership", version 1, by "cluster", "soft membership, the m likeliest clusters of each document (on request)",
    facts ClusterFacts;
    id required of clusters: "Document";
    {
        /// At most m clusters, likeliest first.
        clusters: Vec<Vec<i32>>,
        /// Their shares; they sum to at most 1.
        memberships: Vec<Vec<f32>>,
    }
}
