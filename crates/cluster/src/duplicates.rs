//! Exact copies: rows at distance 0.
//!
//! Copies are one point of the tree with a weight. Nothing is thrown away for that: all copies keep their rows,
//! the first of them is searched from for all, they meet each other before they meet anything else, and where only copies
//! meet the tree is not split any further ([`crate::condense`]), so that they come out of it as the one heavy point they
//! are.

use graph::{Lists, UnionFind};

use crate::mst::Edge;

/// For each point the first of its copies (itself, if it is the first or has none), and how many points
/// have an earlier copy. Takes O(n) and the entries at distance 0.
pub fn copies(lists: &Lists<'_>) -> (Vec<u32>, usize) {
    let mut sets = UnionFind::new(lists.n());
    for i in 0..lists.n() {
        let (ids, distances) = lists.row(i);
        for (&j, _) in ids
            .iter()
            .zip(distances)
            .take_while(|(_, distance)| **distance == 0.0)
        {
            sets.union(i as u32, j);
        }
    }
    let first = sets.roots();
    let copies = first
        .iter()
        .enumerate()
        .filter(|&(i, &first)| first as usize != i)
        .count();
    (first, copies)
}

/// The spanning tree `tree` with all copies joined to the first of them, before other edges of the same weight.
///
/// Nothing is nearer to a point than its core distance, which is where it meets its copies: so this tree weighs the same.
/// Copies that rounding has given another core distance stay where they are. Takes O(n log n) amortized.
pub fn together(tree: Vec<Edge>, copy_of: &[u32], core: &[f32]) -> Vec<Edge> {
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
