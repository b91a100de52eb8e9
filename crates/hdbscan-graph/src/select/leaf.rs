//! The leaves of the condensed tree.

use crate::tree::ClusterTree;

/// Which clusters have none below them. A root that never splits counts with `allow_single_cluster` only.
pub(super) fn leaves(tree: &ClusterTree, allow_single_cluster: bool) -> Vec<bool> {
    let mut leaf = tree.leaf.clone();
    if let Some(root) = leaf.first_mut() {
        *root &= allow_single_cluster;
    }
    leaf
}
