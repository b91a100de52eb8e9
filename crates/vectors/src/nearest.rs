//! The k nearest of a stream of candidates.

use crate::Metric;

/// A row and its reduced distance, ordered by that and then by id: the order of every list that leaves this crate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) reduced: f64,
    pub(crate) id: u32,
}

impl Candidate {
    pub(crate) fn order(&self, other: &Candidate) -> std::cmp::Ordering {
        self.reduced
            .total_cmp(&other.reduced)
            .then(self.id.cmp(&other.id))
    }
}

/// Keeps the `k` first of what it is offered, in amortized constant time an offer.
#[derive(Debug)]
pub(crate) struct Nearest {
    k: usize,
    kept: Vec<Candidate>,
    /// No candidate farther than this can be among the `k` first.
    limit: f64,
}

impl Nearest {
    pub(crate) fn new(k: usize) -> Self {
        Nearest {
            k,
            kept: Vec::with_capacity(2 * k + 16),
            limit: f64::INFINITY,
        }
    }

    #[inline]
    pub(crate) fn offer(&mut self, reduced: f64, id: u32) {
        if reduced > self.limit {
            return;
        }
        self.kept.push(Candidate { reduced, id });
        if self.kept.len() >= 2 * self.k + 16 {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let (_, last, _) = self
            .kept
            .select_nth_unstable_by(self.k - 1, Candidate::order);
        self.limit = last.reduced;
        self.kept.truncate(self.k);
    }

    /// The first `k` in order, measured by `metric`; empties the list for the next row.
    pub(crate) fn drain_into(&mut self, metric: Metric, ids: &mut [u32], distances: &mut [f32]) {
        if self.kept.len() > self.k {
            self.shrink();
        }
        self.kept.sort_unstable_by(Candidate::order);
        for ((id, distance), kept) in ids.iter_mut().zip(distances).zip(&self.kept) {
            (*id, *distance) = (kept.id, metric.distance(kept.reduced));
        }
        self.kept.clear();
        self.limit = f64::INFINITY;
    }
}
