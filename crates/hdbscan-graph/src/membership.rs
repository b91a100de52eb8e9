//! Soft membership: the clusters to which each point may belong, and with which share.
//!
//! As in hdbscan's `all_points_membership_vectors`, a share is the product of three factors: whether the point is in some
//! cluster at all, how close it is to the cluster, and at which density it would join it. hdbscan measures closeness to the
//! exemplars of every cluster. Here it is measured to the nearest member among the point's neighbors, so that no vector is
//! needed and clusters without such a member get no share.

use knn_graph::KnnView;
use rayon::prelude::*;

use crate::condense::CondensedTree;
use crate::core_distance::mutual_reachability;
use crate::select::Selection;
use crate::tree::ClusterTree;

/// The most likely clusters of each point, largest share first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Membership {
    /// The clusters of each point; none if none of its neighbors is in a cluster.
    pub clusters: Vec<Vec<i32>>,
    /// Their shares, which sum to at most 1 per point; the rest is the share of noise.
    pub shares: Vec<Vec<f32>>,
}

/// The clustering that soft membership is computed from.
#[derive(Debug, Clone, Copy)]
pub struct MembershipInput<'a> {
    /// The neighbor graph.
    pub graph: KnnView<'a>,
    /// The core distances.
    pub core: &'a [f32],
    /// The condensed tree.
    pub condensed: &'a CondensedTree,
    /// The same by cluster.
    pub tree: &'a ClusterTree,
    /// The clusters selected.
    pub selected: &'a Selection,
    /// The flat clustering.
    pub labels: &'a [i32],
    /// Points without a direction, ascending: they get no shares.
    pub isolated: &'a [u32],
}

/// The `most` most likely clusters of each point. Takes O(n (k + depth of the tree)).
pub fn membership(soft: &MembershipInput<'_>, most: usize) -> Membership {
    let rows: Vec<(Vec<i32>, Vec<f32>)> = soft
        .condensed
        .departures()
        .into_par_iter()
        .enumerate()
        .map(|(i, (cluster, lambda))| row(soft, i, cluster, lambda, most))
        .collect();
    let (clusters, shares) = rows.into_iter().unzip();
    Membership { clusters, shares }
}

/// The memberships of point `i`, which leaves cluster `from` of the tree at `lambda`.
fn row(
    soft: &MembershipInput<'_>,
    i: usize,
    from: u32,
    lambda: f64,
    most: usize,
) -> (Vec<i32>, Vec<f32>) {
    if soft.isolated.binary_search(&(i as u32)).is_ok() {
        return (Vec::new(), Vec::new());
    }
    let (ids, distances) = soft.graph.row(i);
    // The nearest member of each cluster among the neighbors.
    let mut near: Vec<(i32, f32)> = Vec::new();
    for (&j, &distance) in ids.iter().zip(distances) {
        let label = soft.labels[j as usize];
        if label >= 0 {
            let reach = mutual_reachability(soft.core[i], soft.core[j as usize], distance);
            match near.iter_mut().find(|(other, _)| *other == label) {
                Some((_, nearest)) => *nearest = nearest.min(reach),
                None => near.push((label, reach)),
            }
        }
    }
    let own = soft.labels[i];
    if own >= 0 && !near.iter().any(|(label, _)| *label == own) {
        near.push((own, soft.core[i]));
    }
    let deepest = soft.tree.max_lambda[from as usize].max(lambda);
    let near: Vec<(i32, f64, f64)> = near
        .into_iter()
        .map(|(label, reach)| {
            let cluster = soft.selected.clusters[label as usize];
            let height = merge_height(soft.tree, from, cluster, lambda);
            // A copy of a member is as close as anything can be, but not infinitely so.
            let close = 1.0 / f64::from(reach).max(f64::from(f32::EPSILON));
            (label, height, close)
        })
        .collect();
    // Shares are relative: with the largest exponent taken off, one of them is exp(0), however deep the tree is.
    let highest = near
        .iter()
        .map(|(_, height, _)| *height)
        .fold(0.0, f64::max);
    let scored: Vec<(i32, f64, f64)> = near
        .into_iter()
        .map(|(label, height, close)| {
            let join = (deepest / highest - deepest / height).exp();
            (label, height, close * join)
        })
        .collect();
    let sum: f64 = scored.iter().map(|(_, _, score)| score).sum();
    let Some(&(nearest, height, _)) = scored.iter().max_by(|a, b| {
        a.1.total_cmp(&b.1)
            .then(a.2.total_cmp(&b.2))
            .then(b.0.cmp(&a.0))
    }) else {
        return (Vec::new(), Vec::new());
    };
    let most_dense =
        soft.tree.max_lambda[soft.selected.clusters[nearest as usize] as usize].max(lambda);
    let inside = height / most_dense;
    let mut shares: Vec<(i32, f64)> = scored
        .into_iter()
        .map(|(label, _, score)| (label, inside * score / sum))
        .collect();
    shares.retain(|(_, share)| *share > 0.0);
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares.truncate(most);
    shares
        .into_iter()
        .map(|(label, share)| (label, share as f32))
        .unzip()
}

/// The lambda at which a point that leaves `from` at `lambda` and the cluster `to` are one: `lambda` itself where one
/// is above the other, else where the branches part.
fn merge_height(tree: &ClusterTree, from: u32, to: u32, lambda: f64) -> f64 {
    let (mut a, mut b) = (from, to);
    let (mut up_a, mut up_b, mut parted) = (false, false, lambda);
    // Parents have smaller numbers, so the larger of the two climbs.
    while a != b {
        if a > b {
            (up_a, parted) = (true, tree.birth[a as usize]);
            a = tree.parent[a as usize];
        } else {
            (up_b, parted) = (true, tree.birth[b as usize]);
            b = tree.parent[b as usize];
        }
    }
    if up_a && up_b { parted } else { lambda }
}
