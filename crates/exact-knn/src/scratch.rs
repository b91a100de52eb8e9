//! The two steps of every quantized search on a pair of blocks: scan their codes, re-rank the hits.

use crate::error_bounds::{ErrorBounds, RowNorms};
use crate::prepared_points::PreparedPoints;
use crate::quantized_index::QuantizedIndex;
use crate::rerank::rerank;
use crate::scalar_quantizer::Block;
use crate::scan::block::{Hit, UNREACHABLE};
use crate::scan::{ScanScratch, scan};
use crate::stats::PairCounter;
use crate::top_k::Candidate;

/// What all pairs of blocks of a search share.
#[derive(Clone, Copy)]
pub(crate) struct SearchContext<'a> {
    pub(crate) rows: &'a PreparedPoints<'a>,
    pub(crate) index: &'a QuantizedIndex,
    pub(crate) reranked: &'a PairCounter,
}

/// A pair that was re-ranked: its rows in the two blocks and its reduced distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RerankedPair {
    pub(crate) row: usize,
    pub(crate) col: usize,
    pub(crate) reduced: f64,
}

impl RerankedPair {
    /// The pair as a candidate of one of its rows; `id` is the other.
    pub(crate) fn candidate(&self, id: u32) -> Candidate {
        Candidate {
            reduced: self.reduced,
            id,
        }
    }
}

/// Buffers that a thread reuses for all pairs of blocks.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    scan: ScanScratch,
    code_thresholds: [Vec<i32>; 2],
    /// The result of [`Scratch::scan_block`].
    pub(crate) hits: Vec<Hit>,
    kept: Vec<Hit>,
    pairs: Vec<(u32, u32)>,
    reduced: Vec<f64>,
    /// The result of [`Scratch::rerank`].
    pub(crate) reranked: Vec<RerankedPair>,
}

impl Scratch {
    /// Scans the pairs of two blocks. The threshold of a row is the score from which a pair matters to it: minus infinity
    /// where every pair does, infinity where none does. A pair is a hit if it may matter to its row or to its column.
    /// `pair_mask` is that of [`scan`].
    pub(crate) fn scan_block(
        &mut self,
        context: &SearchContext<'_>,
        a: &Block<'_>,
        b: &Block<'_>,
        thresholds: [&[f64]; 2],
        pair_mask: u64,
    ) {
        self.hits.clear();
        if pair_mask == 0 {
            return;
        }
        let [thresholds_a, thresholds_b] = &mut self.code_thresholds;
        code_thresholds(&context.index.bounds, a, b, thresholds[0], thresholds_a);
        code_thresholds(&context.index.bounds, b, a, thresholds[1], thresholds_b);
        scan(
            context.index.codec.kernel,
            &a.side(thresholds_a),
            &b.side(thresholds_b),
            context.index.codec.lanes,
            pair_mask,
            &mut self.scan,
            &mut self.hits,
        );
    }

    /// Computes the reduced distances of those of `hits` that are `wanted` and that the error bound of the pair itself
    /// does not exclude.
    pub(crate) fn rerank(
        &mut self,
        context: &SearchContext<'_>,
        (a, b): (&Block<'_>, &Block<'_>),
        thresholds: [&[f64]; 2],
        hits: &[Hit],
        wanted: impl Fn(usize, usize) -> bool,
    ) {
        let bounds = &context.index.bounds;
        self.kept.clear();
        for &hit in hits {
            let (row, col) = (usize::from(hit.row), usize::from(hit.col));
            let error = bounds.error(row_norms(a, row), row_norms(b, col));
            let largest_score = f64::from(hit.score) * bounds.unit + error;
            if largest_score >= thresholds[0][row].min(thresholds[1][col]) && wanted(row, col) {
                self.kept.push(hit);
            }
        }
        // One row after another, so that each is read while it is in the cache.
        self.kept.sort_unstable_by_key(|hit| (hit.row, hit.col));
        self.pairs.clear();
        self.pairs.extend(
            self.kept
                .iter()
                .map(|hit| (a.ids[usize::from(hit.row)], b.ids[usize::from(hit.col)])),
        );
        rerank(context.rows, &self.pairs, &mut self.reduced);
        context.reranked.add(self.pairs.len());
        self.reranked.clear();
        self.reranked
            .extend(
                self.kept
                    .iter()
                    .zip(&self.reduced)
                    .map(|(hit, &reduced)| RerankedPair {
                        row: hit.row.into(),
                        col: hit.col.into(),
                        reduced,
                    }),
            );
    }
}

fn row_norms(block: &Block<'_>, row: usize) -> RowNorms {
    RowNorms {
        norm: block.norms[row],
        residual: block.residuals[row],
    }
}

/// The threshold of each row of `a`, in units, against any row of `b`.
fn code_thresholds(
    bounds: &ErrorBounds,
    a: &Block<'_>,
    b: &Block<'_>,
    thresholds: &[f64],
    code_thresholds: &mut Vec<i32>,
) {
    let largest = RowNorms {
        norm: b.maxima.0,
        residual: b.maxima.1,
    };
    code_thresholds.clear();
    code_thresholds.extend(thresholds.iter().enumerate().map(|(row, &threshold)| {
        if threshold == f64::INFINITY {
            UNREACHABLE
        } else {
            bounds.code_threshold(threshold, bounds.error(row_norms(a, row), largest))
        }
    }));
    code_thresholds.resize(a.padded(), UNREACHABLE);
}
