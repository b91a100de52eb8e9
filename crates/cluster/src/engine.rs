//! The `hdbscan` crate on the full distance matrix, to cross-check labels on small tables.
//!
//! Its limits: O(n^2) memory and more time, excess of mass only, labels only (no probabilities, outlier scores,
//! persistence or trees). It counts the point itself in `min_samples`, which is accounted for here. Labels of two
//! correct programs differ where distances are tied.

use exact_knn::{Metric, Points};
use hdbscan::{DistanceMetric, Hdbscan, HdbscanHyperParams};
use hdbscan_graph::FlatOptions;
use rayon::prelude::*;

use crate::Error;

/// Maximum number of rows: a matrix of 100 MB.
const MAX_ROWS: usize = 5_000;

/// Checks that the full matrix of that many rows is allowed.
pub(crate) fn check(n: usize) -> Result<(), Error> {
    if n > MAX_ROWS {
        return Err(Error::TooManyForMatrix { n, most: MAX_ROWS });
    }
    Ok(())
}

/// The labels of the `hdbscan` crate, selected by excess of mass; `min_samples` does not count the point itself.
pub(crate) fn labels(
    points: Points<'_>,
    metric: Metric,
    min_samples: usize,
    options: &FlatOptions,
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
        .min_cluster_size(options.min_cluster_size)
        .min_samples(min_samples + 1)
        .allow_single_cluster(options.selection.allow_single_cluster)
        .epsilon(options.selection.epsilon);
    if options.selection.max_cluster_size > 0 {
        builder = builder.max_cluster_size(options.selection.max_cluster_size);
    }
    let engine = Hdbscan::new(&matrix, builder.build());
    engine.cluster().map_err(|fault| Error::Engine {
        fault: fault.to_string(),
    })
}
