//! The nearest row of another component: the query of one round of Boruvka's algorithm, which joins the components of a
//! graph.
//!
//! The weight of a pair is its mutual reachability distance `max(core_i, core_j, d_ij)` (Campello, Moulavi, Sander
//! 2013), or the distance where there are no core distances. Pairs are ordered by weight, then by the smaller id, then by
//! the larger: a total order, so the minimum spanning tree is unique.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use crate::edge::{Edge, from_sortable_bits, sortable_bits};
use crate::prepared_points::PreparedPoints;
use crate::progress::ProgressCallback;
use crate::quantized_index::QuantizedBatch;
use crate::scan::block::{BLOCK, Hit, SUBBLOCK, SUBBLOCKS};
use crate::scratch::{Scratch, SearchContext};

/// One round of Boruvka's algorithm: the rows to search from, and their components.
#[derive(Clone, Copy, Debug)]
pub struct BoruvkaQuery<'a> {
    /// The component of each of the `n` rows, as any numbers.
    pub component: &'a [u32],
    /// The core distance of each of the `n` rows; `None` if weights are distances.
    pub core: Option<&'a [f32]>,
    /// The rows to search from.
    pub queries: &'a [u32],
    /// For each query the largest weight to search for (inclusive, infinity allowed). The tighter, the cheaper.
    pub bound: &'a [f32],
}

impl BoruvkaQuery<'_> {
    fn core(&self, row: u32) -> f32 {
        self.core
            .map_or(f32::NEG_INFINITY, |core| core[row as usize])
    }
}

/// The first edge of each query, by brute force.
pub(crate) fn brute_force(
    rows: &PreparedPoints<'_>,
    members: &[u32],
    query: &BoruvkaQuery<'_>,
    progress: ProgressCallback<'_>,
) -> Vec<Option<Edge>> {
    let search = |(&i, &bound): (&u32, &f32)| {
        let mut best: Option<Edge> = None;
        for &j in members {
            if query.component[i as usize] != query.component[j as usize] {
                let weight = rows
                    .distance(i as usize, j as usize)
                    .max(query.core(i))
                    .max(query.core(j));
                let found = Edge {
                    from: i,
                    to: j,
                    weight,
                };
                if weight <= bound && best.is_none_or(|best| found.order(&best).is_lt()) {
                    best = Some(found);
                }
            }
        }
        progress(1);
        best
    };
    query
        .queries
        .par_iter()
        .zip(query.bound)
        .map(search)
        .collect()
}

/// The first edge of each query by scanning codes. The first edge of each component is among them; other queries may have
/// none.
///
/// A batch of queries is compared with one block of the index after another, near ones first, bounded by the edges found so
/// far. Pairs of subblocks that lie in one component, or whose core distances are too large, are skipped.
///
/// Cost: scanning at most `q n` pairs.
pub(crate) fn quantized(
    context: &SearchContext<'_>,
    query: &BoruvkaQuery<'_>,
    progress: ProgressCallback<'_>,
) -> Vec<Option<Edge>> {
    let order = &context.index.codes.order;
    // Queries that are near each other are in the same batch.
    let mut position = vec![u32::MAX; context.rows.points.n()];
    for (at, &id) in order.iter().enumerate() {
        position[id as usize] = at as u32;
    }
    let mut sequence: Vec<u32> = (0..query.queries.len() as u32).collect();
    sequence.sort_unstable_by_key(|&q| (position[query.queries[q as usize] as usize], q));
    drop(position);
    let subblocks = subblock_stats(order, query);
    let component_bests = ComponentBests::new(query);
    let found: Vec<Vec<(u32, Edge)>> = sequence
        .par_chunks(BLOCK)
        .with_max_len(1)
        .map_init(Scratch::default, |scratch, sequence| {
            let ids: Vec<u32> = sequence
                .iter()
                .map(|&q| query.queries[q as usize])
                .collect();
            let bounds: Vec<f32> = sequence.iter().map(|&q| query.bound[q as usize]).collect();
            let mut batch = BoruvkaBatch::new(context, query, &component_bests, ids, bounds);
            for b in context.index.blocks_by_distance(&batch.batch) {
                batch.search_block(b, &subblocks, scratch);
            }
            progress(sequence.len() as u64);
            sequence
                .iter()
                .zip(batch.best)
                .filter_map(|(&q, best)| best.map(|best| (q, best)))
                .collect()
        })
        .collect();
    let mut edges = vec![None; query.queries.len()];
    for (q, best) in found.into_iter().flatten() {
        edges[q as usize] = Some(best);
    }
    edges
}

/// What the rows of a subblock have in common.
#[derive(Clone, Copy, Debug)]
struct SubblockStats {
    /// The component, if all rows are in the same.
    component: Option<u32>,
    least_core: f32,
}

fn subblock_stats(order: &[u32], query: &BoruvkaQuery<'_>) -> Vec<SubblockStats> {
    order
        .chunks(SUBBLOCK)
        .map(|ids| {
            let first = query.component[ids[0] as usize];
            SubblockStats {
                component: ids
                    .iter()
                    .all(|&id| query.component[id as usize] == first)
                    .then_some(first),
                least_core: ids
                    .iter()
                    .map(|&id| query.core(id))
                    .fold(f32::INFINITY, f32::min),
            }
        })
        .collect()
}

/// The least weight that any query of each component has found, shared by all threads.
struct ComponentBests {
    /// Ascending.
    components: Vec<u32>,
    /// Weights as [`sortable_bits`].
    least: Vec<AtomicU32>,
}

