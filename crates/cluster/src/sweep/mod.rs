//! Many settings from one graph: what each would give, and where the answer falls off a cliff.
//!
//! The tree is built once for each `min_samples`, and cut once for each `min_cluster_size`. Every row is what a run
//! at those settings gives; all else is set as for `cluster`.

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
    /// Other points that density is measured over; in the report of the stage as it was asked for.
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

/// Settings up to this ratio apart are neighbors, however many lie between them.
const NEAR: f64 = 1.25;

/// Marks each row with fewer than half of the clusters that a neighbor before it leads to expect, from 4 clusters on.
///
/// Clusters of twice the size are half as many, so that a fall is one only beyond that; and one that is spread over
/// several near settings is found as if those between were not there.
fn mark_cliffs(rows: &mut [Row]) {
    let mut after_the_last = 0;
    for at in 1..rows.len() {
        let size = |row: &Row| row.min_cluster_size as f64;
        let near = (after_the_last..at).rev().take_while(|&before| {
            before + 1 == at || size(&rows[before]) * NEAR >= size(&rows[at])
        });
        let fell = near.into_iter().any(|before| {
            let before = &rows[before];
            let expected = before.clusters as f64 * size(before) / size(&rows[at]);
            before.clusters >= 4 && rows[at].clusters as f64 * 2.0 < expected
        });
        if fell {
            rows[at].cliff = true;
            after_the_last = at;
        }
    }
}
