//! The distance of two rows: one function and one order of summation, so that every machine computes the same bits.
//!
//! The quantized scan only selects candidates. Reported distances, and the order of neighbors, always come from this
//! file, computed in `f64` from the rows as given. In `f64` the product of two `f32` values is exact, and so is nearly
//! every difference. A sum has [`LANES_F64`] partial sums that are added pairwise at the end, and multiplication and
//! addition are rounded separately, so a compiler may use vector registers of any width without changing a bit.
//!
//! Pairs are ordered by the [`reduced_distance`]; only the reported distance is rounded to `f32`. Pairs whose distances
//! are equal in `f32`, such as inner products of short rows, are still in their true order.
//!
//! Accuracy of the reduced distance, for rows of up to 16,384 values:
//!
//! * **L2**: a relative error below 10^-12, since a sum of squares has no cancellation.
//! * **Cosine**: a relative error below 10^-8, a sixth of the rounding of an `f32`, down to the smallest distance that an
//!   `f32` can hold. `1 - <a, b> / (|a| |b|)` is used where that difference keeps its digits. The distance of nearer rows
//!   comes from the sine of their angle: the projection of `a` on `b` is subtracted from `a` twice, the second time to
//!   remove the rounding error of the first (Gram-Schmidt with one reorthogonalization; Giraud, Langou, Rozložník 2005),
//!   and `1 - cos = sin^2 / (1 + cos)`. Rows on one ray are at distance 0, whatever their lengths.
//! * **Inner product**: within one unit in the last place of the `f64` result, however much the terms cancel. A plain sum
//!   is off by a share of the largest partial sum: rows with a large common offset then come in the wrong order. So the
//!   rounding error of each addition is summed as well (Ogita, Rump, Oishi, SIAM J. Sci. Comput. 26, 2005: `Dot2`, whose
//!   products are exact here).

use crate::Metric;

/// Partial sums of an `f32` sum: two registers of AVX-512, four of AVX2, eight of NEON.
const LANES: usize = 32;
/// Partial sums of an `f64` sum.
const LANES_F64: usize = 16;
/// Sums of squares below this are computed again in `f64`, since some squares may have underflowed.
const UNDERFLOW: f32 = 1e-30;
/// Cosine distances below this come from the sine: in a row of 16,384 values the cosine may be off by 10^-13.
const NEAR: f64 = 1e-4;

/// The distance of `a` and `b` as every search reports it: the [`reduced_distance`] converted to the scale of the metric
/// and rounded to `f32`.
///
/// Defined for rows that pass [`crate::check`]; for others the value is unspecified. Cost: one pass over the rows.
///
/// # Panics
///
/// If the rows differ in length.
pub fn distance(a: &[f32], b: &[f32], metric: Metric) -> f32 {
    metric.distance(reduced_distance(a, b, metric))
}

/// The number by which every search orders pairs, before it is rounded to `f32`: `1 - cos(a, b)`, half of the squared
/// Euclidean distance, or the negative inner product. It increases with the [`distance`], and has the same bits for
/// `(a, b)` and `(b, a)`.
///
/// # Panics
///
/// If the rows differ in length.
pub fn reduced_distance(a: &[f32], b: &[f32], metric: Metric) -> f64 {
    assert_eq!(
        a.len(),
        b.len(),
        "rows of one matrix have the same number of values"
    );
    let inverse = |row| match metric {
        Metric::Cosine => inverse_length(row),
        Metric::L2 | Metric::InnerProduct => 1.0,
    };
    let pair = Pair {
        a,
        inverse_a: inverse(a),
        b,
        inverse_b: inverse(b),
    };
    pair.reduced(a, metric)
}

/// The factor that scales a row to unit length.
pub(crate) fn inverse_length(row: &[f32]) -> f64 {
    1.0 / length(row)
}

/// Two rows and the inverses of their lengths, which only [`Metric::Cosine`] uses.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) a: &'a [f32],
    pub(crate) inverse_a: f64,
    pub(crate) b: &'a [f32],
    pub(crate) inverse_b: f64,
}

