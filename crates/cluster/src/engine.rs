//! The `hdbscan` crate on the full distance matrix, to cross-check labels on small tables.
//!
//! Its limits: O(n^2) memory and more time, excess of mass only, labels only (no probabilities, outlier scores,
//! persistence or trees). It counts the point itself in `min_samples`, which is accounted for here. Labels of two
//! correct programs differ where distances are tied.

use exact_knn::{Metric, Points};
use hdbscan::{DistanceMetric, Hdbscan, HdbscanHyperParams};
use rayon::prelude::*;

use crate::Error;
use crate::flat::Cut;

/// The most rows that it is given: a matrix of 100 MB.
pub const MOST_ROWS: usize = 5_000;

/// Whether it takes `n` rows.
pub fn check(n: usize) -> Result<(), Error> {
    if n > MOST_ROWS {
        return Err(Error::TooManyForMatrix { n, most: MOST_ROWS });
    }
    Ok(())
}

/// The labels that the `hdbscan` crate finds by excess of mass, with density measured over `min_samples` other points.
pub fn labels(
    points: Points<'_>,
    metric: Metric,
    min_samples: usize,
    cut: &Cut,
) -> Result<Vec<i32>, Error> {
    let n = points.n();
    exact_knn::check(points, metric)?;
    let matrix: Vec<Vec<f32>> = (0..n)
        .into_par_iter()
        .map(|i| {
            let to = |j| {
                if i == j {
                    0.0
                } else {
                    exact_knn::distance(points.row(i), points.row(j), metric)
                }
            };
            (0..n).map(to).collect()
        })
        .collect();
    let mut builder = HdbscanHyperParams::builder()
        .dist_metric(DistanceMetric::Precalculated)
        .min_cluster_size(cut.min_cluster_size)
        .min_samples(min_samples + 1)
        .allow_single_cluster(cut.rule.allow_single_cluster)
        .epsilon(cut.rule.epsilon);
    if cut.rule.max_cluster_size > 0 {
        builder = builder.max_cluster_size(cut.rule.max_cluster_size);
    }
    let engine = Hdbscan::new(&matrix, builder.build());
    engine.cluster().map_err(|fault| Error::Engine {
        fault: fault.to_string(),
    })
}
