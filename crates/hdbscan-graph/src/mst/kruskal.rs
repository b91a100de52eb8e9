//! Kruskal's algorithm (1956), with a radix sort.

use knn_graph::UnionFind;

use super::edge::Edge;

/// The minimum spanning forest of `edges` over `n` points, in ascending order.
///
/// An edge may occur more than once. Takes O(m) for the sort and O(m log n) amortized for the sets; 24 bytes per edge in
/// addition to the input.
pub(crate) fn kruskal(n: usize, mut edges: Vec<Edge>) -> Vec<Edge> {
    sort(&mut edges);
    let mut sets = UnionFind::new(n);
    let mut taken = 0;
    for at in 0..edges.len() {
        let edge = edges[at];
        if sets.union(edge.a, edge.b) {
            edges[taken] = edge;
            taken += 1;
            if taken + 1 == n {
                break;
            }
        }
    }
    edges.truncate(taken);
    edges.shrink_to_fit();
    edges
}

/// Maximum number of bits per digit of the radix sort: its counters fit into the L1 cache.
const BITS: u32 = 13;

/// Sorts by [`Edge::order`].
fn sort(edges: &mut Vec<Edge>) {
    // Below this a comparison sort is faster than passes over the counters.
    if edges.len() < 4096 {
        edges.sort_unstable_by(Edge::order);
        return;
    }
    // Weights are not negative, so that their bits are ordered as they are. Counted from the least of them, most
    // sets of weights take two digits; least significant digit first.
    let (least, most) = edges.iter().fold((u32::MAX, 0), |(least, most), edge| {
        let bits = edge.weight.to_bits();
        (least.min(bits), most.max(bits))
    });
    let width = u32::BITS - (most - least).leading_zeros();
    let digits = width.div_ceil(BITS);
    let bits = width.div_ceil(digits.max(1));
    let mut other = vec![
        Edge {
            weight: 0.0,
            a: 0,
            b: 0
        };
        edges.len()
    ];
    for shift in (0..digits).map(|digit| digit * bits) {
        let digit =
            |edge: &Edge| ((edge.weight.to_bits() - least) >> shift) as usize & ((1 << bits) - 1);
        let mut start = vec![0_u32; 1 << bits];
        for edge in edges.iter() {
            start[digit(edge)] += 1;
        }
        let mut sum = 0;
        for count in &mut start {
            sum += std::mem::replace(count, sum);
        }
        for edge in edges.iter() {
            let to = &mut start[digit(edge)];
            other[*to as usize] = *edge;
            *to += 1;
        }
        std::mem::swap(edges, &mut other);
    }
    // Equal weights are adjacent now; sort them by ids.
    for tied in edges.chunk_by_mut(|x, y| x.weight == y.weight) {
        if tied.len() > 1 {
            tied.sort_unstable_by_key(|edge| (edge.a, edge.b));
        }
    }
}
