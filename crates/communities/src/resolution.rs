//! The resolution at which two halves of the edges agree best.

use hdbscan_graph::adjusted_rand_index;
use leiden::{Graph, Options, Partition, leiden};
use random_streams::Seed;
use rayon::prelude::*;

use crate::graph::halves;

/// Resolutions per doubling.
const STEPS: f64 = 3.0;

/// The largest resolution that is tried.
const MAX_RESOLUTION: f64 = 16.0;

/// Number of times that the edges are split.
const SPLITS: u64 = 2;

/// How much less than the best a coarser partition may agree, and still be preferred.
const NEARLY_BEST: f64 = 0.02;

/// A resolution, and how well the communities of two halves of the edges agree at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The resolution.
    pub resolution: f64,
    /// The adjusted Rand index of the halves, averaged over the splits: 1 if they agree, 0 if they are unrelated.
    pub agreement: f64,
}

/// The agreement at each resolution from `floor` on.
pub(crate) fn curve(graph: &Graph, floor: f64, seed: Seed) -> Vec<Agreement> {
    let splits: Vec<[Graph; 2]> = (0..SPLITS)
        .map(|split| halves(graph, seed, split))
        .collect();
    let steps = (0..)
        .map(|step| floor * (f64::from(step) / STEPS).exp2())
        .take_while(|&resolution| resolution <= MAX_RESOLUTION);
    let cells: Vec<(f64, usize)> = steps
        .flat_map(|resolution| (0..splits.len()).map(move |split| (resolution, split)))
        .collect();
    let agreements: Vec<f64> = cells
        .par_iter()
        .map(|&(resolution, split)| {
            let options = Options {
                resolution,
                ..Options::default()
            };
            let [one, other] = &splits[split];
            let labels = |half| labels(&leiden(half, &options, seed));
            adjusted_rand_index(&labels(one), &labels(other))
        })
        .collect();
    let splits = splits.len();
    cells
        .chunks(splits)
        .zip(agreements.chunks(splits))
        .map(|(cells, agreements)| Agreement {
            resolution: cells[0].0,
            agreement: agreements.iter().sum::<f64>() / splits as f64,
        })
        .collect()
}

/// The curve as means of three neighboring resolutions, two at the ends: single values vary by some hundredths.
pub(crate) fn smoothed(curve: &[Agreement]) -> Vec<Agreement> {
    (0..curve.len())
        .map(|at| {
            let near = &curve[at.saturating_sub(1)..(at + 2).min(curve.len())];
            Agreement {
                resolution: curve[at].resolution,
                agreement: near.iter().map(|one| one.agreement).sum::<f64>() / near.len() as f64,
            }
        })
        .collect()
}

/// The smallest resolution at which the halves agree nearly as well as anywhere.
pub(crate) fn choose(curve: &[Agreement]) -> Agreement {
    let best = curve
        .iter()
        .map(|one| one.agreement)
        .fold(f64::NEG_INFINITY, f64::max);
    let mut nearly = curve
        .iter()
        .filter(|one| one.agreement >= best - NEARLY_BEST);
    *nearly.next().expect("a curve has points")
}

fn labels(partition: &Partition) -> Vec<i32> {
    partition
        .labels()
        .iter()
        .map(|&label| label as i32)
        .collect()
}
