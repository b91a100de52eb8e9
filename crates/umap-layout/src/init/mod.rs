//! Initial positions: spectral, principal components, or random.

mod dense;
mod pca;
mod random;
mod spectral;

pub(crate) use pca::pca;
pub(crate) use random::random;
pub(crate) use spectral::spectral;

/// The side of the square of the initial positions, as in umap-learn.
const SIDE: f32 = 10.0;
/// How far points are moved at random, so that copies do not start at the same position.
const JITTER: f32 = 1e-3;

/// Moves and stretches every component to 0..10, then each point a little by `noise(i, component)`, which is in 0..1.
/// A component of a single value becomes 5.
pub(crate) fn fit(
    positions: &mut [f32],
    components: usize,
    noise: &(dyn Fn(usize, usize) -> f32 + Sync),
) {
    for component in 0..components {
        let values = || {
            positions
                .iter()
                .skip(component)
                .step_by(components)
                .copied()
        };
        let low = values().fold(f32::INFINITY, f32::min);
        let high = values().fold(f32::NEG_INFINITY, f32::max);
        let width = high - low;
        for (i, value) in positions
            .iter_mut()
            .skip(component)
            .step_by(components)
            .enumerate()
        {
            let place = if width > 0.0 {
                SIDE * ((*value - low) / width)
            } else {
                SIDE / 2.0
            };
            *value = place + JITTER * (noise(i, component) - 0.5);
        }
    }
}
