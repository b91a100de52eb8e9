//! Random initialization: uniform in the unit cube.

/// n points in `components` dimensions, row-major; `noise(i, component)` is in 0..1.
pub(crate) fn random(
    n: usize,
    components: usize,
    noise: &(dyn Fn(usize, usize) -> f32 + Sync),
) -> Vec<f32> {
    (0..n * components)
        .map(|at| noise(at / components, at % components))
        .collect()
}
