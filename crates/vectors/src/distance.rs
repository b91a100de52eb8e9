//! The distance of two rows: one function, one order of summation, the same bits on every machine.
//!
//! Screening only proposes; what is reported and what decides the order always comes from here, summed in `f64` over the
//! rows as they were given: the product of two `f32` is exact there, and so is nearly every difference. Sums run over
//! [`LANES_F64`] partial sums that are added pairwise at the end, multiplication and addition are rounded apart, so that
//! a compiler may use vector registers of any width without changing a bit.
//!
//! Pairs are ordered by the [`reduced_distance`] and only what is reported is rounded to `f32`: distances that differ by
//! less than an `f32` can say, such as inner products of short rows, still come in their true order.
//!
//! Cosine is `1 - <a, b> / (|a| |b|)` where that difference keeps its digits. Nearer rows are measured by the sine of
//! their angle: what `b` leaves of `a` is taken twice, the second time without what the first left by rounding (Gram and
//! Schmidt with one reorthogonalization; Giraud, Langou, Rozložník 2005), and `1 - cos = sin^2 / (1 + cos)`. Rows on one
//! ray are then at distance 0, whatever their lengths. The distance is right to a few parts in 10^9, a fiftieth of the
//! last digit of an `f32`, down to the smallest that an `f32` can hold.

use crate::Metric;

/// Partial sums of an `f32` sum: two registers of AVX-512, four of AVX2, eight of NEON.
const LANES: usize = 32;
/// Partial sums of an `f64` sum.
const LANES_F64: usize = 16;
/// Sums of squares below this are made again in `f64`: parts of them may have vanished.
const VANISHING: f32 = 1e-30;
/// Cosine distances below this come from the sine: in a row of 16,384 values the cosine may be off by 10^-13.
const NEAR: f64 = 1e-4;

/// The distance of `a` and `b`, as every search reports it: [`reduced_distance`] brought back to the metric and rounded
/// to `f32`.
///
/// Defined for rows that pass [`crate::check`]; others give some value, without a panic. Cost: one pass.
///
/// # Panics
///
/// If the rows are not equally long.
pub fn distance(a: &[f32], b: &[f32], metric: Metric) -> f32 {
    metric.distance(reduced_distance(a, b, metric))
}

/// The number that every search orders pairs by, before any rounding to `f32`: `1 - cos(a, b)`, half of the squared
/// Euclidean distance, or the negative inner product. It grows with the [`distance`], and is the same to the bit for
/// `(a, b)` and `(b, a)`.
///
/// # Panics
///
/// If the rows are not equally long.
pub fn reduced_distance(a: &[f32], b: &[f32], metric: Metric) -> f64 {
    assert_eq!(a.len(), b.len(), "rows of one matrix are equally long");
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

/// The factor that brings a row to unit length.
pub(crate) fn inverse_length(row: &[f32]) -> f64 {
    1.0 / length(row)
}

/// Two rows and the inverses of their lengths, which [`Metric::Cosine`] alone looks at.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) a: &'a [f32],
    pub(crate) inverse_a: f64,
    pub(crate) b: &'a [f32],
    pub(crate) inverse_b: f64,
}

impl Pair<'_> {
    /// The [`reduced_distance`], given `a` once more, as it is or widened.
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
            Metric::InnerProduct => -sum_f64(a, self.b, |x, y| x * y),
        }
    }

    /// `1 - cos` of rows so near that it has to come from the sine.
    #[cold]
    fn near(&self, product: f64, cosine: f64) -> f64 {
        // Of the two ways round always the same, so that the bits are.
        let (a, inverse_a, b, inverse_b) = if self.a <= self.b {
            (self.a, self.inverse_a, self.b, self.inverse_b)
        } else {
            (self.b, self.inverse_b, self.a, self.inverse_a)
        };
        let share = product * inverse_b * inverse_b;
        // In two parts of which the products with an `f32` are exact.
        let upper = f64::from_bits(share.to_bits() & !((1 << 29) - 1));
        let lower = share - upper;
        let rest = |x: f64, y: f64| (x - upper * y) - lower * y;
        let again = sum_f64(a, b, |x, y| rest(x, y) * y) * inverse_b * inverse_b;
        let squared = sum_f64(a, b, |x, y| {
            let rest = rest(x, y) - again * y;
            rest * rest
        });
        let distance = squared * inverse_a * inverse_a / (1.0 + cosine);
        // What rounding leaves of rows on one ray.
        if distance as f32 == 0.0 {
            0.0
        } else {
            distance
        }
    }
}

/// The Euclidean distance of two scaled rows, for bounds that allow for the rounding of `f32`.
#[inline(always)]
pub(crate) fn apart(a: &[f32], scale_a: f32, b: &[f32], scale_b: f32) -> f64 {
    let squared = sum::<LANES>(a, b, |x, y| square(x * scale_a - y * scale_b));
    if squared.is_finite() && squared >= VANISHING {
        f64::from(squared).sqrt()
    } else {
        let (scale_a, scale_b) = (f64::from(scale_a), f64::from(scale_b));
        sum_f64(a, b, |x, y| (x * scale_a - y * scale_b).powi(2)).sqrt()
    }
}

/// The inner product in `f32`, for what is only an estimate.
#[inline(always)]
pub(crate) fn product(a: &[f32], b: &[f32]) -> f32 {
    sum::<LANES>(a, b, |x, y| x * y)
}

/// The Euclidean length of a row; infinite or NaN just where the row holds such a value.
pub(crate) fn length(row: &[f32]) -> f64 {
    sum_f64(row, row, |x, _| x * x).sqrt()
}

/// How far a sum in `f64` over rows of `d` values may be off, as a share of the sum of its terms' magnitudes.
pub(crate) fn rounding(d: usize) -> f64 {
    // Of the partial sum, of adding those up, and of the terms; doubled for what is made of the sum.
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

/// [`sum`] in `f64`; the first row may be widened already.
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
    fn scales_that_squares_do_not_bear() {
        assert_eq!(distance(&[1e-30, 0.0], &[0.0, 0.0], Metric::L2), 1e-30);
        let far = distance(&[1e30, 0.0], &[-1e30, 0.0], Metric::L2);
        assert!((far / 2e30 - 1.0).abs() < 1e-6, "{far:e}");
        let right = distance(&[1e-42, 0.0], &[0.0, 2e38], Metric::Cosine);
        assert!((right - 1.0).abs() < 1e-6, "{right}");
    }

    /// The angles are known: that of (1, t) and (1, 0) is the arc tangent of t, and `1 - cos` is half of its square.
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
}