impl Pair<'_> {
    /// The [`reduced_distance`]; `a` is the first row once more, as it is or already converted to `f64`.
    #[inline(always)]
    pub(crate) fn reduced<T: Copy + Into<f64>>(&self, a: &[T], metric: Metric) -> f64 {
        match metric {
            Metric::Cosine => {
                let product = sum_f64(a, self.b, |x, y| x * y);
                let cosine = product * (self.inverse_a * self.inverse_b);
                let distance = 1.0 - cosine;
                if distance < NEAR {
                    self.near(product, cosine)
                } else {
                    distance
                }
            }
            Metric::L2 => 0.5 * sum_f64(a, self.b, |x, y| (x - y) * (x - y)),
            Metric::InnerProduct => -compensated_product(a, self.b),
        }
    }

    /// `1 - cos` of rows so near that it has to come from the sine.
    #[cold]
    fn near(&self, product: f64, cosine: f64) -> f64 {
        // The smaller row first, so that both orders of the pair give the same bits.
        let (a, inverse_a, b, inverse_b) = if self.a <= self.b {
            (self.a, self.inverse_a, self.b, self.inverse_b)
        } else {
            (self.b, self.inverse_b, self.a, self.inverse_a)
        };
        let share = product * inverse_b * inverse_b;
        // Split in two parts whose products with an `f32` are exact.
        let upper = f64::from_bits(share.to_bits() & !((1 << 29) - 1));
        let lower = share - upper;
        let rest = |x: f64, y: f64| (x - upper * y) - lower * y;
        let again = sum_f64(a, b, |x, y| rest(x, y) * y) * inverse_b * inverse_b;
        let squared = sum_f64(a, b, |x, y| {
            let rest = rest(x, y) - again * y;
            rest * rest
        });
        let distance = squared * inverse_a * inverse_a / (1.0 + cosine);
        // The rounding error that remains for rows on one ray.
        if distance as f32 == 0.0 {
            0.0
        } else {
            distance
        }
    }
}

/// The Euclidean distance of two scaled rows in `f32`, for bounds that allow for its rounding.
#[inline(always)]
pub(crate) fn scaled_euclidean(a: &[f32], scale_a: f32, b: &[f32], scale_b: f32) -> f64 {
    let squared = sum::<LANES>(a, b, |x, y| square(x * scale_a - y * scale_b));
    if squared.is_finite() && squared >= UNDERFLOW {
        f64::from(squared).sqrt()
    } else {
        let (scale_a, scale_b) = (f64::from(scale_a), f64::from(scale_b));
        sum_f64(a, b, |x, y| (x * scale_a - y * scale_b).powi(2)).sqrt()
    }
}

/// The inner product in `f32`, for estimates only.
#[inline(always)]
pub(crate) fn product(a: &[f32], b: &[f32]) -> f32 {
    sum::<LANES>(a, b, |x, y| x * y)
}

/// The Euclidean length of a row; infinite or NaN exactly where the row holds such a value.
pub(crate) fn length(row: &[f32]) -> f64 {
    sum_f64(row, row, |x, _| x * x).sqrt()
}

/// The largest error of [`sum_f64`] over rows of `d` values, relative to the sum of the magnitudes of its terms.
pub(crate) fn summation_error(d: usize) -> f64 {
    // Of the partial sums, of adding them up, and of the terms; doubled for the operations on the sum.
    2.0 * f64::EPSILON * (d as f64 / LANES_F64 as f64 + 16.0)
}

#[inline(always)]
fn square(x: f32) -> f32 {
    x * x
}

/// The sum of `term` over two rows in the one order that all kernels share.
#[inline(always)]
fn sum<const N: usize>(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0f32; N];
    let (whole_a, rest_a) = a.as_chunks::<N>();
    let (whole_b, rest_b) = b.as_chunks::<N>();
    for (x, y) in whole_a.iter().zip(whole_b) {
        for lane in 0..N {
            sums[lane] += term(x[lane], y[lane]);
        }
    }
    for (lane, (&x, &y)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[lane] += term(x, y);
    }
    let mut half = N / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

