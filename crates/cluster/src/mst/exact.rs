//! The minimum spanning tree of the full mutual reachability graph, from neighbor lists.
//!
//! The tree of the graph, its components joined by bridges, is nearly it. By the cycle property a pair can be in the
//! minimum spanning tree only if it undercuts the heaviest edge on the path between its ends, and the tree with all
//! such [undercutting edges](exact_knn::Index::undercutting_edges) contains the minimum spanning tree of all pairs. They are found in one
//! pass over half of the pairs, whatever the number of neighbors.
//!
//! Where two large clusters meet too late in the first tree, very many pairs undercut that one edge. So a pass over
//! every eighth row, 1/64 of the work, goes first: what it finds leaves some 64 such pairs where there were thousands.

use exact_knn::{DendrogramOrder, Index, ProgressCallback};
use graph::UnionFind;

use super::bridges::span;
use super::{Edge, Grown, Searchable, kruskal};

/// The most copies of one point with which ties go by id: pairs of copies tie by the square of their number.
const COPIES: usize = 64;

/// Which rows the first pass takes.
const EVERY: usize = 8;

/// Edges of a tree from which on the first pass pays.
const MANY: usize = 4096;

/// The tree that the full distance matrix gives, in the memory of the forest and the undercutting edges.
///
/// Arguments as for [`super::bridge`]. The weights are those of the full matrix. Equal weights go by id as there, unless
/// so much ties that the tied pairs would be a good part of the matrix: where more than 64 points are copies of one,
/// or a quarter of the weights of the tree stand twice. Then an edge that the tree has already stays.
pub fn exact_tree(
    core: &[f32],
    forest: &[Edge],
    copy_of: &[u32],
    points: &Searchable<'_>,
    watch: ProgressCallback<'_>,
) -> Result<Grown, exact_knn::Error> {
    let n = core.len();
    let mut spanned = span(core, forest, copy_of, points, watch)?;
    let mut tree = kruskal(n, std::mem::take(&mut spanned.tree));
    if tree.len() >= MANY {
        let (order, height) = leaves(n, &tree);
        let (order, height) = thinned(&order, &height);
        let sample = points.some(&order)?;
        spanned.searched += order.len() as u64;
        tree = improved(tree, &sample, core, (&order, &height), watch)?;
    }
    if !tree.is_empty() {
        let (order, mut height) = leaves(n, &tree);
        if ties_by_id(&tree, copy_of) {
            // What is just as heavy is to be found too. Where copies meet nothing can be lighter.
            for height in height.iter_mut().filter(|height| **height > 0.0) {
                *height = height.next_up();
            }
        }
        spanned.searched += order.len() as u64;
        tree = improved(tree, &points.index, core, (&order, &height), watch)?;
    }
    spanned.tree = tree;
    Ok(spanned.grown(core, forest, points))
}

/// The minimum spanning tree of `tree` and the edges that undercut it between the rows of `index`.
fn improved(
    mut tree: Vec<Edge>,
    index: &Index<'_>,
    core: &[f32],
    (order, height): (&[u32], &[f32]),
    watch: ProgressCallback<'_>,
) -> Result<Vec<Edge>, exact_knn::Error> {
    let ask = DendrogramOrder {
        order,
        height,
        core: Some(core),
    };
    let (undercutting, _) = index.undercutting_edges(&ask, watch)?;
    let as_ours = |edge: exact_knn::Edge| Edge::new(edge.weight, edge.from, edge.to);
    tree.extend(undercutting.into_iter().map(as_ours));
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

/// Whether few enough pairs tie that all of them can be looked at.
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
