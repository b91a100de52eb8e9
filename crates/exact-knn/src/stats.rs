//! Statistics of a search.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::Kernel;

/// Statistics of a search. They depend on the machine and on timing; the results do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SearchStats {
    /// The SIMD instructions used.
    pub kernel: Kernel,
    /// Number of rows searched for.
    pub queries: u64,
    /// Number of pairs whose distance was computed in `f64`.
    pub reranked: u64,
    /// Number of rows that were compared with all others in `f64`, since quantization does not pay (fewer than 256 rows)
    /// or does not represent them (values that differ by many orders of magnitude).
    pub brute_force: u64,
}

/// Counts the pairs that all threads re-rank.
#[derive(Debug, Default)]
pub(crate) struct PairCounter(AtomicU64);

impl PairCounter {
    pub(crate) fn add(&self, pairs: usize) {
        self.0.fetch_add(pairs as u64, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
