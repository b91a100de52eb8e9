//! Elementary functions by polynomials: the same bits on every machine, unlike those of the system's library.
//!
//! Every function is straight-line code on one value, so that loops over it are vectorized. Multiplication and addition are
//! fused where `mul_add` says so and nowhere else.

/// 1.5 * 2^23: adding it rounds a small number to the nearest integer, ties to even, and leaves that in the low bits.
const ROUND: f32 = 12_582_912.0;

/// `x` rounded to the nearest integer, ties to even, for |x| < 2^22; and that integer.
#[inline(always)]
pub(crate) fn round(x: f32) -> (f32, i32) {
    let shifted = x + ROUND;
    let integer = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    (shifted - ROUND, integer)
}

/// e^x to two units in the last place. Below -87 it is e^-87, above 88 e^88.
///
/// Source: Cephes, `expf`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x > -87.0 { x } else { -87.0 };
    let x = if x < 88.0 { x } else { 88.0 };
    let (n, power) = round(x * std::f32::consts::LOG2_E);
    // ln 2 in two parts, the first with so few bits that its multiples are exact.
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let mut p: f32 = 1.987_569_1e-4;
    for coefficient in [
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p.mul_add(r, coefficient);
    }
    let p = p.mul_add(r * r, r) + 1.0;
    p * f32::from_bits((power.wrapping_add(127) << 23) as u32)
}

/// The error function to 5e-7.
///
/// Source: the rational approximation of Eigen, `generic_fast_erf_float`.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = if x > -4.0 { x } else { -4.0 };
    let x = if x < 4.0 { x } else { 4.0 };
    let s = x * x;
    let mut p: f32 = -2.726_142_3e-10;
    for coefficient in [
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_6e-5,
        -7.349_906_4e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ] {
        p = p.mul_add(s, coefficient);
    }
    let mut q: f32 = -1.456_607_2e-5;
    for coefficient in [
        -2.133_740_5e-4,
        -1.682_827e-3,
        -7.373_329e-3,
        -1.426_473_9e-2,
    ] {
        q = q.mul_add(s, coefficient);
    }
    x * p / q
}

/// The hyperbolic tangent to 2e-7.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// `x` times the normal distribution function of `x` (Hendrycks, Gimpel 2016).
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    let half = 0.5 * x;
    half.mul_add(erf(x * std::f32::consts::FRAC_1_SQRT_2), half)
}

/// The approximation of [`gelu`] by a hyperbolic tangent that some models were trained with.
#[inline(always)]
pub(crate) fn gelu_tanh(x: f32) -> f32 {
    let cubic = (x * x * x).mul_add(0.044_715, x);
    let half = 0.5 * x;
    half.mul_add(tanh(cubic * 0.797_884_6), half)
}

/// `x` times the logistic function of `x`.
#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// Number of partial sums of a reduction.
pub(crate) const LANES: usize = 16;

/// The sum of the lanes, in a fixed order.
#[inline(always)]
pub(crate) fn sum_lanes(lanes: [f32; LANES]) -> f32 {
    let mut lanes = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for at in 0..width {
            lanes[at] += lanes[at + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(limit: f32) -> impl Iterator<Item = f32> {
        (-20_000..=20_000).map(move |step| step as f32 / 20_000.0 * limit)
    }

    #[test]
    fn functions_are_those_of_the_library_to_the_stated_error() {
        for x in grid(87.0) {
            let expected = f64::from(x).exp();
            assert!(
                (f64::from(exp(x)) / expected - 1.0).abs() < 2.4e-7,
                "exp {x}"
            );
        }
        for x in grid(12.0) {
            let wide = f64::from(x);
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 2e-7, "tanh {x}");
            let logistic = 1.0 / (1.0 + (-wide).exp());
            assert!(
                (f64::from(silu(x)) - wide * logistic).abs() < 2e-6,
                "silu {x}"
            );
            let cubic = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            let expected = 0.5 * wide * (1.0 + cubic.tanh());
            assert!(
                (f64::from(gelu_tanh(x)) - expected).abs() < 2e-6,
                "gelu_tanh {x}"
            );
        }
        // Abramowitz and Stegun, table 7.1.
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (5.0, 1.0),
        ] {
            assert!(
                (erf(x) - expected).abs() < 5e-7 && (erf(-x) + expected).abs() < 5e-7,
                "erf {x}"
            );
        }
        for (x, expected) in [
            (0.0, 0.0),
            (1.0, 0.841_344_7),
            (-1.0, -0.158_655_26),
            (-3.0, -0.004_049_7),
            (9.0, 9.0),
        ] {
            assert!((gelu(x) - expected).abs() < 2e-6, "gelu {x}");
        }
    }

    #[test]
    fn extremes_stay_finite() {
        for x in [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0] {
            assert!(
                exp(x).is_finite() && erf(x).abs() < 1.000_001 && tanh(x).abs() <= 1.0,
                "{x}"
            );
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(round(2.5), (2.0, 2));
        assert_eq!(round(-3.5), (-4.0, -4));
    }

    #[test]
    fn lanes_are_summed_as_a_tree() {
        let mut lanes = [0.0; LANES];
        (lanes[0], lanes[8], lanes[1]) = (1e8, -1e8, 1.0);
        assert_eq!(sum_lanes(lanes), 1.0);
    }
}
