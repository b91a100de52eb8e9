//! Random initialization: uniform in the unit cube.

/// n points in `columns` dimensions, row-major; `noise(i, column)` is in 0..1.
pub(crate) fn random(
    n: usize,
    columns: usize,
    noise: &(dyn Fn(usize, usize) -> f32 + Sync),
) -> Vec<f32> {
    (0..n * columns)
        .map(|at| noise(at / columns, at % columns))
        .collect()
}
