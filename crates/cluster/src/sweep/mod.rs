//! Clusters one graph with many settings, and marks settings where the number of clusters drops sharply.
//!
//! The tree is built once per `min_samples`, and a flat clustering extracted once per `min_cluster_size`. Each row holds the
//! result of a run of `cluster` with those settings; the other settings are those of `cluster`.

mod options;
mod picture;
mod range;
mod run;

use exact_knn::ProgressCallback;
use hdbscan_graph::{
    FlatOptions, HierarchyOptions, LazyIndex, cluster_sizes, flat_clustering, hierarchy,
    relative_validity,
};
use knn_graph::KnnView;
use rayon::prelude::*;
use serde::Serialize;

pub use options::SweepOptions;
pub use picture::picture;
pub use range::{Range, RangeError};
pub use run::{Sweep, SweepReport};

/// One setting and its result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Neighbors used for the core distance; in the report, the value of the option.
    pub min_samples: usize,
    /// Minimum number of points per cluster.
    pub min_cluster_size: usize,
    /// Number of clusters.
    pub clusters: usize,
    /// Share of points in no cluster.
    pub noise: f64,
    /// Number of points in the largest cluster.
    pub largest: usize,
    /// Relative validity; none with fewer than two clusters.
    pub validity: Option<f64>,
    /// Whether the number of clusters drops sharply compared to the preceding settings.
    pub cliff: bool,
}

/// All pairs of `min_samples` and `min_cluster_size`, both ascending, by `min_samples` first; `tree` and `flat` hold the other
/// settings. `index` and `watch` are those of [`hierarchy`].
pub fn sweep<E: From<hdbscan_graph::Error>>(
    graph: &KnnView<'_>,
    min_samples: &[usize],
    min_cluster_sizes: &[usize],
    tree: &HierarchyOptions,
    flat: &FlatOptions,
    index: &LazyIndex<'_, E>,
    watch: ProgressCallback<'_>,
) -> Result<Vec<Row>, E> {
    let mut rows = Vec::with_capacity(min_samples.len() * min_cluster_sizes.len());
    for &min_samples in min_samples {
        let tree = HierarchyOptions {
            min_samples,
            ..*tree
        };
        let built = hierarchy(graph, &tree, index, watch)?;
        let mut of_tree: Vec<Row> = min_cluster_sizes
            .par_iter()
            .map(|&min_cluster_size| {
                let options = FlatOptions {
                    min_cluster_size,
                    ..*flat
                };
                let found = flat_clustering(&built.linkage, &options);
                Row {
                    min_samples,
                    min_cluster_size,
                    clusters: found.count(),
                    noise: found.noise() as f64 / graph.n() as f64,
                    largest: cluster_sizes(&found.labels, found.count())
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

/// Maximum ratio of the minimum cluster sizes of compared settings.
const NEAR: f64 = 1.25;

/// Marks each row with fewer than half of the clusters that an earlier near row predicts, if that has at least 4 clusters.
///
/// The prediction is that the number of clusters is inversely proportional to their minimum size. Comparing all near settings
/// also finds a drop that is spread over several settings.
fn mark_cliffs(rows: &mut [Row]) {
    let mut last_cliff = 0;
    for at in 1..rows.len() {
        let size = |row: &Row| row.min_cluster_size as f64;
        let near = (last_cliff..at).rev().take_while(|&before| {
            before + 1 == at || size(&rows[before]) * NEAR >= size(&rows[at])
        });
        let fell = near.into_iter().any(|before| {
            let before = &rows[before];
            let expected = before.clusters as f64 * size(before) / size(&rows[at]);
            before.clusters >= 4 && rows[at].clusters as f64 * 2.0 < expected
        });
        if fell {
            rows[at].cliff = true;
            last_cliff = at;
        }
    }
}
