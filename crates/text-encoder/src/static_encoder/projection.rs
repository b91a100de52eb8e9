//! Principal components of the token vectors of a corpus.

use rayon::prelude::*;

use super::eigen::eigen;

/// Rows of the covariance that a task computes.
const ROWS: usize = 32;

/// Leading components that are left out.
const COMMON: usize = 1;

/// Directions with a smaller share of the largest variance have none: what is left of them is rounding.
const MIN_VARIANCE: f64 = 1e-9;

/// A projection of vectors onto principal components, each scaled by its variance to the power -1/4.
///
/// The first component is left out: it tells frequent words from rare ones, not one subject from another (Mu, Viswanath 2018;
/// Arora, Liang, Ma 2017). The scale lies half way between that of the vectors, whose first components dominate all
/// distances, and whitening, by which components of little but noise weigh as much as others.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenProjection {
    /// The mean of d dimensions.
    mean: Vec<f32>,
    /// For each of the d dimensions a row of k loadings.
    loadings: Vec<f32>,
}

impl TokenProjection {
    /// The principal components of `vectors` (rows of `d` values) but the first, where row i has the weight `weights[i]` >= 0: at
    /// most `components` of them, and no more than there are directions with variance. `None` if there are none.
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
            .skip(COMMON)
            .take(components)
            .take_while(|&&variance| variance > least && variance > 0.0)
            .count();
        if k == 0 {
            return None;
        }
        let kept = variances.iter().skip(COMMON).take(k);
        let scales: Vec<f64> = kept.map(|variance| 1.0 / variance.sqrt().sqrt()).collect();
        let loadings =
            (0..d * k).map(|at| (axes[(COMMON + at % k) * d + at / k] * scales[at % k]) as f32);
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

    /// Around (1, 2, 0): two points 9 away along the third axis, two 4 away along (3, 4, 0), two 1 away along (-4, 3, 0).
    #[rustfmt::skip]
    const POINTS: [f32; 18] = [
        1.0, 2.0, 9.0, 1.0, 2.0, -9.0,
        3.4, 5.2, 0.0, -1.4, -1.2, 0.0,
        0.2, 2.6, 0.0, 1.8, 1.4, 0.0,
    ];

    #[test]
    fn components_but_the_first_are_scaled_by_the_fourth_root_of_their_variance() {
        // The variances are 27, 16 / 3 and 1 / 3.
        let found = TokenProjection::fit(&POINTS, 3, &[1.0; 6], 5).unwrap();
        assert_eq!((found.inputs(), found.components()), (3, 2));
        for (mean, expected) in found.mean().iter().zip([1.0, 2.0, 0.0]) {
            assert!((mean - expected).abs() < 1e-6);
        }
        for (point, weight, expected) in [
            (0, 1.0, [0.0, 0.0]),
            (2, 2.0, [2.0 * 4.0 / (16.0_f32 / 3.0).powf(0.25), 0.0]),
            (4, 1.0, [0.0, 3.0_f32.powf(0.25)]),
        ] {
            let mut into = [0.0; 2];
            found.apply(&POINTS[3 * point..][..3], weight, &mut into);
            for (found, expected) in into.iter().zip(expected) {
                assert!((found.abs() - expected).abs() < 1e-5, "{into:?} at {point}");
            }
        }
        let parts = TokenProjection::from_parts(found.mean().to_vec(), found.loadings().to_vec());
        assert_eq!(parts, Some(found));
    }

    #[test]
    fn a_row_of_weight_two_is_two_rows() {
        let twice = [&POINTS[..], &POINTS[6..9]].concat();
        let weights = [1.0, 1.0, 2.0, 1.0, 1.0, 1.0];
        let found = TokenProjection::fit(&POINTS, 3, &weights, 2).unwrap();
        let expected = TokenProjection::fit(&twice, 3, &[1.0; 7], 2).unwrap();
        for (found, expected) in found.loadings().iter().zip(expected.loadings()) {
            // Directions have no sign.
            assert!((found.abs() - expected.abs()).abs() < 1e-5);
        }
    }

    #[test]
    fn directions_without_variance_are_left_out() {
        let plane = [1.0, 0.0, 5.0, -1.0, 0.0, 5.0, 0.0, 3.0, 5.0];
        let found = TokenProjection::fit(&plane, 3, &[1.0; 3], 3).unwrap();
        assert_eq!(found.components(), 1);
        assert_eq!(TokenProjection::fit(&plane[..6], 3, &[1.0; 2], 3), None);
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
