//! The neighbors of all rows: each pair of blocks is scanned once, for both blocks.
//!
//! First every block is compared with itself: its rows are near each other, so their lists fill with near rows and their
//! thresholds rise at once. Then come the pairs of blocks, near ones first. A threshold that another thread is about to
//! raise is merely too low: more pairs are re-ranked, and the lists are the same, at any number of threads.
//!
//! Cost: scanning `n^2 / 2` pairs, re-ranking some hundred pairs per row. Memory: the codes and the lists.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use rayon::prelude::*;

use crate::Metric;
use crate::edge::sortable_bits;
use crate::progress::{ProgressCallback, ProgressCounter, run_tasks};
use crate::queries::{FillScratch, fill_lists};
use crate::scan::block::BLOCK;
use crate::scratch::SearchContext;
use crate::top_k::{Candidate, NeighborLists, ReducedDistance};

/// Number of hits that are re-ranked before thresholds are read again.
const BATCH: usize = 1024;

/// The neighbors of all rows of the index, in its order.
pub(crate) fn all_pairs(
    context: &SearchContext<'_>,
    k: usize,
    progress: ProgressCallback<'_>,
) -> (Vec<u32>, Vec<ReducedDistance>) {
    let n = context.index.codes.order.len();
    let (mut ids, mut reduced) = (vec![0; n * k], vec![ReducedDistance::EMPTY; n * k]);
    let lists: Vec<Mutex<NeighborLists<'_>>> = ids
        .chunks_mut(BLOCK * k)
        .zip(reduced.chunks_mut(BLOCK * k))
        .map(|(ids, reduced)| Mutex::new(NeighborLists::new(k, ids, reduced)))
        .collect();
    let blocks = lists.len();
    let search = AllPairs {
        context,
        lists: &lists,
        thresholds: (0..n)
            .map(|_| AtomicU32::new(f32::NEG_INFINITY.to_bits()))
            .collect(),
        progress: ProgressCounter::new(n, blocks * (blocks + 1) / 2, progress),
    };
    (0..blocks)
        .into_par_iter()
        .with_max_len(1)
        .for_each_init(PairScratch::default, |work, b| search.within(b, work));
    // Blocks that are far apart come last, when thresholds are high.
    let mut queue: Vec<(u32, u32)> = (0..blocks as u32)
        .flat_map(|a| (a + 1..blocks as u32).map(move |b| (a, b)))
        .collect();
    let centers = context.index.balls.block_centers();
    queue.par_sort_by_cached_key(|&(a, b)| sortable_bits(centers.distance(a as usize, b as usize)));
    run_tasks(queue.len(), PairScratch::default, |work, at| {
        let (a, b) = queue[at];
        search.between(a as usize, b as usize, work);
        search.progress.increment();
    });
    drop(lists);
    (ids, reduced)
}

/// Buffers that a thread reuses.
#[derive(Default)]
struct PairScratch {
    fill: FillScratch,
    thresholds: [Vec<f64>; 2],
    /// The k-th neighbor of each row when its threshold was read.
    kth: [Vec<Candidate>; 2],
}

struct AllPairs<'a, 'l> {
    context: &'a SearchContext<'a>,
    lists: &'a [Mutex<NeighborLists<'l>>],
    /// The score threshold of each position, rounded down, as bits of an `f32`; it never falls.
    thresholds: Vec<AtomicU32>,
    progress: ProgressCounter<'a>,
}

