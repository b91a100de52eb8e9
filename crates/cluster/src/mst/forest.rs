//! The minimum spanning forest of the mutual reachability graph over neighbor lists.
//!
//! Filtered Kruskal, after Osipov, Sanders and Singler ("The filter-Kruskal minimum spanning tree
//! algorithm", 2009), with the lists in the place of the pivot: nearly all tree edges are among the first
//! few neighbors of a point. So the forest of those heads comes first; an edge of the tails whose ends
//! that forest joins by strictly lighter edges alone is the heaviest of a cycle and can be dropped without
//! being sorted. What is left, a few percent of the graph, goes through Kruskal with the first forest.

use graph::Lists;
use rayon::prelude::*;

use super::{Edge, kruskal};
use crate::core_distance::mutual_reachability;

/// Neighbors a row that are taken without filtering.
const HEAD: usize = 8;

/// Weights at which the components of the first forest are remembered, as shares of its edges. The
/// tails' edges are heavy, so most of these are close to its end.
const LEVELS: [f64; 8] = [0.5, 0.7, 0.8, 0.88, 0.93, 0.96, 0.98, 1.0];

/// Rows a task filters at a time.
const CHUNK: usize = 4096;

/// The minimum spanning forest of the union graph of `lists` under mutual reachability, ascending.
///
/// `core` holds the core distance of each point. One tree a component of the graph: n - components
/// edges. Takes O(n k) time; memory is some 36 bytes for each of 8 n edges.
pub fn spanning_forest(lists: &Lists<'_>, core: &[f32]) -> Vec<Edge> {
    let (n, k) = (lists.n(), lists.k());
    let head = HEAD.min(k);
    let edge = |i: usize, j: u32, distance: f32| {
        Edge::new(
            mutual_reachability(core[i], core[j as usize], distance),
            i as u32,
            j,
        )
    };
    let mut edges = Vec::with_capacity(n * head);
    for i in 0..n {
        let (ids, distances) = lists.row(i);
        for (&j, &distance) in ids[..head].iter().zip(distances) {
            // A pair that lists each other counts once, from its smaller end.
            if (i as u32) < j || !lists.row(j as usize).0[..head].contains(&(i as u32)) {
                edges.push(edge(i, j, distance));
            }
        }
    }
    if head == k {
        return kruskal(n, edges, |_, _| ());
    }
    let (first, levels) = with_levels(n, edges);
    let left: Vec<Vec<Edge>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut kept = Vec::new();
            for i in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
                let (ids, distances) = lists.row(i);
                for (&j, &distance) in ids[head..].iter().zip(&distances[head..]) {
                    if !levels.joined_below(i, j as usize, distance.max(core[i])) {
                        let edge = edge(i, j, distance);
                        if !levels.joined_below(i, j as usize, edge.weight) {
                            kept.push(edge);
                        }
                    }
                }
            }
            kept
        })
        .collect();
    let mut edges = first;
    edges.reserve_exact(left.iter().map(Vec::len).sum());
    edges.extend(left.into_iter().flatten());
    kruskal(n, edges, |_, _| ())
}

/// The components of a forest cut at a few weights.
struct Levels {
    /// Ascending.
    weight: Vec<f32>,
    /// Of each point, a component per level, side by side: one cache line answers for all levels.
    component: Vec<u32>,
}

impl Levels {
    /// Whether edges strictly lighter than `weight` join `i` and `j`. False may mean that no level tells.
    #[inline]
    fn joined_below(&self, i: usize, j: usize, weight: f32) -> bool {
        let level = self.weight.partition_point(|&at| at < weight);
        let stride = self.weight.len();
        level > 0
            && self.component[i * stride + level - 1] == self.component[j * stride + level - 1]
    }
}

/// The forest of `edges` and its components at [`LEVELS`].
fn with_levels(n: usize, edges: Vec<Edge>) -> (Vec<Edge>, Levels) {
    let forest = kruskal(n, edges, |_, _| ());
    let stride = LEVELS.len();
    let mut levels = Levels {
        weight: Vec::with_capacity(stride),
        component: vec![0; n * stride],
    };
    let mut sets = graph::UnionFind::new(n);
    let mut done = 0;
    for (level, share) in LEVELS.into_iter().enumerate() {
        let last =
            ((forest.len() as f64 * share).ceil() as usize).clamp(1, forest.len().max(1)) - 1;
        let weight = forest.get(last).map_or(0.0, |edge| edge.weight);
        while done < forest.len() && forest[done].weight <= weight {
            sets.union(forest[done].a, forest[done].b);
            done += 1;
        }
        levels.weight.push(weight);
        for (i, root) in sets.roots().into_iter().enumerate() {
            levels.component[i * stride + level] = root;
        }
    }
    (forest, levels)
}
