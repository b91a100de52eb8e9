//! The cluster of each point, and how firmly the point belongs to it.

use crate::condense::CondensedTree;
use crate::select::{Selection, SelectionOptions};
use crate::tree::ClusterTree;

/// The cluster of each point, -1 for noise: a point belongs to the selected cluster that it leaves last. Where the root is the
/// only cluster, only the points that leave it at its largest lambda are in it, or with an epsilon those that leave it at
/// 1 / epsilon or later, as in hdbscan. Takes O(rows).
pub fn labels(
    tree: &CondensedTree,
    clusters: &ClusterTree,
    selected: &Selection,
    options: &SelectionOptions,
) -> Vec<i32> {
    let n = tree.points;
    let number = selected.numbers(clusters);
    let least = least_lambda(clusters, selected, options);
    let mut labels = vec![-1; n];
    for row in 0..tree.len() {
        let point = tree.child[row] as usize;
        if point >= n {
            continue;
        }
        if let Some(label) = number[tree.parent[row] as usize - n]
            && tree.lambda[row] >= least
        {
            labels[point] = label as i32;
        }
    }
    labels
}

/// The smallest lambda at which a point of a cluster may leave it: 0, unless the root is the only cluster. Then it is the
/// largest lambda at which anything leaves the root itself, or with an epsilon 1 / epsilon (as in hdbscan).
pub(crate) fn least_lambda(
    clusters: &ClusterTree,
    selected: &Selection,
    options: &SelectionOptions,
) -> f64 {
    if selected.clusters.first() != Some(&0) {
        0.0
    } else if options.epsilon > 0.0 {
        1.0 / options.epsilon
    } else {
        clusters.max_lambda[0]
    }
}

/// How firmly each point belongs to its cluster, 0 to 1: the lambda at which it leaves over the largest
/// lambda at which anything leaves the cluster itself. Noise has 0. Takes O(rows).
pub(crate) fn probabilities(
    tree: &CondensedTree,
    clusters: &ClusterTree,
    selected: &Selection,
    labels: &[i32],
) -> Vec<f64> {
    let n = tree.points;
    let mut probability = vec![0.0; n];
    for row in 0..tree.len() {
        let point = tree.child[row] as usize;
        if point < n && labels[point] >= 0 {
            let most = clusters.max_lambda[selected.clusters[labels[point] as usize] as usize];
            probability[point] = if most > 0.0 {
                tree.lambda[row].min(most) / most
            } else {
                1.0
            };
        }
    }
    probability
}

/// The persistence of each selected cluster, 0 to 1: its stability relative to what it would be if all of its points stayed
/// until the largest lambda of the tree.
pub(crate) fn cluster_persistence(
    clusters: &ClusterTree,
    selected: &Selection,
    labels: &[i32],
) -> Vec<f64> {
    let most = clusters.max_lambda.iter().copied().fold(0.0, f64::max);
    let sizes = cluster_sizes(labels, selected.clusters.len());
    let share = |(&stability, size): (&f64, usize)| {
        if most == 0.0 || size == 0 {
            1.0
        } else {
            stability / (size as f64 * most)
        }
    };
    selected.stability.iter().zip(sizes).map(share).collect()
}

/// The number of points of each of the clusters 0 to `clusters` - 1.
pub fn cluster_sizes(labels: &[i32], clusters: usize) -> Vec<usize> {
    let mut sizes = vec![0; clusters];
    for &label in labels {
        if label >= 0 {
            sizes[label as usize] += 1;
        }
    }
    sizes
}
