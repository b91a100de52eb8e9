//! Whether there is structure at all: at which resolution the graph falls apart, against points that have none.

use exact_knn::Metric;
use leiden::{Graph, Options, leiden};
use random_streams::Seed;
use rayon::prelude::*;

use crate::graph::{fuzzy, neighbors, search};

/// Share of the points in one community from which on a graph counts as undivided.
const UNDIVIDED: f64 = 0.95;

/// The points have structure if they divide at a resolution below this share of the smallest one at which points without
/// structure divide.
const CLEARLY_BELOW: f64 = 0.85;

/// Maximum number of points that the test looks at.
const SAMPLE: usize = 2_000;

/// Number of samples without structure.
const DRAWS: u64 = 4;

/// Where the points divide, and where points without structure do.
#[derive(Debug, Clone, PartialEq)]
pub struct NullTest {
    /// The largest resolution at which the graph of the points is undivided.
    pub divides_at: f64,
    /// The same of Gaussian points with their mean and covariance: the smallest of several draws.
    pub null_divides_at: f64,
    /// Whether the points have structure beyond chance.
    pub structure: bool,
}

/// Tests `values`, n rows of `d`, or a sample of them. O(m^2 d) for a sample of m rows.
pub(crate) fn test(
    values: &[f32],
    d: usize,
    metric: Metric,
    seed: Seed,
) -> Result<NullTest, exact_knn::Error> {
    let n = values.len() / d;
    let rows = seed.stream("communities/null sample", 0).sample(n, SAMPLE);
    let sample: Vec<f32> = rows
        .iter()
        .flat_map(|&row| &values[row * d..(row + 1) * d])
        .copied()
        .collect();
    let k = neighbors(rows.len());
    let divides = |values: &[f32]| {
        let graph = fuzzy(&search(values, d, metric, k)?.view(), k);
        Ok(dividing_resolution(&graph, seed))
    };
    let divides_at = divides(&sample)?;
    let draws: Vec<f64> = (0..DRAWS)
        .map(|draw| divides(&gaussian_like(&sample, d, seed, draw)))
        .collect::<Result<_, exact_knn::Error>>()?;
    let null_divides_at = draws.into_iter().fold(f64::INFINITY, f64::min);
    Ok(NullTest {
        divides_at,
        null_divides_at,
        structure: divides_at < CLEARLY_BELOW * null_divides_at,
    })
}

/// The largest resolution at which one community holds 95 % of the points, by bisection of its logarithm between 0.005 and 4.
pub(crate) fn dividing_resolution(graph: &Graph, seed: Seed) -> f64 {
    let undivided = |resolution: f64| {
        let options = Options {
            resolution,
            ..Options::default()
        };
        let found = leiden(graph, &options, seed);
        let largest = found.sizes(graph.sizes()).into_iter().fold(0.0, f64::max);
        largest >= UNDIVIDED * graph.len() as f64
    };
    let (mut low, mut high) = (0.005_f64, 4.0_f64);
    for _ in 0..8 {
        let middle = (low * high).sqrt();
        if undivided(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// As many points as there are, each the mean plus the sum of all centered points with random signs over the root of their
/// number: the same mean and covariance, and by the central limit theorem nearly Gaussian. Adds up in a fixed order.
fn gaussian_like(values: &[f32], d: usize, seed: Seed, draw: u64) -> Vec<f32> {
    let n = values.len() / d;
    let mut mean = vec![0.0_f64; d];
    for row in values.chunks_exact(d) {
        for (sum, &value) in mean.iter_mut().zip(row) {
            *sum += f64::from(value) / n as f64;
        }
    }
    let scale = 1.0 / (n as f64).sqrt();
    let centered: Vec<f32> = values
        .chunks_exact(d)
        .flat_map(|row| {
            row.iter()
                .zip(&mean)
                .map(|(&value, mean)| ((f64::from(value) - mean) * scale) as f32)
        })
        .collect();
    let mut drawn = vec![0.0_f32; n * d];
    drawn.par_chunks_mut(d).enumerate().for_each(|(at, point)| {
        let mut random = seed.stream("communities/null", (draw << 32) | at as u64);
        for (value, &mean) in point.iter_mut().zip(&mean) {
            *value = mean as f32;
        }
        let mut bits = 0;
        for (index, row) in centered.chunks_exact(d).enumerate() {
            if index.is_multiple_of(64) {
                bits = random.next_u64();
            }
            let sign = if bits & 1 == 0 { 1.0 } else { -1.0 };
            bits >>= 1;
            for (sum, value) in point.iter_mut().zip(row) {
                *sum += sign * value;
            }
        }
    });
    drawn
}
