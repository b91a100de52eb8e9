//! Clusters for new points, without clustering again.
//!
//! [`Predictor`] follows hdbscan's `approximate_predict`: the new point is attached to the old point nearest by mutual
//! reachability, at that density, and belongs to the selected cluster at that place of the tree. If a layout of the vectors was
//! clustered, a new point has no place in it; then its nearest old points [`vote`]. Each new point is compared with old points
//! only, so its prediction does not depend on other new points.

use crate::condense::CondensedTree;
use crate::core_distance::mutual_reachability;
use crate::labels::least_lambda;
use crate::select::{Selection, SelectionOptions};
use crate::tree::ClusterTree;

/// A trained clustering, ready to predict the clusters of new points.
#[derive(Debug, Clone)]
pub struct Predictor<'a> {
    core: &'a [f32],
    tree: &'a ClusterTree,
    selected: &'a Selection,
    cap: f64,
    number: Vec<Option<u32>>,
    /// The least lambda of a point in a cluster.
    least_lambda: f64,
    /// The cluster that each old point leaves, and the lambda at which it does.
    departures: Vec<(u32, f64)>,
}

/// The predicted cluster of a new point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The cluster, -1 for noise.
    pub label: i32,
    /// Its membership probability, 0 to 1; 0 for noise.
    pub probability: f64,
    /// The old point that it was attached to, or its nearest old point.
    pub neighbor: u32,
}

impl<'a> Predictor<'a> {
    /// Prepares a clustering; `core` holds the core distances of the old points, `options` are those of the selection. Takes
    /// O(rows).
    pub fn new(
        condensed: &CondensedTree,
        tree: &'a ClusterTree,
        selected: &'a Selection,
        options: &SelectionOptions,
        core: &'a [f32],
    ) -> Self {
        let departures = condensed.departures();
        // No lambda of a point is above that of copies.
        let cap = departures
            .iter()
            .map(|&(_, lambda)| lambda)
            .fold(0.0, f64::max)
            .max(f64::MIN_POSITIVE);
        Self {
            core,
            tree,
            selected,
            cap,
            number: selected.numbers(tree),
            least_lambda: least_lambda(tree, selected, options),
            departures,
        }
    }

    /// The cluster of a new point from its nearest old points: their ids and distances, nearest first, in the unit of the
    /// clustering. hdbscan takes twice `min_samples` of them. Takes O(neighbors + depth of the tree).
    ///
    /// Its core distance is that to the old point after the `min_samples`-th, as in hdbscan: for a point that is among the old
    /// ones, the first of them is the point itself.
    ///
    /// # Panics
    ///
    /// If there are no neighbors, or an id is no old point.
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
            // Of equal ones the first: it is the nearest, and for an old point the point itself.
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .expect("a new point has a neighbor");
        let lambda = if reach > 0.0 {
            (1.0 / f64::from(reach)).min(self.cap)
        } else {
            self.cap
        };
        let (mut cluster, departure) = self.departures[neighbor as usize];
        if departure > lambda {
            // The neighbor leaves later than the new point: climb to the cluster that exists at the lambda of the new point.
            while cluster > 0 && self.tree.birth[cluster as usize] >= lambda {
                cluster = self.tree.parent[cluster as usize];
            }
        }
        // Where the root is a cluster, points that leave it early are noise.
        let label = match self.number[cluster as usize] {
            Some(label) if lambda.min(departure) >= self.least_lambda => label as i32,
            _ => -1,
        };
        let probability = if label < 0 {
            0.0
        } else {
            let most = self.tree.max_lambda[self.selected.clusters[label as usize] as usize];
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

/// The cluster of a new point by a vote of its nearest old points, given nearest first: each has the weight 1 / distance, and
/// noise is voted for like a cluster. The probability is the share of the weights; of equal clusters the nearer one wins.
///
/// # Panics
///
/// If there are no neighbors.
pub fn vote(ids: &[u32], distances: &[f32], labels: &[i32]) -> Prediction {
    let mut votes: Vec<(i32, f64)> = Vec::new();
    for (&id, &distance) in ids.iter().zip(distances) {
        let label = labels[id as usize];
        // Rounding alone can put a copy this far away.
        let weight = 1.0 / f64::from(distance).max(1e-9);
        match votes.iter_mut().find(|(other, _)| *other == label) {
            Some((_, sum)) => *sum += weight,
            None => votes.push((label, weight)),
        }
    }
    let all: f64 = votes.iter().map(|(_, weight)| weight).sum();
    let first = (-1, 0.0);
    let (label, most) = votes.into_iter().fold(
        first,
        |best, next| if next.1 > best.1 { next } else { best },
    );
    Prediction {
        label,
        probability: if label < 0 { 0.0 } else { most / all },
        neighbor: ids[0],
    }
}
