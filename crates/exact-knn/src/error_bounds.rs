//! Error bounds of quantized scores.
//!
//! With `y = q + r`, `q` the codes times the step and `r` the residual, `<y_i, y_j> = <q_i, q_j> + <r_i, y_j> + <q_i, r_j>`.
//! So by the Cauchy-Schwarz inequality the product of the codes is off by at most
//! `|r_i| |y_j| + (|y_i| + |r_i|) |r_j|`.
//!
//! The true score of a pair is the negative of its [reduced distance](crate::reduced_distance), so an upper bound on the
//! distance is a lower bound on the score. The bounds allow for everything between the two:
//!
//! * The reduced distance is computed in `f64`. Under L2 its relative error is at most [`summation_error`], since the terms
//!   of its sum are not negative; a cosine distance has a relative error of at most [`COSINE`]; an inner product is
//!   rounded once. Inner products are at most `|x_i| |x_j|`, which in units of a score is less than `|y_i| |y_j|` and
//!   eight of the largest bias: its rounding is less than a thousandth of a unit, and [`ErrorBounds::error`] adds a 64th.
//! * Under cosine a row is first scaled in `f64`, which moves it by at most [`summation_error`]. Every bound on the
//!   preprocessed row holds for the scaled row, so the two rows of a pair are farther apart by at most twice that.
//! * Rounding to `f32`, by preprocessing, is part of the residual.
//! * Biases are rounded up; the error of computing them in `f64` is another thousandth of a unit.

use crate::Metric;
use crate::distance::summation_error;

/// The largest relative error of a cosine distance.
const COSINE: f64 = 1e-8;

/// Converts distances to thresholds on scores and codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorBounds {
    metric: Metric,
    /// The score that 1 in a product of codes is worth.
    pub(crate) unit: f64,
    /// The [`summation_error`] of a row.
    summation: f64,
}

/// Upper bounds on the length of a preprocessed row and on that of its residual. Both are finite, or the residual is
/// infinite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowNorms {
    pub(crate) norm: f32,
    pub(crate) residual: f32,
}

impl ErrorBounds {
    pub(crate) fn new(metric: Metric, unit: f64, d: usize) -> Self {
        ErrorBounds {
            metric,
            unit,
            summation: summation_error(d),
        }
    }

    /// A lower bound on the score of every pair whose reduced distance is at most `reduced`.
    pub(crate) fn score_threshold(&self, reduced: f64) -> f64 {
        if reduced == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        match self.metric {
            Metric::Cosine => {
                let euclidean =
                    (2.0 * reduced.max(0.0) * (1.0 + COSINE)).sqrt() + 2.0 * self.summation;
                -0.5 * euclidean * euclidean
            }
            Metric::L2 => -reduced.max(0.0) * (1.0 + self.summation),
            Metric::InnerProduct => -reduced,
        }
    }

    /// A lower bound on the score of every pair whose reported distance, rounded to `f32`, is at most `distance`.
    pub(crate) fn score_threshold_of_distance(&self, distance: f32) -> f64 {
        // Whatever is rounded to the distance is less than the next `f32`.
        let next = f64::from(distance.next_up());
        self.score_threshold(match self.metric {
            Metric::Cosine => next,
            Metric::L2 => 0.5 * next * next,
            Metric::InnerProduct => next - 1.0 + f64::EPSILON * (1.0 + next.abs()),
        })
    }

    /// An upper bound on the Euclidean distance of two preprocessed rows whose score is at least `score`; infinite where
    /// the score does not bound it.
    pub(crate) fn distance_bound(&self, score: f64) -> f64 {
        match self.metric {
            Metric::Cosine | Metric::L2 => (-2.0 * score).max(0.0).sqrt(),
            Metric::InnerProduct => f64::INFINITY,
        }
    }

    /// An upper bound on the difference between the quantized and the true score of a pair.
    pub(crate) fn error(&self, a: RowNorms, b: RowNorms) -> f64 {
        let (a_residual, b_residual) = (f64::from(a.residual), f64::from(b.residual));
        let (a_norm, b_norm) = (f64::from(a.norm), f64::from(b.norm));
        if a_residual + b_residual == f64::INFINITY {
            return f64::INFINITY;
        }
        a_residual * b_norm + (a_norm + a_residual) * b_residual + self.unit / 64.0
    }

    /// A lower bound on the quantized score, in units, of every pair whose true score is at least `threshold`, given the
    /// `error` of quantization.
    pub(crate) fn code_threshold(&self, threshold: f64, error: f64) -> i32 {
        const LEAST: f64 = -((1 << 30) as f64);
        const MOST: f64 = ((1 << 30) - 1) as f64;
        (((threshold - error) / self.unit).floor() - 1.0).clamp(LEAST, MOST) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_below_the_scores_of_their_distances() {
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            let bounds = ErrorBounds::new(metric, 1e-6, 384);
            for distance in [0.0f32, 1e-7, 0.01, 0.5, 1.0, 1.9] {
                let wide = f64::from(distance);
                let score = match metric {
                    Metric::Cosine => -wide,
                    Metric::L2 => -0.5 * wide * wide,
                    Metric::InnerProduct => 1.0 - wide,
                };
                let threshold = bounds.score_threshold_of_distance(distance);
                assert!(threshold < score, "{metric} {distance}");
                assert!(threshold > score - 1e-6, "{metric} {distance}");
                let threshold = bounds.score_threshold(-score);
                assert!(threshold <= score, "{metric} {distance}");
                assert!(
                    threshold >= score - 2e-8 * score.abs() - 1e-24,
                    "{metric} {distance}"
                );
            }
            assert_eq!(bounds.score_threshold(f64::INFINITY), f64::NEG_INFINITY);
            assert_eq!(
                bounds.score_threshold_of_distance(f32::INFINITY),
                f64::NEG_INFINITY
            );
        }
    }

    /// Literals: residuals 0.1 and 0.2 on norms 10 and 20 lose at most 0.1 * 20 + 10.1 * 0.2, and a 64th of a unit.
    #[test]
    fn errors_are_those_of_cauchy_and_schwarz() {
        let bounds = ErrorBounds::new(Metric::L2, 0.064, 400);
        let row = |norm, residual| RowNorms { norm, residual };
        let error = bounds.error(row(10.0, 0.1), row(20.0, 0.2));
        assert!((error - 4.021).abs() < 1e-6, "{error}");
        let unknown = row(f32::MAX, f32::INFINITY);
        assert_eq!(bounds.error(row(10.0, 0.1), unknown), f64::INFINITY);
    }

    #[test]
    fn code_thresholds_stay_within_their_range() {
        let bounds = ErrorBounds::new(Metric::L2, 1e-6, 384);
        assert_eq!(bounds.code_threshold(f64::NEG_INFINITY, 0.0), -(1 << 30));
        assert_eq!(bounds.code_threshold(f64::INFINITY, 0.0), (1 << 30) - 1);
        assert_eq!(bounds.code_threshold(-1.0, 0.5), -1_500_001);
    }
}
