//! The search without screening: every distance, by [`Pair::reduced`]. It is what all kernels are held to, and what answers
//! where screening would not pay: few rows, few queries.
//!
//! Cost: one measurement for each pair of a query and a candidate.

use rayon::prelude::*;

use crate::distance::{Pair, inverse_length};
use crate::nearest::Nearest;
use crate::rerank::{measure, project};
use crate::{Error, Kernel, Margin, Metric, Points, Watch};

/// Queries that share one pass over a block of candidates.
const QUERIES: usize = 16;
/// Candidates of one block: with d = 1024 they fill half of a second-level cache.
const CANDIDATES: usize = 128;

/// Rows with what the metric needs to know of each.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) points: Points<'a>,
    pub(crate) metric: Metric,
    /// [`inverse_length`] of each row under [`Metric::Cosine`], else empty.
    inverses: Vec<f64>,
    /// The widest registers that measuring may use.
    pub(crate) kernel: Kernel,
    pub(crate) margin: Margin,
}

impl<'a> Rows<'a> {
    /// Reads the rows `members`; others are measured too, more slowly.
    pub(crate) fn new(
        points: Points<'a>,
        metric: Metric,
        members: &[u32],
        kernel: Kernel,
        margin: Margin,
    ) -> Self {
        let mut inverses = Vec::new();
        if metric == Metric::Cosine {
            let known: Vec<f64> = members
                .par_iter()
                .with_min_len(256)
                .map(|&i| inverse_length(points.row(i as usize)))
                .collect();
            if known.len() == points.n() {
                inverses = known;
            } else {
                inverses = vec![f64::NAN; points.n()];
                for (&i, &known) in members.iter().zip(&known) {
                    inverses[i as usize] = known;
                }
            }
        }
        Rows {
            points,
            metric,
            inverses,
            kernel,
            margin,
        }
    }

    /// The [`crate::reduced_distance`] of two rows.
    pub(crate) fn reduced(&self, i: usize, j: usize) -> f64 {
        self.pair(i, j).reduced(self.points.row(i), self.metric)
    }

    /// The [`crate::distance`] of two rows.
    pub(crate) fn distance(&self, i: usize, j: usize) -> f32 {
        self.metric.distance(self.reduced(i, j))
    }

    #[inline(always)]
    pub(crate) fn pair(&self, i: usize, j: usize) -> Pair<'a> {
        Pair {
            a: self.points.row(i),
            inverse_a: self.inverse(i),
            b: self.points.row(j),
            inverse_b: self.inverse(j),
        }
    }

    /// The product of each row with `direction`, written before its id.
    pub(crate) fn project(&self, direction: &[f32], keyed: &mut [(f32, u32)]) {
        project(self.kernel, self, direction, keyed);
    }

    /// Adds row `i`, times `share`, to `sum`.
    pub(crate) fn add_to(&self, sum: &mut [f32], i: usize, share: f32) {
        let share = share * self.scale(i);
        for (sum, value) in sum.iter_mut().zip(self.points.row(i)) {
            *sum += share * value;
        }
    }

    /// The factor that brings row `i` to unit length under [`Metric::Cosine`], else 1.
    #[inline(always)]
    pub(crate) fn inverse(&self, i: usize) -> f64 {
        match self.inverses.get(i) {
            None => 1.0,
            Some(unknown) if unknown.is_nan() => inverse_length(self.points.row(i)),
            Some(&known) => known,
        }
    }

    /// [`Rows::inverse`] for what is only an estimate, or 0 where that is no normal `f32`.
    #[inline(always)]
    pub(crate) fn scale(&self, i: usize) -> f32 {
        let factor = self.inverse(i);
        if (1e-30..1e30).contains(&factor) {
            factor as f32
        } else {
            0.0
        }
    }
}

/// The `k` nearest of `candidates` to each of `queries`, itself left out, as rows of `ids` and `distances`.
pub(crate) fn nearest(
    rows: &Rows<'_>,
    queries: &[u32],
    candidates: &[u32],
    k: usize,
    ids: &mut [u32],
    distances: &mut [f32],
    watch: Watch<'_>,
) -> Result<(), Error> {
    queries
        .par_chunks(QUERIES)
        .zip(
            ids.par_chunks_mut(QUERIES * k)
                .zip(distances.par_chunks_mut(QUERIES * k)),
        )
        .try_for_each(|(queries, (ids, distances))| {
            let mut nearest: Vec<_> = queries.iter().map(|_| Nearest::new(k)).collect();
            let mut pairs = Vec::with_capacity(CANDIDATES);
            let mut found = Vec::with_capacity(CANDIDATES);
            for candidates in candidates.chunks(CANDIDATES) {
                for (&i, nearest) in queries.iter().zip(&mut nearest) {
                    pairs.clear();
                    pairs.extend(candidates.iter().filter(|&&j| i != j).map(|&j| (i, j)));
                    measure(rows, &pairs, &mut found);
                    for (&(_, j), &reduced) in pairs.iter().zip(&found) {
                        nearest.offer(reduced, j);
                    }
                }
            }
            for (q, nearest) in nearest.iter_mut().enumerate() {
                nearest.drain_into(
                    rows.metric,
                    &mut ids[q * k..(q + 1) * k],
                    &mut distances[q * k..(q + 1) * k],
                );
            }
            if watch(queries.len() as u64) {
                Ok(())
            } else {
                Err(Error::Cancelled)
            }
        })
}
