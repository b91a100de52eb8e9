//! From distances to memberships: `rho` and `sigma` of each point (UMAP, arXiv 1802.03426, section 4.1; umap-learn
//! `smooth_knn_dist`).
//!
//! The membership of neighbor j in the neighborhood of i is `exp(-(d_ij - rho_i) / sigma_i)`, and 1 within `rho_i`, the
//! distance of the nearest neighbor that is not a copy. `sigma_i` is chosen such that the memberships of a row sum to log2 of
//! the size of the neighborhood, counting the point itself as in umap-learn. Takes O(n k) times about seven Newton steps.

use knn_graph::KnnView;
use rayon::prelude::*;

/// How far the memberships' sum may be from its target.
const TOLERANCE: f64 = 1e-5;
/// Newton's method needs six or seven steps; this bounds what a degenerate row can take.
const MAX_STEPS: usize = 64;
/// No `sigma` is smaller than this share of the mean distance: rows of copies would have none at all.
const SMALLEST_SIGMA: f64 = 1e-3;

/// The membership of each neighbor: shape (n, k), row-major, each in [0, 1].
///
/// Inner-product distances may be negative. Only differences of distances matter, so the smallest one becomes 0.
pub(crate) fn memberships(graph: &KnnView<'_>) -> Vec<f32> {
    let (n, k) = (graph.n(), graph.k());
    let zero = graph.min_distance().min(0.0);
    let row = |i: usize, buffer: &mut Vec<f32>| {
        buffer.clear();
        buffer.extend(graph.row(i).1.iter().map(|distance| distance - zero));
    };
    // One partial sum per row, added in row order: the same mean at any number of threads.
    let sums: Vec<f64> = (0..n)
        .into_par_iter()
        .with_min_len(256)
        .map_init(Vec::new, |buffer, i| {
            row(i, buffer);
            sum(buffer)
        })
        .collect();
    // umap-learn's means include the point itself, at distance 0.
    let mean = sums.iter().sum::<f64>() / (n * (k + 1)).max(1) as f64;
    let mut weights = vec![0.0; n * k];
    weights
        .par_chunks_mut(k)
        .enumerate()
        .with_min_len(256)
        .for_each_init(Vec::new, |buffer, (i, weights)| {
            row(i, buffer);
            let rho = rho(buffer);
            let floor = SMALLEST_SIGMA
                * if rho > 0.0 {
                    sums[i] / (k + 1) as f64
                } else {
                    mean
                };
            let sigma = sigma(buffer, rho).max(floor);
            for (weight, &distance) in weights.iter_mut().zip(buffer.iter()) {
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
fn exp_minus(x: f64) -> f64 {
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

    /// The memberships of rows of `k` distances, whatever the neighbors.
    fn of_rows(distances: &[f32], k: usize) -> Vec<f32> {
        let n = (k + 1).max(distances.len() / k);
        let ids: Vec<u32> = (0..n)
            .flat_map(|i| (1..=k).map(move |step| ((i + step) % n) as u32))
            .collect();
        let mut all = distances.to_vec();
        let last = distances[distances.len() - k..].iter().cycle();
        all.extend(last.take(n * k - distances.len()));
        let mut weights = memberships(&KnnView::new(&ids, &all, k).unwrap());
        weights.truncate(distances.len());
        weights
    }

    #[test]
    fn memberships_of_a_row_sum_to_log2_of_its_size() {
        let distances: Vec<f32> = (1..=14).map(|i| 0.1 * i as f32).collect();
        let sum: f64 = of_rows(&distances, 14).iter().map(|&w| f64::from(w)).sum();
        assert!((sum - 15f64.log2()).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn the_nearest_neighbor_and_copies_are_full_members() {
        let weights = of_rows(&[0.0, 0.0, 0.5, 0.9, 1.0, 1.2, 2.0, 2.5], 8);
        assert_eq!(&weights[..3], &[1.0; 3]);
        assert!(weights.windows(2).all(|w| w[0] >= w[1]));
    }

    #[test]
    fn rows_of_copies_and_rows_at_one_distance_have_finite_memberships() {
        assert_eq!(of_rows(&[0.0; 6], 3), [1.0; 6]);
        assert_eq!(of_rows(&[0.7; 6], 3), [1.0; 6]);
    }

    #[test]
    fn only_differences_of_distances_matter() {
        let distances = [-0.5, -0.25, 0.5, 0.0, 0.25, 0.75];
        let shifted = distances.map(|distance| distance + 0.5);
        assert_eq!(of_rows(&distances, 3), of_rows(&shifted, 3));
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
