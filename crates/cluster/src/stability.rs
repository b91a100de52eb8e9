//! Do clusters come back when part of the data is left out?
//!
//! After Hennig ("Cluster-wise assessment of cluster stability", 2007): cluster subsamples again, and take for each
//! cluster the Jaccard similarity to the one most like it, averaged over the subsamples. A cluster at 0.75 and more
//! is stable; below 0.6 it should not be trusted. Everything is done on the graph: a subsample keeps its points and
//! the edges between them, and where that falls apart its parts are joined along the tree of all the data.

use graph::{Lists, UnionFind};
use rayon::prelude::*;
use serde::Serialize;
use stage::Seed;

use crate::core_distance::mutual_reachability;
use crate::flat::{Cut, flat};
use crate::labels::sizes;
use crate::linkage::single_linkage;
use crate::mst::{Edge, kruskal};

/// Mean similarity from which a cluster counts as stable.
pub const STABLE: f32 = 0.75;

/// Mean similarity below which a cluster should not be trusted.
pub const DOUBTFUL: f32 = 0.6;

/// The share of points that a subsample keeps.
const KEEP: f64 = 0.8;

/// What the subsamples say of all clusters together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Subsamples taken.
    pub subsamples: usize,
    /// Clusters at [`STABLE`] or more.
    pub stable: usize,
    /// Clusters between the two.
    pub doubtful: usize,
    /// Clusters below [`DOUBTFUL`].
    pub unstable: usize,
    /// The same in a sentence.
    pub sentence: String,
}

/// What is clustered again.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// The neighbor lists.
    pub lists: Lists<'a>,
    /// Other points that density is measured over.
    pub min_samples: usize,
    /// The spanning tree of all points.
    pub tree: &'a [Edge],
    /// Their clusters.
    pub labels: &'a [i32],
    /// How many there are.
    pub clusters: usize,
}

/// The mean Jaccard similarity of each cluster over `subsamples` subsamples. Takes one clustering each.
///
/// Points whose kept neighbors are fewer than `min_samples` take the distance to the last of them, or
/// to the last in the list if none is kept. The smallest cluster size shrinks with the subsample.
pub fn stability(whole: &Whole<'_>, cut: &Cut, subsamples: usize, seed: Seed) -> Vec<f32> {
    let each: Vec<Vec<f32>> = (0..subsamples)
        .into_par_iter()
        .map(|at| similarities(whole, cut, at as u64, seed))
        .collect();
    (0..whole.clusters)
        .map(|cluster| each.iter().map(|of| of[cluster]).sum::<f32>() / subsamples.max(1) as f32)
        .collect()
}

/// How many clusters are stable, and what that means.
pub fn verdict(stability: &[f32], subsamples: usize) -> Verdict {
    let stable = stability.iter().filter(|&&of| of >= STABLE).count();
    let unstable = stability.iter().filter(|&&of| of < DOUBTFUL).count();
    let doubtful = stability.len() - stable - unstable;
    let all = stability.len();
    let sentence = if all == 0 {
        "there are no clusters to test".to_owned()
    } else if stable == 0 {
        format!("there are no stable clusters: none of {all} comes back in most subsamples")
    } else if stable == all {
        format!("all {all} clusters are stable")
    } else {
        format!(
            "{stable} of {all} clusters are stable, {doubtful} are doubtful, {unstable} should not be trusted"
        )
    };
    Verdict {
        subsamples,
        stable,
        doubtful,
        unstable,
        sentence,
    }
}

/// For each cluster of the whole its similarity to the most similar cluster of one subsample.
fn similarities(whole: &Whole<'_>, cut: &Cut, at: u64, seed: Seed) -> Vec<f32> {
    let mut stream = seed.stream("cluster/stability", at);
    let kept: Vec<bool> = (0..whole.lists.n())
        .map(|_| stream.next_f64() < KEEP)
        .collect();
    let (points, tree) = subsample_tree(whole, &kept);
    let labels: Vec<i32> = points.iter().map(|&i| whole.labels[i as usize]).collect();
    if points.len() < 2 {
        return vec![0.0; whole.clusters];
    }
    let least = (cut.min_cluster_size as f64 * KEEP).round() as usize;
    let again = flat(
        &single_linkage(&tree),
        &Cut {
            min_cluster_size: least.max(2),
            ..*cut
        },
    );
    best_jaccard(&labels, whole.clusters, &again.labels, again.count())
}

