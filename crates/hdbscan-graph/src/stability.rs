//! Bootstrap stability: are the clusters found again when part of the data is left out?
//!
//! After Hennig ("Cluster-wise assessment of cluster stability", CSDA 2007): random halves of the data are clustered, and the
//! stability of a cluster is its Jaccard similarity to the most similar cluster of a half, averaged over the halves. A cluster
//! that holds most of the data is similar to any other such cluster by chance alone, so the similarity is adjusted for chance,
//! as the Rand index is: 0 is the expected value of two random sets of these sizes, 1 is the same set. Everything is done on
//! the graph: a half keeps its points and the edges between them, and if it is not connected, its components are joined along
//! the tree of all data. If the graph was computed in a layout, the layout is not computed again, and structure that it has
//! invented stays.

use knn_graph::{KnnView, UnionFind};
use random_streams::Seed;
use rayon::prelude::*;

use crate::core_distance::mutual_reachability;
use crate::flat_clustering::{FlatOptions, flat_clustering};
use crate::labels::cluster_sizes;
use crate::linkage::single_linkage;
use crate::mst::{Edge, kruskal};

/// The share of points that a subsample keeps: of more, too much of the noise is the same again.
const KEEP: f64 = 0.5;

/// The clustering of all data, which is compared with those of the subsamples.
#[derive(Debug, Clone, Copy)]
pub struct FullRun<'a> {
    /// The neighbor graph that was clustered.
    pub graph: KnnView<'a>,
    /// Neighbors used for the core distance.
    pub min_samples: usize,
    /// The spanning tree of all points.
    pub tree: &'a [Edge],
    /// Their clusters.
    pub labels: &'a [i32],
    /// The number of clusters.
    pub clusters: usize,
}

/// The stability of each cluster, 0 to 1: its Jaccard similarity, adjusted for chance, to the most similar cluster of a random
/// half of the data; the mean over `subsamples` halves, or 0 if there are none.
///
/// Takes one clustering of half of the graph per subsample, in parallel. Each draws from a random stream of its own, so the
/// result is the same at any number of threads.
///
/// The limits of cluster sizes are halved as well. The core distance is that to the `min_samples`-th kept neighbor, or to the
/// k/2-th if that is nearer; for a point with fewer kept neighbors it is the distance to the last neighbor in its list.
pub fn stability(
    full: &FullRun<'_>,
    options: &FlatOptions,
    subsamples: usize,
    seed: Seed,
) -> Vec<f32> {
    let each: Vec<Vec<f32>> = (0..subsamples)
        .into_par_iter()
        .map(|at| similarities(full, options, at as u64, seed))
        .collect();
    (0..full.clusters)
        .map(|cluster| each.iter().map(|of| of[cluster]).sum::<f32>() / subsamples.max(1) as f32)
        .collect()
}

/// For each cluster of the full run its similarity to the most similar cluster of one subsample.
fn similarities(full: &FullRun<'_>, options: &FlatOptions, at: u64, seed: Seed) -> Vec<f32> {
    let mut stream = seed.stream("cluster/stability", at);
    let kept: Vec<bool> = (0..full.graph.n())
        .map(|_| stream.next_f64() < KEEP)
        .collect();
    let (points, tree) = subsample_tree(full, &kept);
    let labels: Vec<i32> = points.iter().map(|&i| full.labels[i as usize]).collect();
    if points.len() < 2 {
        return vec![0.0; full.clusters];
    }
    let shrunk = |size: usize| (size as f64 * KEEP).round() as usize;
    let mut options = *options;
    options.min_cluster_size = shrunk(options.min_cluster_size).max(2);
    if options.selection.max_cluster_size > 0 {
        options.selection.max_cluster_size = shrunk(options.selection.max_cluster_size).max(1);
    }
    let again = flat_clustering(&single_linkage(&tree), &options);
    best_jaccard(&labels, full.clusters, &again.labels, again.count())
}

/// The kept points, and the spanning tree over their positions.
fn subsample_tree(full: &FullRun<'_>, kept: &[bool]) -> (Vec<u32>, Vec<Edge>) {
    let graph = &full.graph;
    let points: Vec<u32> = (0..graph.n() as u32)
        .filter(|&i| kept[i as usize])
        .collect();
    let mut position = vec![u32::MAX; graph.n()];
    for (at, &i) in points.iter().enumerate() {
        position[i as usize] = at as u32;
    }
    let others = full
        .min_samples
        .min(((graph.k() as f64 * KEEP) as usize).max(1));
    let core: Vec<f32> = points
        .iter()
        .map(|&i| core_among(graph, others, i as usize, kept))
        .collect();
    let mut edges = Vec::with_capacity(points.len() * graph.k() / 2);
    for (at, &i) in points.iter().enumerate() {
        let (ids, distances) = graph.row(i as usize);
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
        join_along(full.tree, &points, &position, &core, &mut tree);
    }
    (points, tree)
}

/// The distance of a point to its `others`-th kept neighbor; if its list has fewer, the distance to the last of the list.
fn core_among(graph: &KnnView<'_>, others: usize, i: usize, kept: &[bool]) -> f32 {
    if others == 0 {
        return 0.0;
    }
    let (ids, distances) = graph.row(i);
    let mut near = ids
        .iter()
        .zip(distances)
        .filter(|(j, _)| kept[**j as usize]);
    near.nth(others - 1)
        .map_or(graph.radius(i), |(_, &distance)| distance)
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
    let (left, right) = (cluster_sizes(labels, clusters), cluster_sizes(again, count));
    let mut best = vec![0.0_f32; clusters];
    for same in pairs.chunk_by(|x, y| x == y) {
        let (a, b) = (same[0].0 as usize, same[0].1 as usize);
        let similar = beyond_chance(same.len(), left[a], right[b], labels.len());
        best[a] = best[a].max(similar as f32);
    }
    best
}

/// The Jaccard similarity of sets of `a` and `b` of `n` points that share `both`, 0 being what random sets of these sizes
/// have. 0 if both sets hold all points.
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
