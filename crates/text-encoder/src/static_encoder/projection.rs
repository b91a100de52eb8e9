//! Principal components of the token vectors of a corpus.

use rayon::prelude::*;

use super::eigen::eigen;

/// Rows of the covariance that a task computes.
const ROWS: usize = 32;

/// Directions with a smaller share of the largest variance have none: what is left of them is rounding.
const MIN_VARIANCE: f64 = 1e-9;

/// A projection of vectors onto principal components, each scaled by its variance to the power -1/4.
///
/// Scaling lies half way between that of the vectors, whose first components dominate all distances, and whitening, by
/// which components of little but noise weigh as much as others (Raunak, Gupta, Metze 2019 and Mu, Viswanath 2018 remove or
/// scale the first components for the same reason).
#[derive(Clone, Debug, PartialEq)]
pub struct TokenProjection {
    /// The mean of d dimensions.
    mean: Vec<f32>,
    /// For each of the d dimensions a row of k loadings.
    loadings: Vec<f32>,
}

impl TokenProjection {
    /// The principal components of `vectors` (rows of `d` values), where row i has the weight `weights[i]` >= 0: at most
    /// `components` of them, and no more than there are directions with variance. `None` if there are none.
    ///
    /// Covariance and eigenvectors are computed in `f64`, all sums in a fixed order. O(rows d^2 + d^3).
    ///
    /// # Panics
    ///
    /// If `vectors` is not a row of `d` values for each weight.
    pub fn fit(vectors: &[f32], d: usize, weights: &[f64], components: usize) -> Option<Self> {
        assert_eq!(vectors.len(), weights.len() * d, "a row for each weight");
        let total: f64 = weights.iter().sum();
        let rows = || vectors.chunks_exact(d).zip(weights);
        let mut mean = vec![0.0; d];
        for (row, &weight) in rows() {
            for (mean, &value) in mean.iter_mut().zip(row) {
                *mean += weight * f64::from(value);
            }
        }
        for mean in &mut mean {
            *mean /= total;
        }
        let mut covariance = vec![0.0; d * d];
        covariance
            .par_chunks_mut(ROWS * d)
            .enumerate()
            .for_each(|(task, part)| {
                let first = task * ROWS;
                let mut centered = vec![0.0; d];
                for (row, &weight) in rows() {
                    for ((out, &value), mean) in centered.iter_mut().zip(row).zip(&mean) {
                        *out = f64::from(value) - mean;
                    }
                    for (at, sums) in part.chunks_exact_mut(d).enumerate() {
                        // The other half is symmetric.
                        let i = first + at;
                        let factor = weight * centered[i];
                        for (sum, value) in sums[i..].iter_mut().zip(&centered[i..]) {
                            *sum += factor * value;
                        }
                    }
                }
            });
        for i in 0..d {
            for j in 0..i {
                covariance[i * d + j] = covariance[j * d + i];
            }
        }
        for value in &mut covariance {
            *value /= total;
        }
        let (variances, axes) = eigen(&covariance, d);
        let least = MIN_VARIANCE * variances[0];
        let k = variances
            .iter()
            .take(components)
            .take_while(|&&variance| variance > least && variance > 0.0)
            .count();
        if k == 0 {
            return None;
        }
        let scales: Vec<f64> = variances[..k]
            .iter()
            .map(|variance| 1.0 / variance.sqrt().sqrt())
            .collect();
        let loadings = (0..d * k).map(|at| (axes[at % k * d + at / k] * scales[at % k]) as f32);
        Some(Self {
            loadings: loadings.collect(),
            mean: mean.iter().map(|&mean| mean as f32).collect(),
        })
    }

    /// The projection with this mean (d dimensions) and these loadings (d rows of k values). `None` if they do not fit
    /// together or are not finite.
    pub fn from_parts(mean: Vec<f32>, loadings: Vec<f32>) -> Option<Self> {
        let fits =
            !mean.is_empty() && !loadings.is_empty() && loadings.len().is_multiple_of(mean.len());
        let finite = mean.iter().chain(&loadings).all(|value| value.is_finite());
        (fits && finite).then_some(Self { mean, loadings })
    }

