//! The search without screening: every distance, by [`between`]. It is what all kernels are held to, and what answers
//! where screening would not pay: few rows, few queries.
//!
//! Cost: one [`between`] for each pair of a query and a candidate.

use rayon::prelude::*;

use crate::distance::{between, scale};
use crate::nearest::Nearest;
use crate::{Error, Metric, Points, Watch};

/// Queries that share one pass over a block of candidates.
const QUERIES: usize = 16;
/// Candidates of one block: with d = 1024 they fill half of a second-level cache.
const CANDIDATES: usize = 128;

/// Rows with what the metric needs to know of each.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) points: Points<'a>,
    pub(crate) metric: Metric,
    /// [`scale`] of each row under [`Metric::Cosine`], else empty.
    scales: Vec<f32>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(points: Points<'a>, metric: Metric) -> Self {
        let scales = match metric {
            Metric::Cosine => (0..points.n())
                .into_par_iter()
                .with_min_len(256)
                .map(|i| scale(points.row(i)))
                .collect(),
            Metric::L2 | Metric::InnerProduct => Vec::new(),
        };
        Rows {
            points,
            metric,
            scales,
        }
    }

    #[inline(always)]
    pub(crate) fn distance(&self, i: usize, j: usize) -> f32 {
        between(
            self.points.row(i),
            self.scale(i),
            self.points.row(j),
            self.scale(j),
            self.metric,
        )
    }

    #[inline(always)]
    fn scale(&self, i: usize) -> f32 {
        self.scales.get(i).copied().unwrap_or(1.0)
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
            for candidates in candidates.chunks(CANDIDATES) {
                for (&i, nearest) in queries.iter().zip(&mut nearest) {
                    for &j in candidates {
                        if i != j {
                            nearest.offer(rows.distance(i as usize, j as usize), j);
                        }
                    }
                }
            }
            for (q, nearest) in nearest.iter_mut().enumerate() {
                nearest.drain_into(
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
