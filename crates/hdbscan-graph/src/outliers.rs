//! GLOSH outlier scores (Campello, Moulavi, Zimek and Sander 2015), as hdbscan 0.8.40 gives them.

use crate::condense::CondensedTree;
use crate::tree::ClusterTree;

/// The outlier score of each point, 0 to 1: 1 - lambda / the largest lambda of the cluster that it leaves.
///
/// As in hdbscan up to 0.8.40, from which the published figures come, only points that leave the same cluster are compared.
/// hdbscan 0.8.41 and the paper include the clusters below it, so that points outside of all clusters score higher. Takes
/// O(rows).
pub fn outlier_scores(tree: &CondensedTree, clusters: &ClusterTree) -> Vec<f64> {
    let n = tree.points;
    let mut score = vec![0.0; n];
    for row in 0..tree.len() {
        let point = tree.child[row] as usize;
        if point < n {
            let most = clusters.max_lambda[tree.parent[row] as usize - n];
            score[point] = if most > 0.0 {
                (most - tree.lambda[row]) / most
            } else {
                0.0
            };
        }
    }
    score
}
