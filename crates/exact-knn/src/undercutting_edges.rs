//! Edges that undercut a spanning tree: what turns an approximate minimum spanning tree into the exact one in a single
//! pass.
//!
//! By the cycle property an edge is in no minimum spanning tree if it is the heaviest on some cycle (Tarjan 1983, red
//! rule). Given any spanning tree, a pair that is not lighter than the heaviest edge on the path between its ends closes
//! such a cycle. So the minimum spanning tree of all n (n - 1) / 2 pairs is that of the edges of the given tree and the
//! [edges that undercut it](crate::Index::undercutting_edges). The nearer the given tree is to the minimum, the fewer
//! there are.
//!
//! The heaviest edge on a path is a range maximum once the rows are in the order of the leaves of the tree's single
//! linkage dendrogram: if leaves `p` and `p + 1` are merged at `height[p]`, the heaviest edge between the leaves `p < q` is
//! the maximum of `height[p..q]`.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use crate::edge::Edge;
use crate::prepared_points::PreparedPoints;
use crate::progress::{ProgressCallback, ProgressCounter, run_tasks};
use crate::quantized_index::QuantizedBatch;
use crate::rerank::rerank;
use crate::scan::block::{BLOCK, SUBBLOCK, SUBBLOCKS};
use crate::scratch::{Scratch, SearchContext};

/// A spanning tree as the order of the leaves of its single linkage dendrogram.
#[derive(Clone, Copy, Debug)]
pub struct DendrogramOrder<'a> {
    /// All rows, in the order of the leaves.
    pub order: &'a [u32],
    /// The weight at which leaves `p` and `p + 1` are merged; one less than there are rows. It is infinite where the tree
    /// does not join the two sides yet: every pair across then undercuts it.
    pub height: &'a [f32],
    /// The core distance of each row, by row; `None` if weights are distances.
    pub core: Option<&'a [f32]>,
}

impl DendrogramOrder<'_> {
    fn core(&self, row: u32) -> f32 {
        self.core
            .map_or(f32::NEG_INFINITY, |core| core[row as usize])
    }

    /// The heaviest edge between two leaves.
    fn heaviest(&self, between: Range<usize>) -> f32 {
        self.height[between]
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max)
    }
}

/// The undercutting edges by brute force.
pub(crate) fn brute_force(
    rows: &PreparedPoints<'_>,
    tree: &DendrogramOrder<'_>,
    progress: ProgressCallback<'_>,
) -> Vec<Edge> {
    let n = tree.order.len();
    let of_leaf = |p: usize| {
        let i = tree.order[p];
        let mut heaviest = f32::NEG_INFINITY;
        let mut lighter = Vec::new();
        for q in p + 1..n {
            heaviest = heaviest.max(tree.height[q - 1]);
            let j = tree.order[q];
            let weight = rows
                .distance(i as usize, j as usize)
                .max(tree.core(i))
                .max(tree.core(j));
            if weight < heaviest {
                lighter.push(Edge {
                    from: i.min(j),
                    to: i.max(j),
                    weight,
                });
            }
        }
        progress(1);
        lighter
    };
    let mut edges = (0..n)
        .into_par_iter()
        .map(of_leaf)
        .collect::<Vec<_>>()
        .concat();
    edges.par_sort_unstable_by(Edge::order);
    edges
}

/// The undercutting edges by scanning codes in the order of the leaves: the heaviest edge between two leaves is then the
/// larger of one number for the row and one for the column, which is what a kernel compares a score with.
pub(crate) fn quantized(
    context: &SearchContext<'_>,
    tree: &DendrogramOrder<'_>,
    progress: ProgressCallback<'_>,
) -> Vec<Edge> {
    let batch = context
        .index
        .encode_batch(context.rows, tree.order.to_vec());
    let blocks = batch.codes.blocks() as u32;
    let queue: Vec<(u32, u32)> = (0..blocks)
        .flat_map(|a| (a..blocks).map(move |b| (a, b)))
        .collect();
    let search = TreeSearch {
        context,
        tree,
        batch,
    };
    let edges = Mutex::new(Vec::new());
    let progress = ProgressCounter::new(tree.order.len(), queue.len(), progress);
    run_tasks(queue.len(), TreeScratch::default, |work, at| {
        let (a, b) = (queue[at].0 as usize, queue[at].1 as usize);
        if a == b {
            search.within(a, work);
        } else {
            search.between(a, b, work);
        }
        if !work.edges.is_empty() {
            edges
                .lock()
                .expect("no thread panics while it adds edges")
                .append(&mut work.edges);
        }
        progress.increment();
    });
    let mut edges = edges
        .into_inner()
        .expect("no thread panics while it adds edges");
    edges.par_sort_unstable_by(Edge::order);
    edges
}

/// Buffers that a thread reuses.
#[derive(Default)]
struct TreeScratch {
    scratch: Scratch,
    /// The heaviest edge between a row and a column is the larger of these two numbers.
    heaviest: [Vec<f32>; 2],
    thresholds: [Vec<f64>; 2],
    /// Pairs within a subblock, the heaviest edges between them, and their reduced distances.
    pairs: Vec<(u32, u32)>,
    pair_heaviest: Vec<f32>,
    reduced: Vec<f64>,
    edges: Vec<Edge>,
}

struct TreeSearch<'a> {
    context: &'a SearchContext<'a>,
    tree: &'a DendrogramOrder<'a>,
    batch: QuantizedBatch,
}

