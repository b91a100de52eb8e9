//! The condensed tree by cluster: parent, birth, size, stability.

use crate::condense::CondensedTree;

/// The clusters of a condensed tree. Cluster c has the number n + c in the condensed tree; cluster 0 is the root, and a parent
/// comes before its children.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterTree {
    /// The parent; that of the root is the root.
    pub parent: Vec<u32>,
    /// The lambda at which the cluster splits off; 0 for the root.
    pub birth: Vec<f64>,
    /// The largest lambda at which something leaves the cluster itself (not the clusters below it).
    pub max_lambda: Vec<f64>,
    /// The points of the cluster when it is born.
    pub size: Vec<u32>,
    /// Excess of mass: the sum over everything that leaves of (lambda - birth) x size.
    pub stability: Vec<f64>,
    /// Whether no cluster is below this one.
    pub leaf: Vec<bool>,
}

impl ClusterTree {
    /// Reads a condensed tree. Takes O(rows).
    pub fn new(tree: &CondensedTree) -> Self {
        let n = tree.points;
        let count = tree.clusters();
        let mut clusters = Self {
            parent: vec![0; count],
            birth: vec![0.0; count],
            max_lambda: vec![0.0; count],
            size: vec![n as u32; count],
            stability: vec![0.0; count],
            leaf: vec![true; count],
        };
        for row in 0..tree.len() {
            let parent = tree.parent[row] as usize - n;
            let lambda = tree.lambda[row];
            clusters.max_lambda[parent] = clusters.max_lambda[parent].max(lambda);
            // A cluster is born in a row above all of its own.
            clusters.stability[parent] +=
                (lambda - clusters.birth[parent]) * f64::from(tree.size[row]);
            if tree.child[row] as usize >= n {
                let child = tree.child[row] as usize - n;
                clusters.parent[child] = parent as u32;
                clusters.birth[child] = lambda;
                clusters.size[child] = tree.size[row];
                clusters.leaf[parent] = false;
            }
        }
        clusters
    }

    /// The number of clusters, the root included.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there is not even a root.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }
}