/// [`sum`] in `f64`; the first row may already be converted.
#[inline(always)]
pub(crate) fn sum_f64<T: Copy + Into<f64>>(
    a: &[T],
    b: &[f32],
    term: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mut sums = [0.0f64; LANES_F64];
    let (whole_a, rest_a) = a.as_chunks::<LANES_F64>();
    let (whole_b, rest_b) = b.as_chunks::<LANES_F64>();
    for (x, y) in whole_a.iter().zip(whole_b) {
        for lane in 0..LANES_F64 {
            sums[lane] += term(x[lane].into(), f64::from(y[lane]));
        }
    }
    for (lane, (&x, &y)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[lane] += term(x.into(), f64::from(y));
    }
    pairwise(sums)
}

/// The inner product of two rows, as if summed in twice the precision of an `f64` and then rounded.
#[inline(always)]
fn compensated_product<T: Copy + Into<f64>>(a: &[T], b: &[f32]) -> f64 {
    let (mut sums, mut errors) = ([0.0f64; LANES_F64], [0.0f64; LANES_F64]);
    let (whole_a, rest_a) = a.as_chunks::<LANES_F64>();
    let (whole_b, rest_b) = b.as_chunks::<LANES_F64>();
    for (x, y) in whole_a.iter().zip(whole_b) {
        for lane in 0..LANES_F64 {
            let (sum, error) = two_sum(sums[lane], x[lane].into() * f64::from(y[lane]));
            sums[lane] = sum;
            errors[lane] += error;
        }
    }
    for (lane, (&x, &y)) in rest_a.iter().zip(rest_b).enumerate() {
        let (sum, error) = two_sum(sums[lane], x.into() * f64::from(y));
        sums[lane] = sum;
        errors[lane] += error;
    }
    compensated_pairwise(sums, errors)
}

/// A sum and its rounding error, without a condition on the magnitudes (Knuth, *The Art of Computer Programming* 2).
#[inline(always)]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_rounded = sum - a;
    let a_rounded = sum - b_rounded;
    (sum, (a - a_rounded) + (b - b_rounded))
}

