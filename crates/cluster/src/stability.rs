//! Do clusters come back when part of the data is left out?
//!
//! After Hennig ("Cluster-wise assessment of cluster stability", 2007): cluster halves of the data again, and take for
//! each cluster the Jaccard similarity to the one most like it, averaged over the halves. A cluster that holds most of
//! the data is like any other such by chance alone, so the similarity is adjusted for chance, as the Rand index is: 0 is
//! what two random sets of these sizes have, 1 is the same set. Everything is done on the graph: a half keeps its
//! points and the edges between them, and where that falls apart its parts are joined along the tree of all the data.
//! Where the graph was made of a layout, the layout is not made again, and what it has invented stays.

use graph::{Lists, UnionFind};
use rayon::prelude::*;
use serde::Serialize;
use stage::Seed;

use crate::core_distance::mutual_reachability;
use crate::flat::{Cut, flat};
use crate::labels::sizes;
use crate::linkage::single_linkage;
use crate::mst::{Edge, kruskal};

/// Mean similarity from which a cluster counts as stable: noise in two dimensions, with density measured over two others,
/// comes to 0.76, round groups come to 0.9 and more.
pub const STABLE: f32 = 0.8;

/// Mean similarity below which a cluster should not be trusted.
pub const DOUBTFUL: f32 = 0.5;

/// The fewest subsamples that a verdict is given on.
pub const FEWEST: usize = 20;

/// The share of points that a subsample keeps: of more, too much of the noise is the same again.
const KEEP: f64 = 0.5;

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

/// The mean Jaccard similarity of each cluster over `subsamples` subsamples, adjusted for chance. Takes one clustering
/// each.
///
/// The limits of cluster sizes shrink with the subsample. Density is measured over `min_samples` kept neighbors, or over
/// what half of a list holds if that is less; a point with fewer has at least the radius of its list.
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
        "there are no stable clusters: there are no clusters at all".to_owned()
    } else if stable == 0 {
        format!("there are no stable clusters: none of {all} comes back without half of the data")
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
    let shrunk = |size: usize| (size as f64 * KEEP).round() as usize;
    let mut cut = *cut;
    cut.min_cluster_size = shrunk(cut.min_cluster_size).max(2);
    if cut.rule.max_cluster_size > 0 {
        cut.rule.max_cluster_size = shrunk(cut.rule.max_cluster_size).max(1);
    }
    let again = flat(&single_linkage(&tree), &cut);
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
    let others = whole
        .min_samples
        .min(((lists.k() as f64 * KEEP) as usize).max(1));
    let core: Vec<f32> = points
        .iter()
        .map(|&i| core_among(lists, others, i as usize, kept))
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

/// The distance of a point to its `others`-th kept neighbor; where its list has fewer, that is beyond all of the list.
fn core_among(lists: &Lists<'_>, others: usize, i: usize, kept: &[bool]) -> f32 {
    if others == 0 {
        return 0.0;
    }
    let (ids, distances) = lists.row(i);
    let mut near = ids
        .iter()
        .zip(distances)
        .filter(|(j, _)| kept[**j as usize]);
    near.nth(others - 1)
        .map_or(lists.radius(i), |(_, &distance)| distance)
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

/// For each of `clusters` clusters in `labels` the largest similarity to a cluster in `again`.
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
        let similar = beyond_chance(same.len(), left[a], right[b], labels.len());
        best[a] = best[a].max(similar as f32);
    }
    best
}

/// The Jaccard similarity of sets of `a` and `b` of `n` points that share `both`, 0 being what random sets of these sizes
/// have. Sets that hold everything tell nothing: 0.
fn beyond_chance(both: usize, a: usize, b: usize, n: usize) -> f64 {
    let (both, a, b) = (both as f64, a as f64, b as f64);
    let jaccard = |both: f64| both / (a + b - both);
    let expected = jaccard(a * b / n as f64);
    if expected < 1.0 {
        (jaccard(both) - expected) / (1.0 - expected)
    } else {
        0.0
    }
}
