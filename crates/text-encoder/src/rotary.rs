//! Rotary position embeddings: queries and keys are rotated by angles that grow with the position, two dimensions at a time.
//!
//! Angles are rounded to `f32` where the published implementations round them, and their sines and cosines, computed in `f64`, to
//! `f32`. All steps are exact operations of IEEE 754, so that tables have the same bits on every machine.
//!
//! Source: Su et al. 2021 (`RoFormer`). Cost: `2 d` multiply-adds per token and head of `d` dimensions; tables of `d` values per
//! position.

use crate::Kernel;
use crate::simd::dispatch_simd;

/// The rotations of all positions.
#[derive(Debug)]
pub(crate) struct Rotation {
    /// For each position the cosines of the angles, then their sines.
    table: Vec<f32>,
    /// Angles per position: half as many as rotated dimensions.
    angles: usize,
}

impl Rotation {
    /// The rotations of `positions` positions by the multiples of `frequencies`, in radians per position.
    pub(crate) fn new(frequencies: &[f32], positions: usize) -> Self {
        let mut table = Vec::with_capacity(2 * frequencies.len() * positions);
        for position in 0..positions {
            let rotations: Vec<(f64, f64)> = frequencies
                .iter()
                .map(|frequency| sin_cos((position as f32 * frequency).into()))
                .collect();
            table.extend(rotations.iter().map(|&(_, cos)| cos as f32));
            table.extend(rotations.iter().map(|&(sin, _)| sin as f32));
        }
        Rotation {
            table,
            angles: frequencies.len(),
        }
    }

    /// Number of positions.
    pub(crate) fn positions(&self) -> usize {
        self.table.len().checked_div(2 * self.angles).unwrap_or(0)
    }

    /// Rotated dimensions of a head.
    pub(crate) fn dimensions(&self) -> usize {
        2 * self.angles
    }
}

/// The frequencies of `dimensions` rotated dimensions: powers of `base` from 1 down.
pub(crate) fn frequencies(base: f64, dimensions: usize) -> Vec<f32> {
    (0..dimensions / 2)
        .map(|at| {
            let exponent = 2.0 * at as f32 / dimensions as f32;
            1.0 / power(base, exponent.into()) as f32
        })
        .collect()
}

/// Rotates the queries and keys of one sequence: `qkv` has for each token its query, key and value of all heads. Dimension `i` of a
/// head is rotated with dimension `i + r / 2` of the first `r`.
pub(crate) fn rotate(
    kernel: Kernel,
    qkv: &mut [f32],
    hidden: usize,
    heads: usize,
    rotation: &Rotation,
) {
    dispatch_simd!(
        kernel,
        rotate_rows(qkv: &mut [f32], hidden: usize, heads: usize, rotation: &Rotation)
    );
}

#[inline(always)]
fn rotate_rows(qkv: &mut [f32], hidden: usize, heads: usize, rotation: &Rotation) {
    let angles = rotation.angles;
    let rows = rotation.table.chunks_exact(2 * angles);
    for (row, angles_of_row) in qkv.chunks_exact_mut(3 * hidden).zip(rows) {
        let (cosines, sines) = angles_of_row.split_at(angles);
        for head in row[..2 * hidden].chunks_exact_mut(hidden / heads) {
            let (first, second) = head[..2 * angles].split_at_mut(angles);
            let pairs = first.iter_mut().zip(second);
            for ((x, y), (cos, sin)) in pairs.zip(cosines.iter().zip(sines)) {
                let (a, b) = (*x, *y);
                *x = a.mul_add(*cos, -(b * sin));
                *y = b.mul_add(*cos, a * sin);
            }
        }
    }
}