    /// The mean, which is subtracted first: d dimensions.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The loadings: for each of the d dimensions a row of k values.
    pub fn loadings(&self) -> &[f32] {
        &self.loadings
    }

    /// Dimensions d of the vectors that come in.
    pub fn inputs(&self) -> usize {
        self.mean.len()
    }

    /// Number k of components.
    pub fn components(&self) -> usize {
        self.loadings.len() / self.mean.len()
    }

    /// Writes the projection of `vector` (d dimensions), times `weight`, into `into` (k components). O(d k).
    ///
    /// # Panics
    ///
    /// If a length differs.
    pub fn apply(&self, vector: &[f32], weight: f32, into: &mut [f32]) {
        assert_eq!(vector.len(), self.inputs(), "a vector of the inputs");
        assert_eq!(into.len(), self.components(), "a value for each component");
        into.fill(0.0);
        let rows = self.loadings.chunks_exact(into.len());
        for ((value, mean), row) in vector.iter().zip(&self.mean).zip(rows) {
            let factor = weight * (value - mean);
            for (sum, loading) in into.iter_mut().zip(row) {
                *sum += factor * loading;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors along the axes (3, 4) and (-4, 3) of a plane, around (1, 2), with variances of 16 and 1.
    const POINTS: [f32; 8] = [3.4, 5.2, -1.4, -1.2, 0.2, 2.6, 1.8, 1.4];

    #[test]
    fn components_are_scaled_by_the_fourth_root_of_their_variance() {
        // Weights of 1/2 and 1/2 of the two pairs: variances of 8 and 0.5.
        let found = TokenProjection::fit(&POINTS, 2, &[1.0; 4], 5).unwrap();
        assert_eq!((found.inputs(), found.components()), (2, 2));
        for (mean, expected) in found.mean().iter().zip([1.0, 2.0]) {
            assert!((mean - expected).abs() < 1e-6);
        }
        let mut into = [0.0; 2];
        found.apply(&POINTS[..2], 2.0, &mut into);
        // The point is 4 from the mean, along the first axis.
        let expected = 2.0 * 4.0 / 8.0_f32.powf(0.25);
        assert!(
            (into[0].abs() - expected).abs() < 1e-5 && into[1].abs() < 1e-5,
            "{into:?}"
        );
        found.apply(&POINTS[4..6], 1.0, &mut into);
        let expected = 0.5_f32.powf(-0.25);
        assert!(
            into[0].abs() < 1e-5 && (into[1].abs() - expected).abs() < 1e-5,
            "{into:?}"
        );
        let parts = TokenProjection::from_parts(found.mean().to_vec(), found.loadings().to_vec());
        assert_eq!(parts, Some(found));
    }

    #[test]
    fn a_row_of_weight_two_is_two_rows() {
        let twice = [&POINTS[..], &POINTS[..2]].concat();
        let found = TokenProjection::fit(&POINTS, 2, &[2.0, 1.0, 1.0, 1.0], 2).unwrap();
        let expected = TokenProjection::fit(&twice, 2, &[1.0; 5], 2).unwrap();
        for (found, expected) in found.loadings().iter().zip(expected.loadings()) {
            assert!((found - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn directions_without_variance_are_left_out() {
        let plane = [1.0, 0.0, 5.0, -1.0, 0.0, 5.0, 0.0, 3.0, 5.0];
        let found = TokenProjection::fit(&plane, 3, &[1.0; 3], 3).unwrap();
        assert_eq!(found.components(), 2);
        assert_eq!(TokenProjection::fit(&plane[..3], 3, &[1.0], 3), None);
        assert_eq!(
            TokenProjection::from_parts(vec![1.0, 2.0], vec![1.0; 3]),
            None
        );
        assert_eq!(TokenProjection::from_parts(vec![f32::NAN], vec![1.0]), None);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let value = |i: usize| ((i * 7919 % 1009) as f32 - 504.0) / 100.0;
        let vectors: Vec<f32> = (0..200 * 70).map(value).collect();
        let weights: Vec<f64> = (0..200).map(|i| 1.0 + (i % 5) as f64).collect();
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
                .install(|| TokenProjection::fit(&vectors, 70, &weights, 40))
        };
        assert_eq!(fit(1), fit(3));
    }
}
