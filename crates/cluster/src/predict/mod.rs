//! Clusters for new points, without clustering again.
//!
//! As hdbscan's `approximate_predict`: the new point is attached to the point nearest by mutual reachability, at
//! that density, and belongs to the chosen cluster that holds its place in the tree. Where a layout of the vectors was
//! clustered, a new point has no place in it; there its nearest old points vote. Each new point is compared with the old
//! ones alone, so the answer for a row does not depend on what else is asked.

mod files;
mod run;

pub use run::{Predict, PredictOptions, PredictReport};

use crate::condense::CondensedTree;
use crate::core_distance::mutual_reachability;
use crate::labels::least_lambda;
use crate::select::{Rule, Selection};
use crate::tree::ClusterTree;

/// A clustering that new points can be compared with.
#[derive(Debug, Clone)]
pub struct Predictor<'a> {
    core: &'a [f32],
    tree: &'a ClusterTree,
    chosen: &'a Selection,
    cap: f64,
    number: Vec<Option<u32>>,
    /// The least lambda of a point in a cluster.
    from: f64,
    /// Which cluster each old point leaves, and when.
    left: Vec<(u32, f64)>,
}

/// What is said of a new point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The cluster, -1 for noise.
    pub label: i32,
    /// How firmly, 0 to 1.
    pub probability: f64,
    /// The old point it was attached to.
    pub neighbor: u32,
}

impl<'a> Predictor<'a> {
    /// Makes ready; `core` are the core distances of the old points. Takes O(rows).
    pub fn new(
        condensed: &CondensedTree,
        tree: &'a ClusterTree,
        chosen: &'a Selection,
        rule: &Rule,
        core: &'a [f32],
    ) -> Self {
        let left = condensed.departures();
        // No lambda of a point is above that of copies.
        let cap = left
            .iter()
            .map(|&(_, lambda)| lambda)
            .fold(0.0, f64::max)
            .max(f64::MIN_POSITIVE);
        Self {
            core,
            tree,
            chosen,
            cap,
            number: chosen.numbers(tree),
            from: least_lambda(tree, chosen, rule),
            left,
        }
    }

    /// The cluster of a new point from its nearest old points, nearest first; hdbscan takes twice `min_samples` of them.
    ///
    /// Its own density is measured over one old point more than `min_samples`, as in hdbscan: for a point that is among
    /// the old ones, the first of them is itself.
    ///
    /// # Panics
    ///
    /// If there are no neighbors.
    pub fn predict(&self, ids: &[u32], distances: &[f32], min_samples: usize) -> Prediction {
        let own = if min_samples == 0 {
            0.0
        } else {
            distances[min_samples.min(distances.len() - 1)]
        };
        let (reach, neighbor) = ids
            .iter()
            .zip(distances)
            .map(|(&j, &distance)| (mutual_reachability(own, self.core[j as usize], distance), j))
            // Of equal ones the first: that is the nearest, and for an old point itself.
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .expect("a new point has a neighbor");
        let lambda = if reach > 0.0 {
            (1.0 / f64::from(reach)).min(self.cap)
        } else {
            self.cap
        };
        let (mut cluster, departure) = self.left[neighbor as usize];
        if departure > lambda {
            // The neighbor stays longer than the new point: climb to the cluster that is there at its lambda.
            while cluster > 0 && self.tree.birth[cluster as usize] >= lambda {
                cluster = self.tree.parent[cluster as usize];
            }
        }
        // The root as a cluster leaves out what leaves it early.
        let label = match self.number[cluster as usize] {
            Some(label) if lambda.min(departure) >= self.from => label as i32,
            _ => -1,
        };
        let probability = if label < 0 {
            0.0
        } else {
            let most = self.tree.max_lambda[self.chosen.clusters[label as usize] as usize];
            if most > 0.0 {
                lambda.min(most) / most
            } else {
                1.0
            }
        };
        Prediction {
            label,
            probability,
            neighbor,
        }
    }
}
