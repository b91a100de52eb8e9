//! From a dendrogram to a flat clustering with its scores.

use crate::condense::{CondensedTree, condense};
use crate::labels::{labels, persistence, probabilities};
use crate::linkage::Linkage;
use crate::outliers::outlier_scores;
use crate::select::{Rule, Selection, select, simplify};
use crate::tree::ClusterTree;

/// What makes a flat clustering of a dendrogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// The fewest points of a cluster, at least 2.
    pub min_cluster_size: usize,
    /// Splits of which one side lasts for less than this in lambda are undone first; 0 for none.
    pub persistence: f64,
    /// How clusters are chosen.
    pub rule: Rule,
}

/// A flat clustering.
#[derive(Debug, Clone, PartialEq)]
pub struct Flat {
    /// The condensed tree.
    pub condensed: CondensedTree,
    /// The same, by cluster.
    pub tree: ClusterTree,
    /// The clusters chosen.
    pub chosen: Selection,
    /// The cluster of each point, -1 for noise.
    pub labels: Vec<i32>,
    /// How firmly each point belongs to it.
    pub probability: Vec<f64>,
    /// How far out each point lies.
    pub outlier_score: Vec<f64>,
    /// How long each cluster lasts.
    pub persistence: Vec<f64>,
}

impl Flat {
    /// The number of clusters.
    pub fn count(&self) -> usize {
        self.chosen.clusters.len()
    }

    /// The number of points in no cluster.
    pub fn noise(&self) -> usize {
        self.labels.iter().filter(|&&label| label < 0).count()
    }
}

/// The flat clustering of a dendrogram. Takes O(n).
pub fn flat(linkage: &Linkage, cut: &Cut) -> Flat {
    let mut condensed = condense(linkage, cut.min_cluster_size);
    if cut.persistence > 0.0 {
        condensed = simplify(&condensed, cut.persistence);
    }
    let tree = ClusterTree::new(&condensed);
    let chosen = select(&tree, &cut.rule);
    let labels = labels(&condensed, &tree, &chosen, &cut.rule);
    let probability = probabilities(&condensed, &tree, &chosen, &labels);
    let outlier_score = outlier_scores(&condensed, &tree);
    let persistence = persistence(&tree, &chosen, &labels);
    Flat {
        condensed,
        tree,
        chosen,
        labels,
        probability,
        outlier_score,
        persistence,
    }
}
