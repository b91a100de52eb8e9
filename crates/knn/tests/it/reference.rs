//! The answer as anyone would write it, in 64 bits, to hold the others to.

use vectors::Metric;

/// The distance of two rows.
pub(crate) fn distance(a: &[f32], b: &[f32], metric: Metric) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum::<f64>()
    };
    match metric {
        Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        Metric::L2 => a
            .iter()
            .zip(b)
            .map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2))
            .sum::<f64>()
            .sqrt(),
        Metric::InnerProduct => 1.0 - dot(a, b),
    }
}

/// The k nearest of row `i`: distances with ids, nearest first, ties by id.
pub(crate) fn nearest(
    values: &[f32],
    d: usize,
    metric: Metric,
    i: usize,
    k: usize,
) -> Vec<(f64, u32)> {
    let row = |i: usize| &values[i * d..(i + 1) * d];
    let mut all: Vec<(f64, u32)> = (0..values.len() / d)
        .filter(|&j| j != i)
        .map(|j| (distance(row(i), row(j), metric), j as u32))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all
}

#[test]
fn the_reference_orders_ties_by_id() {
    let found = nearest(&[0.0, 1.0, -1.0, 3.0], 1, Metric::L2, 0, 3);
    assert_eq!(found, [(1.0, 1), (1.0, 2), (3.0, 3)]);
}
