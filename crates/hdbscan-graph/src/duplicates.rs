//! Exact copies: points at distance 0.
//!
//! Copies are one point of the tree with a weight. They keep their rows, but the first of them is searched for all; they are
//! joined to each other before anything else, and where only copies are left a cluster is not split any further
//! ([`crate::condense`]), so that they come out of the tree as one heavy point.

use knn_graph::UnionFind;

use crate::mst::Edge;

/// The spanning tree `tree` with all copies joined to the first of them, before other edges of the same weight.
///
/// No edge at a point is lighter than its core distance, and that is the weight at which copies are joined, so this tree has
/// the same total weight. Copies to which rounding has given another core distance are left alone. Takes O(n log n)
/// amortized.
pub fn join_copies(tree: Vec<Edge>, copy_of: &[u32], core: &[f32]) -> Vec<Edge> {
    let copy = |&i: &u32| {
        let first = copy_of[i as usize];
        first != i && core[first as usize] == core[i as usize]
    };
    let join = |i: u32| Edge::new(core[i as usize], copy_of[i as usize], i);
    let mut joined: Vec<Edge> = (0..copy_of.len() as u32).filter(copy).map(join).collect();
    if joined.is_empty() {
        return tree;
    }
    let mut sets = UnionFind::new(copy_of.len());
    for edge in &joined {
        sets.union(edge.a, edge.b);
    }
    joined.sort_by(Edge::order);
    joined.extend(tree.into_iter().filter(|edge| sets.union(edge.a, edge.b)));
    // A stable sort: copies stay first.
    joined.sort_by(|x, y| x.weight.total_cmp(&y.weight));
    joined
}