impl ComponentBests {
    fn new(query: &BoruvkaQuery<'_>) -> Self {
        let mut components: Vec<u32> = query
            .queries
            .iter()
            .map(|&i| query.component[i as usize])
            .collect();
        components.sort_unstable();
        components.dedup();
        let least = components
            .iter()
            .map(|_| AtomicU32::new(sortable_bits(f32::INFINITY)))
            .collect();
        ComponentBests { components, least }
    }

    /// Of a component that has a query.
    fn of(&self, component: u32) -> &AtomicU32 {
        let at = self.components.partition_point(|&other| other < component);
        &self.least[at]
    }
}

/// A batch of queries while it is compared with the blocks of the index.
struct BoruvkaBatch<'a> {
    context: &'a SearchContext<'a>,
    query: &'a BoruvkaQuery<'a>,
    batch: QuantizedBatch,
    subblocks: Vec<SubblockStats>,
    /// The least weight found by the component of each query.
    component_best: Vec<&'a AtomicU32>,
    /// The largest weight to search for, for each query.
    bounds: Vec<f32>,
    thresholds: Vec<f64>,
    best: Vec<Option<Edge>>,
}

impl<'a> BoruvkaBatch<'a> {
    fn new(
        context: &'a SearchContext<'a>,
        query: &'a BoruvkaQuery<'a>,
        component_bests: &'a ComponentBests,
        ids: Vec<u32>,
        bounds: Vec<f32>,
    ) -> Self {
        let subblocks = subblock_stats(&ids, query);
        let component_best = ids
            .iter()
            .map(|&i| component_bests.of(query.component[i as usize]))
            .collect();
        BoruvkaBatch {
            context,
            query,
            subblocks,
            component_best,
            bounds,
            thresholds: vec![f64::NEG_INFINITY; ids.len()],
            best: vec![None; ids.len()],
            batch: context.index.encode_batch(context.rows, ids),
        }
    }

    /// Lowers the bounds to what other queries of the component have found, and sets the thresholds accordingly.
    fn tighten(&mut self) {
        for (row, &id) in self.batch.codes.order.iter().enumerate() {
            let found = from_sortable_bits(self.component_best[row].load(Ordering::Relaxed));
            let bound = self.bounds[row].min(found);
            self.bounds[row] = bound;
            self.thresholds[row] = if self.query.core(id) > bound {
                f64::INFINITY
            } else {
                self.context.index.bounds.score_threshold_of_distance(bound)
            };
        }
    }

    fn search_block(&mut self, b: usize, subblocks: &[SubblockStats], scratch: &mut Scratch) {
        self.tighten();
        let index = self.context.index;
        let other = index.codes.block(b);
        let never = vec![f64::INFINITY; other.ids.len()];
        let mut mask = self.batch.balls.reachable_pairs(
            0,
            &index.balls,
            b,
            &index.bounds,
            &self.thresholds,
            &never,
        );
        let of_block = b * SUBBLOCKS..subblocks.len().min((b + 1) * SUBBLOCKS);
        mask &= self.foreign_pairs(&subblocks[of_block]);
        let block = self.batch.codes.block(0);
        scratch.scan_block(
            self.context,
            &block,
            &other,
            [&self.thresholds, &never],
            mask,
        );
        let mut hits = std::mem::take(&mut scratch.hits);
        if hits.len() > BLOCK {
            // The pairs with the best scores lower the bounds for the others.
            hits.sort_unstable_by(|a, b| b.score.cmp(&a.score).then(a.cmp(b)));
        }
        let mut rest = &hits[..];
        let mut size = SUBBLOCK;
        while !rest.is_empty() {
            let (hits, later) = rest.split_at(size.min(rest.len()));
            (rest, size) = (later, BLOCK.min(2 * size));
            self.rerank(hits, b, scratch);
        }
        scratch.hits = hits;
    }

    fn rerank(&mut self, hits: &[Hit], b: usize, scratch: &mut Scratch) {
        let index = self.context.index;
        let (block, other) = (self.batch.codes.block(0), index.codes.block(b));
        let never = vec![f64::INFINITY; other.ids.len()];
        let wanted = |row: usize, col: usize| {
            let (i, j) = (block.ids[row], other.ids[col]);
            self.query.component[i as usize] != self.query.component[j as usize]
                && self.query.core(j) <= self.bounds[row]
        };
        scratch.rerank(
            self.context,
            (&block, &other),
            [&self.thresholds, &never],
            hits,
            wanted,
        );
        for pair in &scratch.reranked {
            let (i, j) = (block.ids[pair.row], other.ids[pair.col]);
            let distance = self.context.rows.metric.distance(pair.reduced);
            let weight = distance.max(self.query.core(i)).max(self.query.core(j));
            let found = Edge {
                from: i,
                to: j,
                weight,
            };
            if weight > self.bounds[pair.row]
                || self.best[pair.row].is_some_and(|best| found.order(&best).is_gt())
            {
                continue;
            }
            self.best[pair.row] = Some(found);
            self.bounds[pair.row] = weight;
            self.thresholds[pair.row] = index.bounds.score_threshold_of_distance(weight);
            self.component_best[pair.row].fetch_min(sortable_bits(weight), Ordering::Relaxed);
        }
    }

    /// The mask of the pairs of subblocks that may hold an edge to another component within the bounds.
    fn foreign_pairs(&self, others: &[SubblockStats]) -> u64 {
        let mut mask = 0;
        for (p, (own, bounds)) in self
            .subblocks
            .iter()
            .zip(self.bounds.chunks(SUBBLOCK))
            .enumerate()
        {
            let largest = bounds.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for (q, other) in others.iter().enumerate() {
                let same = own.component.is_some() && own.component == other.component;
                if !same && other.least_core <= largest {
                    mask |= 1 << (p * SUBBLOCKS + q);
                }
            }
        }
        mask
    }
}
