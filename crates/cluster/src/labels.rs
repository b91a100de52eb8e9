//! The cluster of each point, and how firmly it belongs there.

use crate::condense::CondensedTree;
use crate::select::{Rule, Selection};
use crate::tree::ClusterTree;

/// The cluster of each point, -1 for noise: a point belongs to the chosen cluster that it leaves last, if it stays for
/// [`least_lambda`]. Takes O(rows).
pub fn labels(
    tree: &CondensedTree,
    clusters: &ClusterTree,
    chosen: &Selection,
    rule: &Rule,
) -> Vec<i32> {
    let n = tree.points;
    let number = chosen.numbers(clusters);
    let least = least_lambda(clusters, chosen, rule);
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

/// For how long a point must stay to belong to a cluster: 0, but for the root as the only cluster as long as anything leaves
/// the root itself; with an epsilon, past 1 / epsilon (as in hdbscan).
pub fn least_lambda(clusters: &ClusterTree, chosen: &Selection, rule: &Rule) -> f64 {
    if chosen.clusters.first() != Some(&0) {
        0.0
    } else if rule.epsilon > 0.0 {
        1.0 / rule.epsilon
    } else {
        clusters.max_lambda[0]
    }
}

/// How firmly each point belongs to its cluster, 0 to 1: the lambda at which it leaves over the largest
/// lambda at which anything leaves the cluster itself. Noise has 0. Takes O(rows).
pub fn probabilities(
    tree: &CondensedTree,
    clusters: &ClusterTree,
    chosen: &Selection,
    labels: &[i32],
) -> Vec<f64> {
    let n = tree.points;
    let mut probability = vec![0.0; n];
    for row in 0..tree.len() {
        let point = tree.child[row] as usize;
        if point < n && labels[point] >= 0 {
            let most = clusters.max_lambda[chosen.clusters[labels[point] as usize] as usize];
            probability[point] = if most > 0.0 {
                tree.lambda[row].min(most) / most
            } else {
                1.0
            };
        }
    }
    probability
}

/// The persistence of each chosen cluster, 0 to 1: its stability over what it would be if all of its
/// points stayed up to the largest lambda of the tree.
pub fn persistence(clusters: &ClusterTree, chosen: &Selection, labels: &[i32]) -> Vec<f64> {
    let most = clusters.max_lambda.iter().copied().fold(0.0, f64::max);
    let sizes = sizes(labels, chosen.clusters.len());
    let share = |(&stability, size): (&f64, usize)| {
        if most == 0.0 || size == 0 {
            1.0
        } else {
            stability / (size as f64 * most)
        }
    };
    chosen.stability.iter().zip(sizes).map(share).collect()
}

/// The number of points of each of `clusters` clusters.
pub fn sizes(labels: &[i32], clusters: usize) -> Vec<usize> {
    let mut sizes = vec![0; clusters];
    for &label in labels {
        if label >= 0 {
            sizes[label as usize] += 1;
        }
    }
    sizes
}