/// The sum of the partial sums. Not inlined: by its pattern a compiler would pair distant lanes all through the loop over
/// the rows, and spend half of the time on moving them about. By value, so that it may keep them in registers there.
#[inline(never)]
fn pairwise(mut sums: [f64; LANES_F64]) -> f64 {
    let mut half = LANES_F64 / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

/// The sum of the partial sums and of their errors; not inlined for the reason of [`pairwise`].
#[inline(never)]
fn compensated_pairwise(mut sums: [f64; LANES_F64], mut errors: [f64; LANES_F64]) -> f64 {
    let mut half = LANES_F64 / 2;
    while half > 0 {
        for lane in 0..half {
            let (sum, error) = two_sum(sums[lane], sums[lane + half]);
            sums[lane] = sum;
            errors[lane] += errors[lane + half] + error;
        }
        half /= 2;
    }
    sums[0] + errors[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_distances() {
        let (a, b) = ([3.0, 0.0], [0.0, 4.0]);
        assert_eq!(distance(&a, &b, Metric::L2), 5.0);
        assert_eq!(distance(&a, &b, Metric::Cosine), 1.0);
        assert_eq!(distance(&a, &b, Metric::InnerProduct), 1.0);
        assert_eq!(distance(&a, &[-6.0, 0.0], Metric::Cosine), 2.0);
        assert_eq!(distance(&a, &[6.0, 0.0], Metric::InnerProduct), -17.0);
    }

    #[test]
    fn scales_whose_squares_overflow_or_underflow_are_exact() {
        assert_eq!(distance(&[1e-30, 0.0], &[0.0, 0.0], Metric::L2), 1e-30);
        let far = distance(&[1e30, 0.0], &[-1e30, 0.0], Metric::L2);
        assert!((far / 2e30 - 1.0).abs() < 1e-6, "{far:e}");
        let right = distance(&[1e-42, 0.0], &[0.0, 2e38], Metric::Cosine);
        assert!((right - 1.0).abs() < 1e-6, "{right}");
    }

    /// The angles are known: that of (1, t) and (1, 0) is the arc tangent of t, and `1 - cos` is about half of its square.
    #[test]
    fn small_angles_keep_their_digits() {
        for exponent in 3..=18 {
            let tangent = 10f32.powi(-exponent);
            for (length_a, length_b) in [(1.0, 1.0), (3e-20, 1.0), (7e12, 1e-15), (0.3, 8e15)] {
                let (a, b) = ([length_a, length_a * tangent], [length_b, 0.0]);
                let t = f64::from(a[1]) / f64::from(a[0]);
                // 1 - 1 / sqrt(1 + t^2) without the difference.
                let root = (1.0 + t * t).sqrt();
                let expected = t * t / (root * (1.0 + root));
                let found = distance(&a, &b, Metric::Cosine);
                assert_eq!(found, distance(&b, &a, Metric::Cosine));
                assert!(
                    (f64::from(found) / expected - 1.0).abs() < 6.1e-8,
                    "{found:e} for {expected:e}"
                );
            }
        }
    }

    #[test]
    fn rows_on_one_ray_are_copies() {
        let row = [1.0f32, 2.0, 3.0, -0.7, 1e-9];
        for factor in [3.0f32, 5.0, 7.0, 9.0, 11.0, 13.0, 1e-3] {
            // With few digits, so that the products are exact.
            let row = row.map(|x| f32::from_bits(x.to_bits() & !0xffff));
            let factor = f32::from_bits(factor.to_bits() & !0xffff);
            let longer = row.map(|x| x * factor);
            let reduced = reduced_distance(&row, &longer, Metric::Cosine);
            assert_eq!(reduced.to_bits(), 0, "{factor}: {reduced:e}");
        }
    }

    /// The difference of two products of 24 bits, which the cosine alone would lose.
    #[test]
    fn the_smallest_angle_of_two_rows() {
        let (p, q) = (16_777_215.0f32, 16_777_213.0f32);
        let (a, b) = ([p, q], [p - 1.0, q - 1.0]);
        let [ax, ay, bx, by] = [a[0], a[1], b[0], b[1]].map(f64::from);
        let sine = (ax * by - ay * bx) / ((ax * ax + ay * ay) * (bx * bx + by * by)).sqrt();
        let found = f64::from(distance(&a, &b, Metric::Cosine));
        assert!(
            (found / (0.5 * sine * sine) - 1.0).abs() < 6.1e-8,
            "{found:e}"
        );
        assert!((6e-30..7e-30).contains(&found));
    }

    /// Rows of multiples of 2^-14 around 1000: in these units every product is an integer below 2^49, their sum needs up
    /// to 58 bits, and 64-bit integers hold it exactly.
    #[test]
    fn inner_products_around_a_common_offset_are_rounded_once() {
        const UNITS: f64 = 16_384.0;
        for d in [1, 15, 16, 17, 384, 500] {
            let mut state = 7_u32;
            let mut row = || -> Vec<i64> {
                let mut value = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    16_384_000 + i64::from(state >> 24)
                };
                (0..d).map(|_| value()).collect()
            };
            for _ in 0..50 {
                let (a, b) = (row(), row());
                let exact: i64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
                let [a, b] = [a, b].map(|row| -> Vec<f32> {
                    row.iter().map(|&x| (x as f64 / UNITS) as f32).collect()
                });
                let found = reduced_distance(&a, &b, Metric::InnerProduct);
                assert_eq!(found, -(exact as f64 / (UNITS * UNITS)), "d={d}");
                assert_eq!(found, reduced_distance(&b, &a, Metric::InnerProduct));
            }
        }
    }

    /// The plain sum of these terms in `f64` is 0.
    #[test]
    fn inner_products_survive_cancellation() {
        let (a, b) = ([1e10, -1e10, 1e-6], [1e10, 1e10, 1.0]);
        let expected = -f64::from(1e-6f32);
        assert_eq!(reduced_distance(&a, &b, Metric::InnerProduct), expected);
    }
}
