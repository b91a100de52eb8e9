//! The minimum spanning tree of the full mutual reachability graph, from neighbor lists.
//!
//! The tree of the graph, its components joined by bridges, is close to it. By the cycle property (Tarjan 1983) a pair can be
//! in the minimum spanning tree only if it is lighter than the heaviest edge on the tree path between its ends: it
//! [undercuts](exact_knn::Index::undercutting_edges) that edge. The tree and all undercutting edges together contain the minimum
//! spanning tree of all pairs. They are found in one pass over half of the pairs, whatever the number of neighbors.
//!
//! If two large clusters are joined by a much too heavy edge in the first tree, very many pairs undercut it. Therefore a
//! first pass takes every eighth row, 1/64 of the work; after it, some 64 such pairs are left where there were thousands.

use exact_knn::{DendrogramOrder, Index, ProgressCallback};
use knn_graph::UnionFind;

use super::bridges::span;
use super::edge::{Edge, SpanningTree};
use super::kruskal::kruskal;
use super::point_index::PointIndex;

/// Maximum number of copies of a point for which ties are ordered by id: tied pairs grow with the square of that number.
const COPIES: usize = 64;

/// The first pass takes every `EVERY`-th row in the order of the dendrogram.
const EVERY: usize = 8;

/// Number of edges from which on the first pass saves time.
const MANY: usize = 4096;

/// The minimum spanning tree of the full distance matrix, in the memory of the forest and of the edges that undercut it.
///
/// Arguments as for [`bridge`](super::bridge). The weights are those of the full matrix. Edges of equal weight are ordered by
/// ids as there, unless the tied pairs would be a large part of the matrix: if a point has more than 64 copies, or more than a
/// quarter of the weights of the tree are tied. Then edges that are already in the tree stay. Takes an exact comparison of
/// half of the pairs of points.
pub fn exact_tree(
    core: &[f32],
    forest: &[Edge],
    copy_of: &[u32],
    points: &PointIndex<'_>,
    watch: ProgressCallback<'_>,
) -> Result<SpanningTree, exact_knn::Error> {
    let n = core.len();
    let mut spanned = span(core, forest, copy_of, points, watch)?;
    let mut tree = kruskal(n, std::mem::take(&mut spanned.edges));
    if tree.len() >= MANY {
        let (order, height) = leaves(n, &tree);
        let (order, height) = thinned(&order, &height);
        let sample = points.of_members(&order)?;
        spanned.searched += order.len() as u64;
        tree = improved(tree, &sample, core, (&order, &height), watch)?;
    }
    if !tree.is_empty() {
        let (order, mut height) = leaves(n, &tree);
        if ties_by_id(&tree, copy_of) {
            // Edges of equal weight are to be found, too. No edge is lighter than one between copies.
            for height in height.iter_mut().filter(|height| **height > 0.0) {
                *height = height.next_up();
            }
        }
        spanned.searched += order.len() as u64;
        tree = improved(tree, &points.index, core, (&order, &height), watch)?;
    }
    spanned.edges = tree;
    Ok(spanned.with_isolated(core, forest, points))
}

/// The minimum spanning tree of `tree` and the edges between the rows of `index` that undercut it.
fn improved(
    mut tree: Vec<Edge>,
    index: &Index<'_>,
    core: &[f32],
    (order, height): (&[u32], &[f32]),
    watch: ProgressCallback<'_>,
) -> Result<Vec<Edge>, exact_knn::Error> {
    let dendrogram = DendrogramOrder {
        order,
        height,
        core: Some(core),
    };
    let (undercutting, _) = index.undercutting_edges(&dendrogram, watch)?;
    let to_mst_edge = |edge: exact_knn::Edge| Edge::new(edge.weight, edge.from, edge.to);
    tree.extend(undercutting.into_iter().map(to_mst_edge));
    Ok(kruskal(core.len(), tree))
}

/// Every [`EVERY`]-th leaf, and the heaviest weights between them.
fn thinned(order: &[u32], height: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let thin: Vec<u32> = order.iter().copied().step_by(EVERY).collect();
    let between = height.chunks(EVERY).take(thin.len() - 1);
    let heaviest = between.map(|weights| weights.iter().copied().fold(0.0, f32::max));
    (thin, heaviest.collect())
}

/// The leaves of the dendrogram of `tree` (ascending, of some of `n` points) in its order, and the weight at which each
/// was merged with the next.
fn leaves(n: usize, tree: &[Edge]) -> (Vec<u32>, Vec<f32>) {
    let mut sets = UnionFind::new(n);
    // The leaves of each set as a chain: its first leaf, its last, and for each leaf the next with the weight between.
    let mut first: Vec<u32> = (0..n as u32).collect();
    let mut last = first.clone();
    let mut next = vec![None; n];
    for edge in tree {
        let (a, b) = (sets.find(edge.a) as usize, sets.find(edge.b) as usize);
        next[last[a] as usize] = Some((first[b], edge.weight));
        let ends = (first[a], last[b]);
        sets.union(edge.a, edge.b);
        (first[a.min(b)], last[a.min(b)]) = ends;
    }
    let mut leaf = first[sets.find(tree[0].a) as usize];
    let mut order = vec![leaf];
    let mut height = Vec::with_capacity(tree.len());
    while let Some((after, weight)) = next[leaf as usize] {
        order.push(after);
        height.push(weight);
        leaf = after;
    }
    (order, height)
}

/// Whether few enough pairs tie that all of them can be compared.
fn ties_by_id(tree: &[Edge], copy_of: &[u32]) -> bool {
    let mut copies = vec![0_usize; copy_of.len()];
    for &first in copy_of {
        copies[first as usize] += 1;
    }
    let tied = tree
        .windows(2)
        .filter(|pair| pair[0].weight == pair[1].weight)
        .count();
    copies.iter().all(|&copies| copies <= COPIES) && tied * 4 <= tree.len()
}
