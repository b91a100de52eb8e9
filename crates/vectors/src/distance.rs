//! The distance of two rows: one function, one order of summation, the same bits on every machine.
//!
//! Screening only proposes; what is reported and what decides the order always comes from here. Sums run over
//! [`LANES`] partial sums that are added pairwise at the end, multiplication and addition are rounded apart, so that
//! a compiler may use vector registers of any width without changing a bit.
//!
//! Cosine is half of the squared distance of the two rows scaled to unit length, never `1 - <a, b>`: that difference
//! loses every digit just where the nearest neighbors are. Inner products are summed in `f64` for the same reason
//! (the product of two `f32` is exact there). Where squares of `f32` would overflow or vanish, the sum is made again
//! in `f64`.

use crate::Metric;

/// Partial sums of an `f32` sum: two registers of AVX-512, four of AVX2, eight of NEON.
const LANES: usize = 32;
/// Partial sums of an `f64` sum.
const LANES_F64: usize = 16;
/// Sums of squares below this are made again in `f64`: parts of them may have vanished.
const VANISHING: f32 = 1e-30;

/// The distance of `a` and `b`, as every search reports it.
///
/// Defined for rows that pass [`crate::check`]; others give some value, without a panic. Cost: one pass.
///
/// # Panics
///
/// If the rows are not equally long.
pub fn distance(a: &[f32], b: &[f32], metric: Metric) -> f32 {
    assert_eq!(a.len(), b.len(), "rows of one matrix are equally long");
    match metric {
        Metric::Cosine => between(a, scale(a), b, scale(b), metric),
        Metric::L2 | Metric::InnerProduct => between(a, 1.0, b, 1.0, metric),
    }
}

/// The factor that brings a row to unit length, or 0 where that factor is not a normal `f32` (such rows are
/// measured in `f64`).
pub(crate) fn scale(row: &[f32]) -> f32 {
    let factor = 1.0 / length(row);
    if (1e-30..1e30).contains(&factor) {
        factor as f32
    } else {
        0.0
    }
}

/// [`distance`], given what [`scale`] said of the rows (used by [`Metric::Cosine`] alone).
#[inline(always)]
pub(crate) fn between(a: &[f32], scale_a: f32, b: &[f32], scale_b: f32, metric: Metric) -> f32 {
    match metric {
        Metric::Cosine if scale_a == 0.0 || scale_b == 0.0 => cosine_f64(a, b),
        Metric::Cosine => 0.5 * sum::<LANES>(a, b, |x, y| square(x * scale_a - y * scale_b)),
        Metric::L2 => {
            let squared = sum::<LANES>(a, b, |x, y| square(x - y));
            if squared.is_finite() && squared >= VANISHING {
                squared.sqrt()
            } else {
                l2_f64(a, b)
            }
        }
        Metric::InnerProduct => (1.0 - sum_f64(a, b, |x, y| x * y)) as f32,
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

#[cold]
fn l2_f64(a: &[f32], b: &[f32]) -> f32 {
    sum_f64(a, b, |x, y| (x - y) * (x - y)).sqrt() as f32
}

#[cold]
fn cosine_f64(a: &[f32], b: &[f32]) -> f32 {
    let (scale_a, scale_b) = (1.0 / length(a), 1.0 / length(b));
    let squared = sum_f64(a, b, |x, y| {
        let difference = x * scale_a - y * scale_b;
        difference * difference
    });
    (0.5 * squared) as f32
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

/// [`sum`] in `f64`.
#[inline(always)]
pub(crate) fn sum_f64(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0.0f64; LANES_F64];
    let (whole_a, rest_a) = a.as_chunks::<LANES_F64>();
    let (whole_b, rest_b) = b.as_chunks::<LANES_F64>();
    for (x, y) in whole_a.iter().zip(whole_b) {
        for lane in 0..LANES_F64 {
            sums[lane] += term(f64::from(x[lane]), f64::from(y[lane]));
        }
    }
    for (lane, (&x, &y)) in rest_a.iter().zip(rest_b).enumerate() {
        sums[lane] += term(f64::from(x), f64::from(y));
    }
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
}
