//! From a single linkage tree to a flat clustering with its scores.

use crate::condense::{CondensedTree, condense};
use crate::labels::{cluster_persistence, labels, probabilities};
use crate::linkage::Linkage;
use crate::outliers::outlier_scores;
use crate::select::{Selection, SelectionOptions, select, simplify};
use crate::tree::ClusterTree;

/// How a flat clustering is extracted from a single linkage tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlatOptions {
    /// Minimum number of points per cluster, at least 2.
    pub min_cluster_size: usize,
    /// Splits in which one side exists for less than this range of lambda are undone before the selection; 0 for none.
    /// hdbscan's `cluster_selection_persistence`, `fast_hdbscan`'s `persistence_threshold`.
    pub selection_persistence: f64,
    /// How clusters are selected.
    pub selection: SelectionOptions,
}

impl Default for FlatOptions {
    /// The defaults of the hdbscan package.
    fn default() -> Self {
        Self {
            min_cluster_size: 5,
            selection_persistence: 0.0,
            selection: SelectionOptions::default(),
        }
    }
}

/// A flat clustering.
#[derive(Debug, Clone, PartialEq)]
pub struct FlatClustering {
    /// The condensed tree.
    pub condensed: CondensedTree,
    /// The same by cluster.
    pub tree: ClusterTree,
    /// The selected clusters.
    pub selected: Selection,
    /// The cluster of each point, -1 for noise.
    pub labels: Vec<i32>,
    /// The membership probability of each point, 0 to 1; 0 for noise.
    pub probability: Vec<f64>,
    /// The GLOSH outlier score of each point, 0 to 1.
    pub outlier_score: Vec<f64>,
    /// The persistence of each cluster, 0 to 1: its stability relative to the largest that its size allows (hdbscan's
    /// `cluster_persistence_`).
    pub cluster_persistence: Vec<f64>,
}

impl FlatClustering {
    /// The number of clusters.
    pub fn count(&self) -> usize {
        self.selected.clusters.len()
    }

    /// The number of noise points.
    pub fn noise(&self) -> usize {
        self.labels.iter().filter(|&&label| label < 0).count()
    }
}

/// The flat clustering of a single linkage tree. Takes O(n).
pub fn flat_clustering(linkage: &Linkage, options: &FlatOptions) -> FlatClustering {
    let mut condensed = condense(linkage, options.min_cluster_size);
    if options.selection_persistence > 0.0 {
        condensed = simplify(&condensed, options.selection_persistence);
    }
    let tree = ClusterTree::new(&condensed);
    let selected = select(&tree, &options.selection);
    let labels = labels(&condensed, &tree, &selected, &options.selection);
    let probability = probabilities(&condensed, &tree, &selected, &labels);
    let outlier_score = outlier_scores(&condensed, &tree);
    let cluster_persistence = cluster_persistence(&tree, &selected, &labels);
    FlatClustering {
        condensed,
        tree,
        selected,
        labels,
        probability,
        outlier_score,
        cluster_persistence,
    }
}
