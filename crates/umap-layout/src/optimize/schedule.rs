//! How often each edge is sampled: in proportion to its weight, the heaviest in every epoch.

use crate::fuzzy::FuzzyGraph;
use crate::kernels::LANES;

/// The edges that are sampled at all, in compressed rows.
pub(crate) struct Schedule {
    /// Row i is `starts[i]..starts[i + 1]` of the arrays below; length n + 1.
    pub(crate) starts: Vec<usize>,
    /// The other end of each edge, then a block of padding. Each is a point of the graph.
    pub(crate) neighbors: Vec<u32>,
    /// Samples per epoch of each edge, above 0 and up to 1; then a block of padding.
    pub(crate) rates: Vec<f32>,
}

impl Schedule {
    /// The schedule of a layout of `epochs` epochs. Edges too light to be due even once are left out, as in umap-learn.
    pub(crate) fn new(graph: &FuzzyGraph, epochs: usize) -> Self {
        let heaviest = graph
            .weights
            .iter()
            .copied()
            .fold(f32::MIN_POSITIVE, f32::max);
        let lightest = 1.0 / epochs.max(1) as f32;
        let mut schedule = Self {
            starts: vec![0],
            neighbors: Vec::new(),
            rates: Vec::new(),
        };
        for i in 0..graph.len() {
            let (neighbors, weights) = graph.row(i);
            for (&neighbor, &weight) in neighbors.iter().zip(weights) {
                let rate = weight / heaviest;
                if rate >= lightest {
                    schedule.neighbors.push(neighbor);
                    schedule.rates.push(rate);
                }
            }
            schedule.starts.push(schedule.neighbors.len());
        }
        assert!(
            schedule
                .neighbors
                .iter()
                .all(|&id| (id as usize) < graph.len()),
            "edges end at points of the graph"
        );
        schedule.neighbors.extend([0; LANES]);
        schedule.rates.extend([0.0; LANES]);
        schedule
    }

    /// The number of points.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }
}
