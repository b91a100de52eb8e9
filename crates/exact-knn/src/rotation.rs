//! A random rotation: random signs and Walsh-Hadamard transforms, so that one scale suits every coordinate.
//!
//! Embeddings have a few coordinates that are much larger than the others; quantized by one scale, the others would be
//! lost. The rotation spreads every coordinate over all (Ailon, Chazelle 2009). A transform needs a power of two, so a row
//! of another length is transformed twice: its first and then its last `h` coordinates, `h` the largest power of two that
//! fits. No padding is needed. Cost: `d log d` additions per row.

/// A rotation that depends on the number of values per row alone.
#[derive(Debug)]
pub(crate) struct Rotation {
    /// One sign for each round and coordinate.
    signs: [Vec<f32>; ROUNDS],
    /// The length of a transform.
    h: usize,
}

/// One round spreads a single coordinate over at most `h` others, the second over all.
const ROUNDS: usize = 2;

impl Rotation {
    pub(crate) fn new(d: usize) -> Self {
        let h = 1 << d.ilog2();
        let signs = std::array::from_fn(|round| {
            (0..d)
                .map(|at| {
                    if mix((round * d + at) as u64) & 1 == 0 {
                        1.0
                    } else {
                        -1.0
                    }
                })
                .collect()
        });
        Rotation { signs, h }
    }

    /// Rotates `row` in place.
    #[inline(always)]
    pub(crate) fn apply(&self, row: &mut [f32]) {
        let last = row.len() - self.h;
        for signs in &self.signs {
            for (value, sign) in row.iter_mut().zip(signs) {
                *value *= sign;
            }
            transform(&mut row[..self.h]);
            if last > 0 {
                transform(&mut row[last..]);
            }
        }
    }
}

/// The orthonormal Walsh-Hadamard transform in place.
#[inline(always)]
fn transform(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let shrink = 1.0 / (values.len() as f32).sqrt();
    for value in values {
        *value *= shrink;
    }
}

/// The finalizer of `SplitMix64`: a hash of `index`.
fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_products_and_spreads_one_coordinate() {
        for d in [1, 2, 3, 5, 64, 100, 384, 1000] {
            let rotation = Rotation::new(d);
            let mut a: Vec<f32> = (0..d)
                .map(|i| if i == d / 3 { 100.0 } else { 0.0 })
                .collect();
            let mut b: Vec<f32> = (0..d).map(|i| (i as f32 * 0.7).sin()).collect();
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            let before = product(&a, &b);
            rotation.apply(&mut a);
            rotation.apply(&mut b);
            assert!((product(&a, &b) - before).abs() < 1e-3, "d={d}");
            assert!((product(&a, &a) - 1e4).abs() < 1e-1, "d={d}");
            let largest = a.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            assert!(d < 64 || largest < 60.0, "d={d}: {largest}");
        }
    }
}
