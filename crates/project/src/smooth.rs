//! From distances to memberships: `rho` and `sigma` of each point (UMAP, arXiv 1802.03426, section 4.1).
//!
//! The membership of neighbor j in the neighborhood of i is `exp(-(d_ij - rho_i) / sigma_i)`, one within
//! `rho_i`, the distance of the nearest neighbor that is not a copy. `sigma_i` makes the memberships of a row sum
//! to log2 of the neighborhood's size, the point itself counted as in umap-learn. Takes O(n k) times some seven
//! Newton steps.

use rayon::prelude::*;

/// How far the memberships' sum may be from its target.
const TOLERANCE: f64 = 1e-5;
/// Newton's method needs six or seven steps; this bounds what a degenerate row can take.
const MAX_STEPS: usize = 64;
/// No `sigma` is smaller than this share of the mean distance: rows of copies would have none at all.
const SMALLEST_SIGMA: f64 = 1e-3;

/// The memberships of `k` neighbors per point: shape (n, k), row-major, each in [0, 1].
///
/// `distances` has the same shape; each row is non-decreasing and leaves the point itself out.
///
/// # Panics
///
/// If `k` is 0 or does not divide the number of distances.
pub fn memberships(distances: &[f32], k: usize) -> Vec<f32> {
    assert!(
        k > 0 && distances.len().is_multiple_of(k),
        "rows of k distances"
    );
    let n = distances.len() / k;
    // One partial sum a row, added up in row order: the same mean at any number of threads.
    let rows: Vec<f64> = distances.par_chunks(k).map(sum).collect();
    // umap-learn's means run over the point itself too, at distance 0.
    let mean = rows.iter().sum::<f64>() / (n * (k + 1)).max(1) as f64;
    let mut weights = vec![0.0; distances.len()];
    weights
        .par_chunks_mut(k)
        .zip(distances.par_chunks(k))
        .zip(rows.par_iter())
        .with_min_len(256)
        .for_each(|((weights, row), row_sum)| {
            let rho = rho(row);
            let floor = SMALLEST_SIGMA
                * if rho > 0.0 {
                    row_sum / (k + 1) as f64
                } else {
                    mean
                };
            let sigma = sigma(row, rho).max(floor);
            for (weight, &distance) in weights.iter_mut().zip(row) {
                let beyond = f64::from(distance) - rho;
                *weight = if beyond <= 0.0 || sigma <= 0.0 {
                    1.0
                } else {
                    exp_minus(beyond / sigma) as f32
                };
            }
        });
    weights
}

fn sum(row: &[f32]) -> f64 {
    row.iter().map(|&d| f64::from(d)).sum()
}

/// The smallest distance above 0; 0 where all neighbors are copies.
fn rho(row: &[f32]) -> f64 {
    f64::from(row.iter().copied().find(|&d| d > 0.0).unwrap_or(0.0))
}

/// The root of `sum(exp(-beyond / sigma)) = log2(k + 1)`, or 0 where the neighbors within `rho` alone reach that.
///
/// The sum is convex and falls in `1 / sigma`, so Newton's method started at 0 approaches from one side and never
/// overshoots: no bracket is needed.
fn sigma(row: &[f32], rho: f64) -> f64 {
    let target = ((row.len() + 1) as f64).log2();
    let within = row.iter().filter(|&&d| f64::from(d) <= rho).count() as f64;
    if within >= target {
        return 0.0;
    }
    let mut inverse = 0.0;
    for _ in 0..MAX_STEPS {
        let (mut total, mut slope) = (0.0, 0.0);
        for &distance in row {
            let beyond = (f64::from(distance) - rho).max(0.0);
            let membership = exp_minus(beyond * inverse);
            total += membership;
            slope += beyond * membership;
        }
        if (total - target).abs() < TOLERANCE || slope <= 0.0 {
            break;
        }
        inverse += (total - target) / slope;
    }
    if inverse > 0.0 { 1.0 / inverse } else { 0.0 }
}

/// `exp(-x)` for x >= 0, in additions and multiplications alone: the C library's differs between machines.
pub(crate) fn exp_minus(x: f64) -> f64 {
    if x > 700.0 {
        return 0.0;
    }
    let halvings = (x * std::f64::consts::LOG2_E).round();
    let rest = halvings * std::f64::consts::LN_2 - x;
    let mut series = 1.0;
    for order in (1..=13).rev() {
        series = 1.0 + rest / f64::from(order) * series;
    }
    series * f64::from_bits((1023 - halvings as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_of_a_row_sum_to_log2_of_its_size() {
        let distances: Vec<f32> = (1..=14).map(|i| 0.1 * i as f32).collect();
        let sum: f64 = memberships(&distances, 14)
            .iter()
            .map(|&w| f64::from(w))
            .sum();
        assert!((sum - 15f64.log2()).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn the_nearest_neighbor_and_copies_are_full_members() {
        let weights = memberships(&[0.0, 0.0, 0.5, 0.9, 1.0, 1.2, 2.0, 2.5], 8);
        assert_eq!(&weights[..3], &[1.0; 3]);
        assert!(weights.windows(2).all(|w| w[0] >= w[1]));
    }

    #[test]
    fn rows_of_copies_and_rows_at_one_distance_have_finite_memberships() {
        assert_eq!(memberships(&[0.0; 6], 3), [1.0; 6]);
        assert_eq!(memberships(&[0.7; 6], 3), [1.0; 6]);
    }

    #[test]
    fn exp_minus_is_the_exponential() {
        for i in 0..2000 {
            let x = f64::from(i) * 0.02;
            let exact = (-x).exp();
            assert!((exp_minus(x) - exact).abs() <= 1e-14 * exact, "{x}");
        }
        assert_eq!(exp_minus(1e6), 0.0);
    }
}