/// `x^y` for positive `x`, to about 1e-15.
pub(crate) fn power(x: f64, y: f64) -> f64 {
    // ln x: x = m 2^k with m around 1, ln m = 2 artanh((m - 1) / (m + 1)).
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut series = 0.0;
    for denominator in (1..=25).rev().step_by(2) {
        series = series * square + 1.0 / f64::from(denominator);
    }
    let logarithm = 2.0 * s * series + f64::from(exponent) * std::f64::consts::LN_2;
    // e^z: z = n ln 2 + r, the series of e^r.
    let z = y * logarithm;
    let n = (z / std::f64::consts::LN_2).round_ties_even();
    let r = z - n * std::f64::consts::LN_2;
    let mut series = 1.0;
    for divisor in (1..=16).rev() {
        series = 1.0 + series * r / f64::from(divisor);
    }
    let scale = (n.clamp(-1022.0, 1023.0) as i64 + 1023) as u64;
    series * f64::from_bits(scale << 52)
}

/// Sine and cosine of an angle below a million, to about 1e-15.
///
/// Source: FreeBSD's msun (`k_sin.c`, `k_cos.c`, `e_rem_pio2.c`).
fn sin_cos(x: f64) -> (f64, f64) {
    // A quarter turn in two parts, the first with so few bits that its multiples are exact.
    const QUARTER: f64 = 1.570_796_326_734_125_6;
    const QUARTER_REST: f64 = 6.077_100_506_506_192e-11;
    let n = (x * std::f64::consts::FRAC_2_PI).round_ties_even();
    let r = (x - n * QUARTER) - n * QUARTER_REST;
    let z = r * r;
    let mut p = 1.589_690_995_211_55e-10;
    for coefficient in [
        -2.505_076_025_340_686_3e-8,
        2.755_731_370_707_006_8e-6,
        -1.984_126_982_985_795e-4,
        8.333_333_333_322_49e-3,
        -1.666_666_666_666_663_2e-1,
    ] {
        p = p * z + coefficient;
    }
    let sin = r + r * z * p;
    let mut q = -1.135_964_755_778_819_5e-11;
    for coefficient in [
        2.087_572_321_298_175e-9,
        -2.755_731_435_139_066_3e-7,
        2.480_158_728_947_673e-5,
        -1.388_888_888_887_411e-3,
        4.166_666_666_666_66e-2,
    ] {
        q = q * z + coefficient;
    }
    let cos = 1.0 - (0.5 * z - z * z * q);
    match n as i64 & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_of_the_library() {
        for step in 0..100_000 {
            let x = f64::from(step) * 0.131;
            let (sin, cos) = sin_cos(x);
            assert!((sin - x.sin()).abs() < 1e-14, "sin {x}");
            assert!((cos - x.cos()).abs() < 1e-14, "cos {x}");
        }
        for base in [1.5_f64, 1000.0, 10_000.0, 160_000.0, 1e6, 0.3] {
            for step in 0..100 {
                let y = f64::from(step) / 50.0 - 0.7;
                let expected = base.powf(y);
                assert!(
                    (power(base, y) / expected - 1.0).abs() < 2e-14,
                    "{base}^{y}"
                );
            }
        }
        assert_eq!((power(10.0, 0.0), sin_cos(0.0)), (1.0, (0.0, 1.0)));
    }

    #[test]
    fn two_tokens_by_hand() {
        // A quarter turn per position, one head of two dimensions: query, key, value.
        let rotation = Rotation::new(&[std::f32::consts::FRAC_PI_2], 2);
        assert_eq!((rotation.positions(), rotation.dimensions()), (2, 2));
        let mut qkv = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        rotate(Kernel::Portable, &mut qkv, 2, 1, &rotation);
        assert_eq!(qkv[..6], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        for (found, expected) in qkv[6..].iter().zip([-2.0, 1.0, -4.0, 3.0, 5.0, 6.0]) {
            assert!((found - expected).abs() < 1e-6, "{qkv:?}");
        }
    }

    #[test]
    fn frequencies_fall_from_one() {
        assert_eq!(frequencies(10_000.0, 4), [1.0, 0.01]);
        assert_eq!(frequencies(10_000.0, 5).len(), 2);
    }
}
