//! Relative validity: DBCV (Moulavi et al. 2014) read off the spanning tree, as hdbscan's `relative_validity_`.

use crate::mst::Edge;

/// Separation of the clusters relative to their sparseness, -1 to 1: the mean over all points, in which noise counts as 0.
/// `None` with fewer than two clusters, for which it is not defined.
///
/// `tree` is a spanning tree under mutual reachability. The score compares clusterings of the same data; values for different
/// data cannot be compared. Takes O(n).
pub fn relative_validity(tree: &[Edge], labels: &[i32], clusters: usize) -> Option<f64> {
    if clusters < 2 {
        return None;
    }
    let mut sparseness = vec![0.0_f64; clusters];
    let mut separation = vec![f64::INFINITY; clusters];
    let mut longest = 0.0_f64;
    for edge in tree {
        let (a, b) = (labels[edge.a as usize], labels[edge.b as usize]);
        let weight = f64::from(edge.weight);
        longest = longest.max(weight);
        if a < 0 || b < 0 {
            continue;
        }
        let (a, b) = (a as usize, b as usize);
        if a == b {
            sparseness[a] = sparseness[a].max(weight);
        } else {
            separation[a] = separation[a].min(weight);
            separation[b] = separation[b].min(weight);
        }
    }
    let sizes = crate::labels::cluster_sizes(labels, clusters);
    let mut score = 0.0;
    for cluster in 0..clusters {
        // No edge leads straight from this cluster to another: farther than any edge there is.
        let apart = if separation[cluster].is_finite() {
            separation[cluster]
        } else {
            2.0 * longest
        };
        let worse = apart.max(sparseness[cluster]);
        if worse > 0.0 {
            score += (apart - sparseness[cluster]) / worse * sizes[cluster] as f64;
        }
    }
    Some(score / labels.len() as f64)
}
