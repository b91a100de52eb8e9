//! Many settings from one graph: what each would give, and where the answer falls off a cliff.
//!
//! The tree is built once for each `min_samples`, and cut once for each `min_cluster_size`. Every row is what a run
//! at those settings gives.

mod options;
mod picture;
mod range;
mod run;

use graph::Lists;
use rayon::prelude::*;
use serde::Serialize;

pub use options::SweepOptions;
pub use picture::picture;
pub use range::{Range, RangeError};
pub use run::{Sweep, SweepReport};

use crate::Error;
use crate::flat::{Cut, flat};
use crate::hierarchy::{Beyond, hierarchy};
use crate::labels::sizes;
use crate::options::Tree;
use crate::validity::relative_validity;

/// One setting and what it gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Other points that density is measured over.
    pub min_samples: usize,
    /// The fewest points of a cluster.
    pub min_cluster_size: usize,
    /// Clusters found.
    pub clusters: usize,
    /// The share of points in none.
    pub noise: f64,
    /// Points of the largest cluster.
    pub largest: usize,
    /// Relative validity; none with fewer than two clusters.
    pub validity: Option<f64>,
    /// Whether the number of clusters falls off since the setting before.
    pub cliff: bool,
}

/// All pairs of `min_samples` and `min_cluster_size`, both ascending, by `min_samples` first; `cut` gives the rest.
///
/// # Panics
///
/// If a `min_samples` is more than the lists hold.
pub fn sweep(
    lists: &Lists<'_>,
    min_samples: &[usize],
    min_cluster_sizes: &[usize],
    cut: &Cut,
    kind: Tree,
    beyond: &Beyond<'_, '_>,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::with_capacity(min_samples.len() * min_cluster_sizes.len());
    for &min_samples in min_samples {
        let built = hierarchy(lists, min_samples, kind, beyond)?;
        let mut of_tree: Vec<Row> = min_cluster_sizes
            .par_iter()
            .map(|&min_cluster_size| {
                let found = flat(
                    &built.linkage,
                    &Cut {
                        min_cluster_size,
                        ..*cut
                    },
                );
                Row {
                    min_samples,
                    min_cluster_size,
                    clusters: found.count(),
                    noise: found.noise() as f64 / lists.n() as f64,
                    largest: sizes(&found.labels, found.count())
                        .into_iter()
                        .max()
                        .unwrap_or(0),
                    validity: relative_validity(&built.tree, &found.labels, found.count()),
                    cliff: false,
                }
            })
            .collect();
        mark_cliffs(&mut of_tree);
        rows.extend(of_tree);
    }
    Ok(rows)
}

/// Marks each row whose number of clusters is less than half of the row's before, from 4 clusters on.
fn mark_cliffs(rows: &mut [Row]) {
    for at in 1..rows.len() {
        let before = rows[at - 1].clusters;
        rows[at].cliff = before >= 4 && rows[at].clusters * 2 < before;
    }
}