impl TreeSearch<'_> {
    /// The leaves of a block.
    fn leaves(&self, b: usize) -> Range<usize> {
        b * BLOCK..self.tree.order.len().min((b + 1) * BLOCK)
    }

    fn between(&self, a: usize, b: usize, work: &mut TreeScratch) {
        let (rows, cols) = (self.leaves(a), self.leaves(b));
        self.split_heaviest(&rows, &cols, rows.start, cols.start, work);
        self.search_blocks(a, b, u64::MAX, work);
    }

    /// A block with itself: pairs of subblocks by their codes, the pairs within a subblock one by one.
    fn within(&self, b: usize, work: &mut TreeScratch) {
        let leaves = self.leaves(b);
        let subblock = |s: usize| {
            leaves.start + s * SUBBLOCK..leaves.end.min(leaves.start + (s + 1) * SUBBLOCK)
        };
        for p in 0..leaves.len().div_ceil(SUBBLOCK) {
            for q in p + 1..leaves.len().div_ceil(SUBBLOCK) {
                self.split_heaviest(&subblock(p), &subblock(q), leaves.start, leaves.start, work);
                self.search_blocks(b, b, 1 << (p * SUBBLOCKS + q), work);
            }
            let own = subblock(p);
            work.pair_heaviest.clear();
            work.pairs.clear();
            for i in own.clone() {
                for j in i + 1..own.end {
                    let heaviest = self.tree.heaviest(i..j);
                    let (i, j) = (self.tree.order[i], self.tree.order[j]);
                    if self.tree.core(i) < heaviest && self.tree.core(j) < heaviest {
                        work.pair_heaviest.push(heaviest);
                        work.pairs.push((i, j));
                    }
                }
            }
            rerank(self.context.rows, &work.pairs, &mut work.reduced);
            for ((&(i, j), &heaviest), &reduced) in work
                .pairs
                .iter()
                .zip(&work.pair_heaviest)
                .zip(&work.reduced)
            {
                self.push_if_lighter(i, j, reduced, heaviest, &mut work.edges);
            }
        }
    }

    /// Splits the heaviest edges between the leaves `rows` and the later leaves `cols` into one number per row and one per
    /// column. They are indexed from `row_start` and `col_start`; leaves before `rows` and `cols` get none.
    fn split_heaviest(
        &self,
        rows: &Range<usize>,
        cols: &Range<usize>,
        row_start: usize,
        col_start: usize,
        work: &mut TreeScratch,
    ) {
        let [of_rows, of_cols] = &mut work.heaviest;
        let mut heaviest = self.tree.heaviest(rows.end..cols.start);
        of_rows.clear();
        of_rows.resize(rows.end - row_start, f32::NEG_INFINITY);
        for i in rows.clone().rev() {
            heaviest = heaviest.max(self.tree.height[i]);
            of_rows[i - row_start] = heaviest;
        }
        of_cols.clear();
        of_cols.resize(cols.end - col_start, f32::NEG_INFINITY);
        let mut heaviest = f32::NEG_INFINITY;
        for j in cols.clone() {
            of_cols[j - col_start] = heaviest;
            if j + 1 < cols.end {
                heaviest = heaviest.max(self.tree.height[j]);
            }
        }
    }

    fn search_blocks(&self, a: usize, b: usize, mask: u64, work: &mut TreeScratch) {
        let (codes, balls) = (&self.batch.codes, &self.batch.balls);
        let (block, other) = (codes.block(a), codes.block(b));
        let bounds = &self.context.index.bounds;
        for ((thresholds, heaviest), block) in work
            .thresholds
            .iter_mut()
            .zip(&mut work.heaviest)
            .zip([&block, &other])
        {
            heaviest.resize(block.ids.len(), f32::NEG_INFINITY);
            let threshold = |&heaviest: &f32| {
                if heaviest == f32::NEG_INFINITY {
                    f64::INFINITY
                } else {
                    bounds.score_threshold_of_distance(heaviest)
                }
            };
            thresholds.clear();
            thresholds.extend(heaviest.iter().map(threshold));
        }
        let [thresholds_a, thresholds_b] = &work.thresholds;
        let mask = mask & balls.reachable_pairs(a, balls, b, bounds, thresholds_a, thresholds_b);
        let scratch = &mut work.scratch;
        scratch.scan_block(
            self.context,
            &block,
            &other,
            [thresholds_a, thresholds_b],
            mask,
        );
        let hits = std::mem::take(&mut scratch.hits);
        let heaviest = |row: usize, col: usize| work.heaviest[0][row].max(work.heaviest[1][col]);
        for hits in hits.chunks(BLOCK) {
            let wanted = |row: usize, col: usize| {
                let heaviest = heaviest(row, col);
                self.tree.core(block.ids[row]) < heaviest
                    && self.tree.core(other.ids[col]) < heaviest
            };
            scratch.rerank(
                self.context,
                (&block, &other),
                [thresholds_a, thresholds_b],
                hits,
                wanted,
            );
            for pair in &scratch.reranked {
                let (i, j) = (block.ids[pair.row], other.ids[pair.col]);
                let heaviest = heaviest(pair.row, pair.col);
                self.push_if_lighter(i, j, pair.reduced, heaviest, &mut work.edges);
            }
        }
        scratch.hits = hits;
    }

    fn push_if_lighter(&self, i: u32, j: u32, reduced: f64, heaviest: f32, edges: &mut Vec<Edge>) {
        let distance = self.context.rows.metric.distance(reduced);
        let weight = distance.max(self.tree.core(i)).max(self.tree.core(j));
        if weight < heaviest {
            edges.push(Edge {
                from: i.min(j),
                to: i.max(j),
                weight,
            });
        }
    }
}
