//! Exact copies: rows at distance 0.
//!
//! Copies are one point of the tree with a weight. Nothing is thrown away for that: all copies keep their rows,
//! the first of them is searched from for all, and where only copies meet the tree is not split any
//! further ([`crate::condense`]), so that they come out of it as the one heavy point they are.

use graph::{Lists, UnionFind};

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
