//! What a screened score proves.
//!
//! With `y = q + r`, `q` the codes times the step, `<y_i, y_j> = <q_i, q_j> + <r_i, y_j> + <q_i, r_j>`, so by Cauchy and
//! Schwarz the product of the codes is off by at most `|r_i| |y_j| + (|y_i| + |r_i|) |r_j|`. The random rotation makes
//! the two products with residuals behave like sums of independent terms of variance `|r|^2 |y|^2 / d`: six of their
//! standard deviations are the fast margin, which proves nothing and is checked against what it meets. It holds for what
//! rounding took alone: what clipping took lies in the direction of the row, so clipped rows keep the proven margin.
//!
//! The true score of a pair is the negative of its [reduced distance](crate::reduced_distance), so a limit on the one is
//! a floor for the other. What stands between them:
//! * The reduced distance was summed in `f64`, and is off by some [`rounding`] of its terms. Under L2 these are no more
//!   than the sum; a cosine distance is right to [`COSINE`]; and of inner products the terms are no more than
//!   `|x_i| |x_j|`, which in units of a score is less than `|y_i| |y_j|` and eight of the largest bias: together some
//!   thousandths of a unit, for which [`Bounds::error`] has room.
//! * Under cosine a row is scaled in `f64` before all else, which moves it by [`rounding`]. Everything said of the row
//!   in the frame is said of it there, so the ends of a pair are farther apart by twice that at most.
//! * Rounding to `f32`, in the frame and by the rotation, is part of what a row lost.
//! * Biases are rounded up; what `f64` loses in them is another thousandth of a unit.

use crate::distance::rounding;
use crate::{Margin, Metric};

/// How far a cosine distance may be off, as a share of itself.
const COSINE: f64 = 1e-8;

/// Turns distances into scores and back into verdicts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    metric: Metric,
    margin: Margin,
    /// What 1 in a screened score stands for.
    pub(crate) unit: f64,
    /// The [`rounding`] of sums over a row.
    rounding: f64,
    root_d: f64,
    /// The longest residual that rounding alone can leave.
    longest_rounded: f64,
}

/// The length of a row in the frame and of what quantization took from it, at least; both finite, or the latter
/// infinite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) norm: f32,
    pub(crate) residual: f32,
}

impl Bounds {
    pub(crate) fn new(metric: Metric, margin: Margin, unit: f64, d: usize) -> Self {
        Bounds {
            metric,
            margin,
            unit,
            rounding: rounding(d),
            root_d: (d as f64).sqrt(),
            longest_rounded: 0.5001 * (unit * d as f64).sqrt(),
        }
    }

    /// The score that a pair has at least if its reduced distance is at most `limit`.
    pub(crate) fn floor(&self, limit: f64) -> f64 {
        if limit == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        match self.metric {
            Metric::Cosine => {
                let apart = (2.0 * limit.max(0.0) * (1.0 + COSINE)).sqrt() + 2.0 * self.rounding;
                -0.5 * apart * apart
            }
            Metric::L2 => -limit.max(0.0) * (1.0 + self.rounding),
            Metric::InnerProduct => -limit,
        }
    }

    /// The score that a pair has at least if its reported distance, rounded to `f32`, is at most `limit`.
    pub(crate) fn floor_of(&self, limit: f32) -> f64 {
        // What rounds to the limit lies below the next number.
        let next = f64::from(limit.next_up());
        self.floor(match self.metric {
            Metric::Cosine => next,
            Metric::L2 => 0.5 * next * next,
            Metric::InnerProduct => next - 1.0 + f64::EPSILON * (1.0 + next.abs()),
        })
    }

    /// How far apart two rows are, at most, whose score is at least `floor`; infinite where that says nothing.
    pub(crate) fn reach(&self, floor: f64) -> f64 {
        match self.metric {
            Metric::Cosine | Metric::L2 => (-2.0 * floor).max(0.0).sqrt(),
            Metric::InnerProduct => f64::INFINITY,
        }
    }

    /// How far a screened score may be from the true one.
    pub(crate) fn error(&self, a: Size, b: Size) -> f64 {
        let (a_lost, b_lost) = (f64::from(a.residual), f64::from(b.residual));
        let (a_norm, b_norm) = (f64::from(a.norm), f64::from(b.norm));
        if a_lost + b_lost == f64::INFINITY {
            return f64::INFINITY;
        }
        let proven = a_lost * b_norm + (a_norm + a_lost) * b_lost + self.unit / 64.0;
        if self.margin == Margin::Guaranteed || a_lost.max(b_lost) > self.longest_rounded {
            return proven;
        }
        let likely = 6.0 * (a_lost * b_norm).hypot(b_lost * a_norm) / self.root_d;
        proven.min(likely + 1e-5 * a_norm * b_norm)
    }

    /// The least screened score of a pair whose true score may reach `floor`, given the `error` of screening.
    pub(crate) fn goal(&self, floor: f64, error: f64) -> i32 {
        const LEAST: f64 = -((1 << 30) as f64);
        const MOST: f64 = ((1 << 30) - 1) as f64;
        (((floor - error) / self.unit).floor() - 1.0).clamp(LEAST, MOST) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_lie_below_the_scores_they_stand_for() {
        for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
            let bounds = Bounds::new(metric, Margin::Guaranteed, 1e-6, 384);
            for distance in [0.0f32, 1e-7, 0.01, 0.5, 1.0, 1.9] {
                let wide = f64::from(distance);
                let score = match metric {
                    Metric::Cosine => -wide,
                    Metric::L2 => -0.5 * wide * wide,
                    Metric::InnerProduct => 1.0 - wide,
                };
                let floor = bounds.floor_of(distance);
                assert!(floor < score, "{metric} {distance}");
                assert!(floor > score - 1e-6, "{metric} {distance}");
                let floor = bounds.floor(-score);
                assert!(floor <= score, "{metric} {distance}");
                assert!(
                    floor >= score - 2e-8 * score.abs() - 1e-24,
                    "{metric} {distance}"
                );
            }
            assert_eq!(bounds.floor(f64::INFINITY), f64::NEG_INFINITY);
            assert_eq!(bounds.floor_of(f32::INFINITY), f64::NEG_INFINITY);
        }
    }

    #[test]
    fn clipped_rows_keep_the_proven_margin() {
        let size = |residual| Size {
            norm: 10.0,
            residual,
        };
        let [fast, proven] = [Margin::Fast, Margin::Guaranteed]
            .map(|margin| Bounds::new(Metric::L2, margin, 1e-4, 400));
        let (rounded, clipped) = (size(0.1), size(0.11));
        assert!(fast.error(rounded, rounded) < 0.5 * proven.error(rounded, rounded));
        for (a, b) in [(rounded, clipped), (clipped, rounded), (clipped, clipped)] {
            assert_eq!(fast.error(a, b).to_bits(), proven.error(a, b).to_bits());
        }
    }

    #[test]
    fn goals_stay_within_their_range() {
        let bounds = Bounds::new(Metric::L2, Margin::Guaranteed, 1e-6, 384);
        assert_eq!(bounds.goal(f64::NEG_INFINITY, 0.0), -(1 << 30));
        assert_eq!(bounds.goal(f64::INFINITY, 0.0), (1 << 30) - 1);
        assert_eq!(bounds.goal(-1.0, 0.5), -1_500_001);
    }
}
