//! Which clusters of the condensed tree make the flat clustering.

mod eom;
mod epsilon;
mod leaf;
mod persistence;

use serde::{Deserialize, Serialize};

pub use persistence::simplify;

use crate::tree::ClusterTree;

/// How clusters are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Excess of mass: the disjoint clusters with the largest total stability
    #[default]
    Eom,
    /// The leaves of the condensed tree: the finest clusters
    Leaf,
}

/// What decides which clusters are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The method.
    pub method: Method,
    /// Clusters that split off below this distance are merged with their siblings; 0 for none.
    pub epsilon: f64,
    /// Clusters of more points give way to those below them (excess of mass only); 0 for no limit.
    pub max_cluster_size: usize,
    /// Whether the root may be chosen.
    pub allow_single_cluster: bool,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            method: Method::Eom,
            epsilon: 0.0,
            max_cluster_size: 0,
            allow_single_cluster: false,
        }
    }
}

/// The clusters chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Ascending; cluster c of the flat clustering is `clusters[c]` of the [`ClusterTree`]. None holds another.
    pub clusters: Vec<u32>,
    /// The stability that counts for each: its own, or what the clusters below it had together where
    /// epsilon merged those.
    pub stability: Vec<f64>,
}

impl Selection {
    /// For each cluster of `tree` the number of the chosen one that holds it (itself counted), or `None`.
    pub fn numbers(&self, tree: &ClusterTree) -> Vec<Option<u32>> {
        let mut number = vec![None; tree.len()];
        let mut chosen = self.clusters.iter().zip(0..).peekable();
        for cluster in 0..tree.len() {
            // A parent comes before its children.
            number[cluster] = match chosen.next_if(|(next, _)| **next as usize == cluster) {
                Some((_, label)) => Some(label),
                None if cluster == 0 => None,
                None => number[tree.parent[cluster] as usize],
            };
        }
        number
    }
}

/// Chooses clusters by `rule`. Takes O(clusters).
pub fn select(tree: &ClusterTree, rule: &Rule) -> Selection {
    let (mut marked, stability) = match rule.method {
        Method::Eom => eom::excess_of_mass(tree, rule),
        Method::Leaf => (
            leaf::leaves(tree, rule.allow_single_cluster),
            tree.stability.clone(),
        ),
    };
    // A tree that never splits leaves nothing to merge; and a lone root stays as it is.
    if rule.epsilon > 0.0 && tree.len() > 1 && !marked[0] {
        marked = epsilon::merge_close(tree, &marked, rule);
    }
    let clusters: Vec<u32> = (0..tree.len() as u32)
        .filter(|&cluster| marked[cluster as usize])
        .collect();
    let stability = clusters
        .iter()
        .map(|&cluster| stability[cluster as usize])
        .collect();
    Selection {
        clusters,
        stability,
    }
}
