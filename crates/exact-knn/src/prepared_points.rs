//! Points with the values that a metric needs of each row.

use rayon::prelude::*;

use crate::distance::{Pair, inverse_length};
use crate::{Kernel, Metric, Points};

/// Points, the metric, and under [`Metric::Cosine`] the inverse length of each row.
#[derive(Debug)]
pub(crate) struct PreparedPoints<'a> {
    pub(crate) points: Points<'a>,
    pub(crate) metric: Metric,
    /// [`inverse_length`] of each row under [`Metric::Cosine`], else empty; NaN where it is not known.
    inverse_lengths: Vec<f64>,
    /// Its registers compute distances.
    pub(crate) kernel: Kernel,
}

impl<'a> PreparedPoints<'a> {
    /// Computes the inverse lengths of the rows `members`; those of other rows are computed each time they are needed.
    pub(crate) fn new(points: Points<'a>, metric: Metric, members: &[u32], kernel: Kernel) -> Self {
        let mut inverse_lengths = Vec::new();
        if metric == Metric::Cosine {
            let known: Vec<f64> = members
                .par_iter()
                .with_min_len(256)
                .map(|&i| inverse_length(points.row(i as usize)))
                .collect();
            if known.len() == points.n() {
                inverse_lengths = known;
            } else {
                inverse_lengths = vec![f64::NAN; points.n()];
                for (&i, &known) in members.iter().zip(&known) {
                    inverse_lengths[i as usize] = known;
                }
            }
        }
        PreparedPoints {
            points,
            metric,
            inverse_lengths,
            kernel,
        }
    }

    /// The [`crate::reduced_distance`] of two rows.
    pub(crate) fn reduced_distance(&self, i: usize, j: usize) -> f64 {
        self.pair(i, j).reduced(self.points.row(i), self.metric)
    }

    /// The [`crate::distance`] of two rows.
    pub(crate) fn distance(&self, i: usize, j: usize) -> f32 {
        self.metric.distance(self.reduced_distance(i, j))
    }

    #[inline(always)]
    pub(crate) fn pair(&self, i: usize, j: usize) -> Pair<'a> {
        Pair {
            a: self.points.row(i),
            inverse_a: self.inverse_length(i),
            b: self.points.row(j),
            inverse_b: self.inverse_length(j),
        }
    }

    /// Adds `weight` times row `i`, at unit length under [`Metric::Cosine`], to `sum`.
    pub(crate) fn add_scaled(&self, sum: &mut [f32], i: usize, weight: f32) {
        let weight = weight * self.scale(i);
        for (sum, value) in sum.iter_mut().zip(self.points.row(i)) {
            *sum += weight * value;
        }
    }

    /// The factor that scales row `i` to unit length under [`Metric::Cosine`], else 1.
    #[inline(always)]
    pub(crate) fn inverse_length(&self, i: usize) -> f64 {
        match self.inverse_lengths.get(i) {
            None => 1.0,
            Some(unknown) if unknown.is_nan() => inverse_length(self.points.row(i)),
            Some(&known) => known,
        }
    }

    /// [`PreparedPoints::inverse_length`] in `f32`, for estimates; 0 where it is no normal `f32`.
    #[inline(always)]
    pub(crate) fn scale(&self, i: usize) -> f32 {
        let factor = self.inverse_length(i);
        if (1e-30..1e30).contains(&factor) {
            factor as f32
        } else {
            0.0
        }
    }
}
