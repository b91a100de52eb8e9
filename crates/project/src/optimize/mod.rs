//! The layout: stochastic gradient descent on the fuzzy graph's cross entropy (UMAP, section 3.2), reproducible.
//!
//! umap-learn moves both ends of an edge at once, which ties the result to one order of edges and thus to one
//! thread. Here each point gathers its moves from its own row, two for an edge as for umap-learn's two directed
//! edges; the points of a batch see the others where they were when the batch began. `BATCHES` batches an epoch keep
//! those positions fresh. Points of one batch are independent of each other: the same bytes come out at any number
//! of threads. Random numbers are hashes of (seed, epoch, point, counter), and all arithmetic is plain IEEE, so
//! every kernel gives the same bytes too.
//!
//! Cost: O(epochs x (edges + due edges x negative samples)); memory for the positions twice and the edges once.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
pub(crate) mod lanes;
mod portable;
mod schedule;
mod step;

use graph::Fuzzy;
use rayon::prelude::*;

pub use kernel::Kernel;
use schedule::Schedule;
use step::{Room, View};

/// How strongly points pull and push.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forces {
    /// The curve's a.
    pub a: f32,
    /// The curve's b.
    pub b: f32,
    /// Weight of a push against a pull.
    pub repulsion: f32,
    /// Pushes per pull.
    pub negatives: usize,
}

/// How long and how fast to move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// Passes over the graph.
    pub epochs: usize,
    /// The learning rate of the first epoch; it falls to 0 in equal steps.
    pub learning_rate: f32,
    /// Seed of the negative samples.
    pub seed: u64,
}

/// What distinguishes one epoch from another.
pub(crate) struct Epoch {
    number: f32,
    /// The learning rate.
    alpha: f32,
    /// The epoch's part of the random numbers' key.
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

/// Points that one task moves.
const BLOCK: usize = 512;
/// Batches per epoch: a part of the method, the same everywhere.
const BATCHES: usize = 8;

/// Moves `positions`, shape (n, columns) row-major, as the edges of `graph` and negative samples push and pull them.
///
/// `watch` is called after each epoch.
///
/// # Panics
///
/// If `positions` is not n rows of `columns`, or `columns` is not from 1 to 100.
pub fn optimize(
    kernel: Kernel,
    graph: &Fuzzy,
    positions: &mut [f32],
    columns: usize,
    forces: &Forces,
    descent: &Descent,
    watch: &(dyn Fn() + Sync),
) {
    let n = graph.len();
    assert!(
        (1..=100).contains(&columns) && positions.len() == n * columns,
        "n rows of 1 to 100 columns"
    );
    let schedule = Schedule::new(graph, descent.epochs);
    let batch = n.div_ceil(BATCHES).max(1);
    let mut moved = vec![0.0; batch * columns];
    for number in 0..descent.epochs {
        let epoch = Epoch::new(number, descent);
        for first in (0..n).step_by(batch) {
            let count = batch.min(n - first);
            let moved = &mut moved[..count * columns];
            let view = View {
                schedule: &schedule,
                positions,
                columns,
                forces,
                epoch: &epoch,
            };
            moved
                .par_chunks_mut(BLOCK * columns)
                .enumerate()
                .for_each_init(Room::default, |room, (block, moved)| {
                    kernel.sweep(&view, first + block * BLOCK, moved, room);
                });
            positions[first * columns..(first + count) * columns].copy_from_slice(moved);
        }
        watch();
    }
}
