//! The minimum spanning forest of the mutual reachability graph over neighbor lists.
//!
//! Filtered Kruskal, after Osipov, Sanders and Singler ("The filter-Kruskal minimum spanning tree
//! algorithm", 2009), with the order of the lists instead of a pivot: nearly all tree edges are among the first few
//! neighbors of a point. So the forest of those is computed first. Any other edge whose ends are connected in that forest by
//! strictly lighter edges is the heaviest of a cycle and is dropped without being sorted. The rest, about 5 % of the graph,
//! and the first forest are the input of a second run of Kruskal's algorithm.

use knn_graph::KnnView;
use rayon::prelude::*;

use super::edge::Edge;
use super::kruskal::kruskal;
use crate::core_distance::mutual_reachability;

/// Number of neighbors per row that are not filtered; 4 and 8 are a little slower on text vectors.
const HEAD: usize = 6;

/// Rows per parallel task.
const CHUNK: usize = 4096;

/// The minimum spanning forest of the union graph of `graph` under mutual reachability, ascending.
///
/// `core` holds the core distance of each point. The forest has one tree per component: n - components edges. Takes O(n k log n) time at worst, and O(n k) where clusters are balanced; memory is some 24
/// bytes for each of 6 n edges.
pub fn spanning_forest(graph: &KnnView<'_>, core: &[f32]) -> Vec<Edge> {
    let (n, k) = (graph.n(), graph.k());
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
        let (ids, distances) = graph.row(i);
        // A pair that lists each other occurs twice: sorting it is cheaper than looking it up.
        for (&j, &distance) in ids[..head].iter().zip(distances) {
            edges.push(edge(i, j, distance));
        }
    }
    let first = kruskal(n, edges);
    if head == k {
        return first;
    }
    let joins = Joins::new(n, &first);
    let left: Vec<Vec<Edge>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut kept = Vec::new();
            for i in chunk * CHUNK..n.min((chunk + 1) * CHUNK) {
                let (ids, distances) = graph.row(i);
                // Weights of a row mostly ascend, so the climb from its own point continues where it was.
                let mut own = Climb::from(i as u32);
                for (&j, &distance) in ids[head..].iter().zip(&distances[head..]) {
                    let edge = edge(i, j, distance);
                    if edge.weight < own.weight {
                        own = Climb::from(i as u32);
                    }
                    own.go_on(&joins, edge.weight);
                    if !joins.reach(j, own.at, edge.weight) {
                        kept.push(edge);
                    }
                }
            }
            kept
        })
        .collect();
    let mut edges = first;
    edges.reserve_exact(left.iter().map(Vec::len).sum());
    edges.extend(left.into_iter().flatten());
    kruskal(n, edges)
}

/// The union-find forest of Kruskal's algorithm without path compression, with the weight of each union. The smaller set is
/// attached to the larger one, so that a climb takes O(log n) steps; weights increase on the way up.
struct Joins(Vec<(u32, f32)>);

impl Joins {
    /// The joins that the ascending edges of `forest` make. Takes O(n log n).
    fn new(n: usize, forest: &[Edge]) -> Self {
        let mut joins = Self((0..n as u32).map(|i| (i, f32::INFINITY)).collect());
        let mut size = vec![1_u32; n];
        for edge in forest {
            let a = joins.climb(edge.a, f32::INFINITY);
            let b = joins.climb(edge.b, f32::INFINITY);
            let (small, large) = if size[a as usize] < size[b as usize] {
                (a, b)
            } else {
                (b, a)
            };
            joins.0[small as usize] = (large, edge.weight);
            size[large as usize] += size[small as usize];
        }
        joins
    }

    /// The representative of the set of `x` when the edges lighter than `weight` have been added.
    #[inline]
    fn climb(&self, mut x: u32, weight: f32) -> u32 {
        loop {
            let (above, joined) = self.0[x as usize];
            if joined >= weight {
                return x;
            }
            x = above;
        }
    }

    /// Whether a climb from `x` reaches `goal` by edges lighter than `weight`.
    #[inline]
    fn reach(&self, mut x: u32, goal: u32, weight: f32) -> bool {
        while x != goal {
            let (above, joined) = self.0[x as usize];
            if joined >= weight {
                return false;
            }
            x = above;
        }
        true
    }
}

/// A climb that can be continued.
struct Climb {
    /// The point that it has reached.
    at: u32,
    /// The weight up to which it has climbed.
    weight: f32,
}

impl Climb {
    fn from(x: u32) -> Self {
        Self { at: x, weight: 0.0 }
    }

    /// Climbs to the representative of the set when the edges lighter than `weight` have been added; `weight` does not decrease.
    #[inline]
    fn go_on(&mut self, joins: &Joins, weight: f32) {
        self.at = joins.climb(self.at, weight);
        self.weight = weight;
    }
}