/// The kept points, and the spanning tree over their positions.
fn subsample_tree(whole: &Whole<'_>, kept: &[bool]) -> (Vec<u32>, Vec<Edge>) {
    let lists = &whole.lists;
    let points: Vec<u32> = (0..lists.n() as u32)
        .filter(|&i| kept[i as usize])
        .collect();
    let mut position = vec![u32::MAX; lists.n()];
    for (at, &i) in points.iter().enumerate() {
        position[i as usize] = at as u32;
    }
    let core: Vec<f32> = points
        .iter()
        .map(|&i| core_among(lists, whole.min_samples, i as usize, kept))
        .collect();
    let mut edges = Vec::with_capacity(points.len() * lists.k() / 2);
    for (at, &i) in points.iter().enumerate() {
        let (ids, distances) = lists.row(i as usize);
        for (&j, &distance) in ids.iter().zip(distances) {
            let other = position[j as usize];
            if other != u32::MAX {
                let weight = mutual_reachability(core[at], core[other as usize], distance);
                edges.push(Edge::new(weight, at as u32, other));
            }
        }
    }
    let mut tree = kruskal(points.len(), edges);
    if tree.len() + 1 < points.len() {
        join_along(whole.tree, &points, &position, &core, &mut tree);
    }
    (points, tree)
}

/// The distance of a point to its `min_samples`-th kept neighbor.
fn core_among(lists: &Lists<'_>, min_samples: usize, i: usize, kept: &[bool]) -> f32 {
    if min_samples == 0 {
        return 0.0;
    }
    let (ids, distances) = lists.row(i);
    let near = ids
        .iter()
        .zip(distances)
        .filter(|(j, _)| kept[**j as usize])
        .map(|(_, &distance)| distance);
    near.take(min_samples)
        .last()
        .unwrap_or(distances[lists.k() - 1])
}

/// Joins the trees of a forest along the tree of all points, in which those left out are stepping stones: two parts
/// are as far apart as the longest step between them.
fn join_along(all: &[Edge], points: &[u32], position: &[u32], core: &[f32], tree: &mut Vec<Edge>) {
    let mut parts = UnionFind::new(points.len());
    for edge in tree.iter() {
        parts.union(edge.a, edge.b);
    }
    let mut steps = UnionFind::new(position.len());
    // A kept point of each set of steps, if it has one.
    let mut kept_at: Vec<u32> = position.to_vec();
    // What the forest joins is joined.
    for edge in tree.iter() {
        let (a, b) = (points[edge.a as usize], points[edge.b as usize]);
        steps.union(a, b);
    }
    for i in 0..position.len() as u32 {
        let root = steps.find(i) as usize;
        kept_at[root] = kept_at[root].min(kept_at[i as usize]);
    }
    for edge in all {
        let (a, b) = (steps.find(edge.a), steps.find(edge.b));
        let (x, y) = (kept_at[a as usize], kept_at[b as usize]);
        if a != b {
            steps.union(a, b);
            kept_at[steps.find(a) as usize] = x.min(y);
        }
        if x != u32::MAX && y != u32::MAX && parts.union(x, y) {
            tree.push(Edge::new(
                mutual_reachability(core[x as usize], core[y as usize], edge.weight),
                x,
                y,
            ));
        }
    }
    tree.sort_by(Edge::order);
}

/// For each of `clusters` clusters in `labels` the largest Jaccard similarity to a cluster in `again`.
fn best_jaccard(labels: &[i32], clusters: usize, again: &[i32], count: usize) -> Vec<f32> {
    let mut pairs: Vec<(i32, i32)> = labels
        .iter()
        .zip(again)
        .filter(|(a, b)| **a >= 0 && **b >= 0)
        .map(|(&a, &b)| (a, b))
        .collect();
    pairs.sort_unstable();
    let (left, right) = (sizes(labels, clusters), sizes(again, count));
    let mut best = vec![0.0_f32; clusters];
    for same in pairs.chunk_by(|x, y| x == y) {
        let (a, b) = (same[0].0 as usize, same[0].1 as usize);
        let both = same.len();
        let jaccard = both as f32 / (left[a] + right[b] - both) as f32;
        best[a] = best[a].max(jaccard);
    }
    best
}
