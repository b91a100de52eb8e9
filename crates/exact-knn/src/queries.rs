//! The neighbors of some rows among all: a batch of queries is compared with one block of the index after another.
//!
//! Cost: scanning `q n` pairs. Memory: the codes of one batch of queries per thread.

use rayon::prelude::*;

use crate::ProgressCallback;
use crate::scalar_quantizer::Block;
use crate::scan::block::{BLOCK, Hit, SUBBLOCK, SUBBLOCKS};
use crate::scratch::{Scratch, SearchContext};
use crate::top_k::{NeighborLists, ReducedDistance};

/// The neighbors of `queries`, in their order.
pub(crate) fn search(
    context: &SearchContext<'_>,
    queries: &[u32],
    k: usize,
    ids: &mut [u32],
    reduced: &mut [ReducedDistance],
    progress: ProgressCallback<'_>,
) {
    let (rows, index) = (context.rows, context.index);
    let size = batch_size(queries.len());
    queries
        .par_chunks(size)
        .with_max_len(1)
        .zip(
            ids.par_chunks_mut(size * k)
                .zip(reduced.par_chunks_mut(size * k)),
        )
        .for_each_init(FillScratch::default, |work, (queries, (ids, reduced))| {
            let mut lists = NeighborLists::new(k, ids, reduced);
            let batch = index.encode_batch(rows, queries.to_vec());
            let block = batch.codes.block(0);
            let mut thresholds = vec![f64::NEG_INFINITY; queries.len()];
            for (turn, b) in index.blocks_by_distance(&batch).into_iter().enumerate() {
                let other = index.codes.block(b);
                let never = vec![f64::INFINITY; other.ids.len()];
                if turn == 0 {
                    fill_lists(context, &block, &other, &mut lists, &mut thresholds, work);
                    continue;
                }
                let mask = batch.balls.reachable_pairs(
                    0,
                    &index.balls,
                    b,
                    &index.bounds,
                    &thresholds,
                    &never,
                );
                let scratch = &mut work.scratch;
                scratch.scan_block(context, &block, &other, [&thresholds, &never], mask);
                let hits = std::mem::take(&mut scratch.hits);
                for hits in hits.chunks(BLOCK) {
                    let other_row = |row: usize, col: usize| block.ids[row] != other.ids[col];
                    scratch.rerank(
                        context,
                        (&block, &other),
                        [&thresholds, &never],
                        hits,
                        other_row,
                    );
                    for pair in &scratch.reranked {
                        if lists.push(pair.row, pair.candidate(other.ids[pair.col])) {
                            thresholds[pair.row] =
                                index.bounds.score_threshold(lists.kth(pair.row).reduced);
                        }
                    }
                }
                scratch.hits = hits;
            }
            progress(queries.len() as u64);
        });
}

/// The number of queries in a batch: a block, or whole subblocks where that would leave threads without work.
fn batch_size(queries: usize) -> usize {
    let share = queries.div_ceil(4 * rayon::current_num_threads());
    share.next_multiple_of(SUBBLOCK).clamp(SUBBLOCK, BLOCK)
}

/// Buffers of [`fill_lists`] that a thread reuses.
#[derive(Default)]
pub(crate) struct FillScratch {
    pub(crate) scratch: Scratch,
    hits_by_row: Vec<Vec<Hit>>,
    /// One bit for each pair of a block with itself that was re-ranked.
    reranked: Vec<u64>,
}

/// Fills the empty lists of the rows of `block` from a first block: the `k` pairs of a row with the best scores set its
/// threshold, which the others have to reach.
pub(crate) fn fill_lists(
    context: &SearchContext<'_>,
    block: &Block<'_>,
    other: &Block<'_>,
    lists: &mut NeighborLists<'_>,
    thresholds: &mut [f64],
    work: &mut FillScratch,
) {
    let (k, bounds) = (lists.k, &context.index.bounds);
    let never = vec![f64::INFINITY; other.ids.len()];
    work.hits_by_row.resize_with(BLOCK, Vec::new);
    for subblock in 0..SUBBLOCKS {
        // Every pair is a hit; those of more than one subblock of rows would not fit in the cache.
        let mask = 0xff << (subblock * SUBBLOCKS);
        work.scratch
            .scan_block(context, block, other, [thresholds, &never], mask);
        for &hit in &work.scratch.hits {
            if block.ids[usize::from(hit.row)] != other.ids[usize::from(hit.col)] {
                work.hits_by_row[usize::from(hit.row)].push(hit);
            }
        }
    }
    let same = std::ptr::eq(block.ids, other.ids);
    work.reranked.clear();
    work.reranked.resize(BLOCK * BLOCK / 64, 0);
    for (row, hits) in work
        .hits_by_row
        .iter_mut()
        .enumerate()
        .take(block.ids.len())
    {
        if hits.len() > k {
            hits.select_nth_unstable_by(k - 1, |a, b| {
                b.score.cmp(&a.score).then(a.col.cmp(&b.col))
            });
        }
        let (best, rest) = hits.split_at(k.min(hits.len()));
        for part in [best, rest] {
            // Within a block, a pair that was re-ranked for one row was also pushed to the list of the other.
            let is_done = |row: usize, col: usize| {
                work.reranked[(row * BLOCK + col) / 64] >> (col % 64) & 1 == 1
            };
            let is_new = |row: usize, col: usize| !same || !is_done(col, row);
            work.scratch
                .rerank(context, (block, other), [thresholds, &never], part, is_new);
            for pair in &work.scratch.reranked {
                lists.push(row, pair.candidate(other.ids[pair.col]));
                if same {
                    work.reranked[(row * BLOCK + pair.col) / 64] |= 1 << (pair.col % 64);
                    if lists.push(pair.col, pair.candidate(block.ids[row])) {
                        thresholds[pair.col] = bounds.score_threshold(lists.kth(pair.col).reduced);
                    }
                }
            }
            thresholds[row] = bounds.score_threshold(lists.kth(row).reduced);
        }
        hits.clear();
    }
}
