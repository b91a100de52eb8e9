//! Core distances: how dense the data is around each point.
//!
//! Campello, Moulavi and Sander (2013), definition 1, with hdbscan's and `fast_hdbscan`'s convention: the point itself is not
//! counted among its `min_samples` nearest. scikit-learn and cuML count it; their 4 is our 3.

use knn_graph::KnnView;
use rayon::prelude::*;

/// The distance of each point to its `min_samples`-th nearest other point, in the unit of the metric.
///
/// `min_samples` of 0 gives 0 everywhere (plain single linkage). Takes O(n).
///
/// # Panics
///
/// If `min_samples` is more than the lists hold.
pub fn core_distances(graph: &KnnView<'_>, min_samples: usize) -> Vec<f32> {
    if min_samples == 0 {
        return vec![0.0; graph.n()];
    }
    (0..graph.n())
        .into_par_iter()
        .map(|i| graph.row(i).1[min_samples - 1])
        .collect()
}

/// The mutual reachability distance of two points: their distance, but no less than either core distance.
#[inline]
pub fn mutual_reachability(core_a: f32, core_b: f32, distance: f32) -> f32 {
    distance.max(core_a).max(core_b)
}
