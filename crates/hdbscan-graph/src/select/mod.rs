//! Selection of the clusters of a flat clustering from the condensed tree.

mod eom;
mod epsilon;
mod leaf;
mod options;
mod simplify;

pub use options::{SelectionMethod, SelectionOptions};
pub(crate) use simplify::simplify;

use crate::tree::ClusterTree;

/// The selected clusters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Ascending; cluster c of the flat clustering is `clusters[c]` of the [`ClusterTree`]. None is below another.
    pub clusters: Vec<u32>,
    /// The stability of each: its own, or the sum of those below it where epsilon has merged them.
    pub stability: Vec<f64>,
}

impl Selection {
    /// For each cluster of `tree` the number of the selected cluster that it is or is below, or `None`.
    pub fn numbers(&self, tree: &ClusterTree) -> Vec<Option<u32>> {
        let mut number = vec![None; tree.len()];
        let mut selected = self.clusters.iter().zip(0..).peekable();
        for cluster in 0..tree.len() {
            // A parent comes before its children.
            number[cluster] = match selected.next_if(|(next, _)| **next as usize == cluster) {
                Some((_, label)) => Some(label),
                None if cluster == 0 => None,
                None => number[tree.parent[cluster] as usize],
            };
        }
        number
    }
}

/// Selects clusters. Takes O(clusters).
pub fn select(tree: &ClusterTree, options: &SelectionOptions) -> Selection {
    let (mut marked, stability) = match options.method {
        SelectionMethod::Eom => eom::excess_of_mass(tree, options),
        SelectionMethod::Leaf => (
            leaf::leaves(tree, options.allow_single_cluster),
            tree.stability.clone(),
        ),
    };
    // A tree that never splits has nothing to merge, and a root that is the only cluster is kept.
    if options.epsilon > 0.0 && tree.len() > 1 && !marked[0] {
        marked = epsilon::merge_close(tree, &marked, options);
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
