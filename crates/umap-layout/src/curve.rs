//! The curve `1 / (1 + a d^2b)` that turns a distance in the layout into a membership (umap-learn `find_ab_params`).
//!
//! `a` and `b` are fitted by least squares to the target: membership 1 up to `min_dist`, then `exp(-(d - min_dist) / spread)`,
//! at 300 distances from 0 to 3 spreads as in umap-learn. The method is that of Levenberg and Marquardt, in units of the
//! spread, so that it converges at any scale. Takes microseconds.

use crate::{Error, Options};

/// The two parameters of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// The factor a of `d^2b`.
    pub a: f64,
    /// The exponent b.
    pub b: f64,
}

const POINTS: u32 = 300;
const MAX_STEPS: usize = 1000;

impl Curve {
    /// The curve of these options.
    pub(crate) fn of(options: &Options) -> Result<Self, Error> {
        let (min_dist, spread) = (options.min_dist, options.spread);
        Self::fit(min_dist, spread).ok_or(Error::Curve { min_dist, spread })
    }

    /// The curve for `min_dist` and `spread`; none if no positive `a` and `b` fit, or `a` is not a normal number in 32 bits.
    pub fn fit(min_dist: f64, spread: f64) -> Option<Self> {
        let Self { a, b } = Self::of_unit_spread(min_dist / spread)?;
        let a = a / spread.powf(2.0 * b);
        (a as f32).is_normal().then_some(Self { a, b })
    }

    fn of_unit_spread(min_dist: f64) -> Option<Self> {
        let samples: Vec<(f64, f64)> = (0..POINTS)
            .map(|i| {
                let d = 3.0 * f64::from(i) / f64::from(POINTS - 1);
                (
                    d,
                    if d < min_dist {
                        1.0
                    } else {
                        (min_dist - d).exp()
                    },
                )
            })
            .collect();
        let mut curve = Self { a: 1.0, b: 1.0 };
        let mut error = curve.error(&samples);
        let mut damping = 1e-3;
        for _ in 0..MAX_STEPS {
            let (step_a, step_b) = curve.step(&samples, damping);
            let next = Self {
                a: curve.a + step_a,
                b: curve.b + step_b,
            };
            let next_error = next.error(&samples);
            if next.a > 0.0 && next.b > 0.0 && next_error <= error {
                let settled = step_a.abs() <= 1e-12 * curve.a && step_b.abs() <= 1e-12 * curve.b;
                (curve, error) = (next, next_error);
                damping = (damping * 0.3).max(1e-15);
                if settled {
                    break;
                }
            } else {
                damping *= 4.0;
                if damping > 1e15 {
                    break;
                }
            }
        }
        (curve.a.is_finite() && curve.b.is_finite() && error.is_finite()).then_some(curve)
    }

    /// The membership at distance `d`.
    pub fn at(self, d: f64) -> f64 {
        1.0 / (1.0 + self.a * d.powf(2.0 * self.b))
    }

    fn error(self, samples: &[(f64, f64)]) -> f64 {
        samples
            .iter()
            .map(|&(d, wanted)| (self.at(d) - wanted).powi(2))
            .sum()
    }

    /// The damped Gauss-Newton step from here.
    fn step(self, samples: &[(f64, f64)], damping: f64) -> (f64, f64) {
        let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(d, wanted) in samples {
            let value = self.at(d);
            // d^2b is 0 at 0, and so are both derivatives, though the logarithm is not finite there.
            let power = d.powf(2.0 * self.b);
            let by_a = -power * value * value;
            let by_b = if d > 0.0 {
                2.0 * self.a * d.ln() * by_a
            } else {
                0.0
            };
            let rest = wanted - value;
            aa += by_a * by_a;
            ab += by_a * by_b;
            bb += by_b * by_b;
            ra += by_a * rest;
            rb += by_b * rest;
        }
        let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = aa * bb - ab * ab;
        (
            (ra * bb - rb * ab) / determinant,
            (rb * aa - ra * ab) / determinant,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_fits() {
        for (min_dist, a, b) in [
            (0.1, 1.577, 0.895),
            (0.0, 1.933, 0.791),
            (0.5, 0.583, 1.334),
        ] {
            let curve = Curve::fit(min_dist, 1.0).unwrap();
            assert!(
                (curve.a - a).abs() < 6e-4 && (curve.b - b).abs() < 6e-4,
                "{min_dist}: {curve:?}"
            );
        }
    }

    #[test]
    fn extreme_parameters_give_a_finite_curve() {
        for (min_dist, spread) in [(0.99, 1.0), (0.0, 0.01), (5.0, 10.0), (1.0, 1.0)] {
            let curve = Curve::fit(min_dist, spread).unwrap();
            assert!(
                curve.a > 0.0 && curve.b > 0.0,
                "{min_dist} {spread}: {curve:?}"
            );
        }
        for spread in [1e-200, 1e-40, 1e40, 1e200, f64::MAX] {
            assert_eq!(Curve::fit(0.0, spread), None, "{spread}");
        }
    }

    #[test]
    fn the_curve_is_the_same_at_any_scale() {
        for min_dist in [0.0, 0.01, 0.1, 0.5, 0.9, 1.0] {
            let unit = Curve::fit(min_dist, 1.0).unwrap();
            for spread in [1e-6, 1e-3, 0.1, 7.0, 1e3, 1e6] {
                let scaled = Curve::fit(min_dist * spread, spread).unwrap();
                for d in [0.05, 0.3, 1.0, 2.5] {
                    let (one, other) = (unit.at(d), scaled.at(d * spread));
                    assert!(
                        (one - other).abs() < 1e-6,
                        "{min_dist}, {spread}, {d}: {one} and {other}"
                    );
                }
            }
        }
    }
}
