//! A naive search in `f64`, with which backends are compared.

use exact_knn::Metric;

/// The k nearest of row `i`: distances with ids, nearest first, ties by id.
pub(crate) fn nearest(
    values: &[f32],
    d: usize,
    metric: Metric,
    i: usize,
    k: usize,
) -> Vec<(f64, u32)> {
    let distance = match metric {
        Metric::Cosine => test_support::cosine_distance,
        Metric::L2 => test_support::euclidean,
        Metric::InnerProduct => test_support::inner_product_distance,
    };
    let row = |i: u32| &values[i as usize * d..][..d];
    let rows = (values.len() / d) as u32;
    test_support::nearest(i as u32, 0..rows, k, |i, j| distance(row(i), row(j)))
}
