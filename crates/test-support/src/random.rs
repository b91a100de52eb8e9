//! Pseudorandom values, the same on every machine.

/// `count` values in -1..1, uniformly distributed.
pub fn uniform(count: usize, seed: u64) -> Vec<f32> {
    let mut next = xorshift(seed);
    (0..count).map(|_| 2.0 * next()).collect()
}

/// `count` values in -3..3, roughly normally distributed: each is the sum of three uniform ones.
pub fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut next = xorshift(seed);
    (0..count)
        .map(|_| (next() + next() + next()) * 2.0)
        .collect()
}

/// Values in -0.5..0.5 from the xorshift generator of Marsaglia (2003).
fn xorshift(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_depend_on_the_seed_alone_and_fill_their_range() {
        for (make, limit, mean_square) in [
            (uniform as fn(usize, u64) -> Vec<f32>, 1.0, 1.0 / 3.0),
            (noise, 3.0, 1.0),
        ] {
            let values = make(100_000, 5);
            assert_eq!(values[..10], make(10, 5));
            assert_ne!(values[..10], make(10, 6));
            assert!(values.iter().all(|value| value.abs() <= limit));
            let mean = |of: fn(f64) -> f64| {
                values.iter().map(|&x| of(f64::from(x))).sum::<f64>() / values.len() as f64
            };
            assert!(mean(|x| x).abs() < 0.02, "mean {}", mean(|x| x));
            let square = mean(|x| x * x);
            assert!((square - mean_square).abs() < 0.02, "mean square {square}");
        }
    }
}
