//! The layout: stochastic gradient descent on the fuzzy graph's cross entropy (UMAP, section 3.2), reproducible.
//!
//! umap-learn moves both ends of an edge at once, so its result depends on the order of the edges and thus needs one thread.
//! Here a point is moved along the edges of its own row only, twice per edge as for umap-learn's two directed edges, and sees
//! the other points where they were at the start of the batch. `BATCHES` batches per epoch keep those positions recent. The
//! points of a batch are independent of each other, so the bytes are the same at any number of threads. Random numbers are
//! hashes of (seed, epoch, point, counter), and all arithmetic is plain IEEE 754, so every kernel gives the same bytes, too.
//!
//! Cost: O(epochs x (edges + due edges x negative samples)); memory for the positions twice and the edges once.

mod schedule;
mod step;

use rayon::prelude::*;

use crate::fuzzy::FuzzyGraph;
use crate::kernels::Kernel;
use schedule::Schedule;
use step::{Scratch, Sweep, View};

/// Strength of attraction and repulsion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forces {
    /// Parameter a of the curve.
    pub a: f32,
    /// Parameter b of the curve.
    pub b: f32,
    /// Weight of repulsion relative to attraction.
    pub repulsion: f32,
    /// Negative samples per positive sample.
    pub negatives: usize,
}

/// Number of epochs, learning rate and seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Descent {
    /// Number of epochs.
    pub epochs: usize,
    /// The learning rate of the first epoch; it falls to 0 in equal steps.
    pub learning_rate: f32,
    /// Seed of the negative samples.
    pub seed: u64,
}

/// What differs between epochs.
struct Epoch {
    number: f32,
    /// The learning rate.
    alpha: f32,
    /// The epoch's part of the key of the random numbers.
    seed: u64,
}

impl Epoch {
    fn new(number: usize, descent: &Descent) -> Self {
        Self {
            number: number as f32,
            alpha: descent.learning_rate * (1.0 - number as f32 / descent.epochs as f32),
            seed: mix(descent.seed ^ mix(number as u64)),
        }
    }

    /// The key of a point's random numbers in this epoch.
    #[inline]
    fn key(&self, id: usize) -> u32 {
        mix(self.seed.wrapping_add(id as u64)) as u32
    }
}

/// The finalizer of `SplitMix64`.
#[inline]
fn mix(seed: u64) -> u64 {
    let h = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^ (h >> 31)
}

/// Points per parallel task.
const BLOCK: usize = 512;
/// Batches per epoch: a part of the method, the same everywhere.
const BATCHES: usize = 8;

/// Optimizes `positions`, shape (n, components), row-major: edges of `graph` attract, negative samples repel.
///
/// `watch` is called after each epoch.
///
/// # Panics
///
/// If `positions` is not n rows of `components`, or `components` is not from 1 to 100.
pub(crate) fn optimize(
    kernel: Kernel,
    graph: &FuzzyGraph,
    positions: &mut [f32],
    components: usize,
    forces: &Forces,
    descent: &Descent,
    watch: &(dyn Fn() + Sync),
) {
    let n = graph.len();
    assert!(
        (1..=100).contains(&components) && positions.len() == n * components,
        "n rows of 1 to 100 components"
    );
    let schedule = Schedule::new(graph, descent.epochs);
    let batch = n.div_ceil(BATCHES).max(1);
    let mut moved = vec![0.0; batch * components];
    for number in 0..descent.epochs {
        let epoch = Epoch::new(number, descent);
        for first in (0..n).step_by(batch) {
            let count = batch.min(n - first);
            let moved = &mut moved[..count * components];
            let view = View {
                schedule: &schedule,
                positions,
                components,
                forces,
                epoch: &epoch,
            };
            moved
                .par_chunks_mut(BLOCK * components)
                .enumerate()
                .for_each_init(Scratch::default, |scratch, (block, moved)| {
                    kernel.run(Sweep {
                        view: &view,
                        first: first + block * BLOCK,
                        moved,
                        scratch,
                    });
                });
            positions[first * components..(first + count) * components].copy_from_slice(moved);
        }
        watch();
    }
}