impl<'l> AllPairs<'_, 'l> {
    /// Fills the lists of a block with the nearest rows of the block itself.
    fn within(&self, b: usize, work: &mut PairScratch) {
        let block = self.context.index.codes.block(b);
        let mut thresholds = vec![f64::NEG_INFINITY; block.ids.len()];
        let mut lists = self.lock(b);
        fill_lists(
            self.context,
            &block,
            &block,
            &mut lists,
            &mut thresholds,
            &mut work.fill,
        );
        for (row, &threshold) in thresholds.iter().enumerate() {
            self.raise_threshold(b, row, threshold);
        }
        drop(lists);
        self.progress.increment();
    }

    /// Adds the rows of each of two blocks to the lists of the other.
    fn between(&self, a: usize, b: usize, work: &mut PairScratch) {
        let index = self.context.index;
        let blocks = [index.codes.block(a), index.codes.block(b)];
        for (side, b) in [a, b].into_iter().enumerate() {
            let thresholds = &self.thresholds[b * BLOCK..][..blocks[side].ids.len()];
            work.thresholds[side].clear();
            work.thresholds[side].extend(
                thresholds
                    .iter()
                    .map(|bits| f64::from(f32::from_bits(bits.load(Ordering::Relaxed)))),
            );
        }
        let [thresholds_a, thresholds_b] = &mut work.thresholds;
        let mask = index.balls.reachable_pairs(
            a,
            &index.balls,
            b,
            &index.bounds,
            thresholds_a,
            thresholds_b,
        );
        let scratch = &mut work.fill.scratch;
        scratch.scan_block(
            self.context,
            &blocks[0],
            &blocks[1],
            [thresholds_a, thresholds_b],
            mask,
        );
        if !scratch.hits.is_empty() {
            for (side, b) in [a, b].into_iter().enumerate() {
                let lists = self.lock(b);
                work.kth[side].clear();
                work.kth[side].extend((0..blocks[side].ids.len()).map(|row| lists.kth(row)));
            }
        }
        let mut hits = std::mem::take(&mut scratch.hits);
        if hits.len() > BATCH {
            // The pairs with the best scores raise the thresholds for the others.
            let best = hits.len() / 8;
            hits.select_nth_unstable_by(best, |a, b| b.score.cmp(&a.score).then(a.cmp(b)));
        }
        for batch in hits.chunks(BATCH) {
            let [kth_a, kth_b] = &work.kth;
            // Distances of a metric are not negative, so only smaller ids can enter a list of zeros.
            let has_zeros = self.context.rows.metric != Metric::InnerProduct;
            let can_enter =
                |kth: &Candidate, id: u32| !(has_zeros && kth.reduced == 0.0 && id > kth.id);
            scratch.rerank(
                self.context,
                (&blocks[0], &blocks[1]),
                [thresholds_a, thresholds_b],
                batch,
                |row, col| {
                    can_enter(&kth_a[row], blocks[1].ids[col])
                        || can_enter(&kth_b[col], blocks[0].ids[row])
                },
            );
            for (side, b) in [a, b].into_iter().enumerate() {
                let thresholds = if side == 0 {
                    &mut *thresholds_a
                } else {
                    &mut *thresholds_b
                };
                let kth = &mut work.kth[side];
                let mut lists = None;
                for pair in &scratch.reranked {
                    let (row, other) = if side == 0 {
                        (pair.row, pair.col)
                    } else {
                        (pair.col, pair.row)
                    };
                    let candidate = pair.candidate(blocks[1 - side].ids[other]);
                    if candidate.order(&kth[row]).is_ge() {
                        continue;
                    }
                    let lists = lists.get_or_insert_with(|| self.lock(b));
                    if lists.push(row, candidate) {
                        kth[row] = lists.kth(row);
                        thresholds[row] = index.bounds.score_threshold(kth[row].reduced);
                        self.raise_threshold(b, row, thresholds[row]);
                    }
                }
            }
        }
        scratch.hits = hits;
    }

    fn raise_threshold(&self, b: usize, row: usize, threshold: f64) {
        // The lock of the block is held, so no other thread writes; readers may see the old threshold, which is safe.
        let below = (threshold as f32).next_down();
        self.thresholds[b * BLOCK + row].store(below.to_bits(), Ordering::Relaxed);
    }

    fn lock(&self, b: usize) -> MutexGuard<'_, NeighborLists<'l>> {
        self.lists[b]
            .lock()
            .expect("no thread panics while it holds a list")
    }
}

/// Moves list `i` to place `places[i]`, in place. `places` is a permutation; afterwards it is the identity.
pub(crate) fn permute_lists(
    ids: &mut [u32],
    reduced: &mut [ReducedDistance],
    places: &mut [u32],
    k: usize,
) {
    for at in 0..places.len() {
        while places[at] as usize != at {
            let to = places[at] as usize;
            swap(ids, at, to, k);
            swap(reduced, at, to, k);
            places.swap(at, to);
        }
    }
}

fn swap<T>(lists: &mut [T], a: usize, b: usize, k: usize) {
    let (first, last) = (a.min(b), a.max(b));
    let (head, tail) = lists.split_at_mut(last * k);
    head[first * k..(first + 1) * k].swap_with_slice(&mut tail[..k]);
}
