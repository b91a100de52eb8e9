//! The points at the core of each cluster.

use crate::condense::CondensedTree;
use crate::select::Selection;
use crate::tree::ClusterTree;

/// Up to `most` exemplars of each chosen cluster, those in the densest place first, ties by id.
///
/// As in hdbscan, the exemplars of a cluster are the points that stay longest in each leaf below it.
/// `core` holds the core distances. Takes O(rows), and a sort of the exemplars.
pub fn exemplars(
    tree: &CondensedTree,
    clusters: &ClusterTree,
    chosen: &Selection,
    core: &[f32],
    most: usize,
) -> Vec<Vec<u32>> {
    let n = tree.points;
    let mut number = vec![None; clusters.len()];
    for (label, &cluster) in chosen.clusters.iter().enumerate() {
        number[cluster as usize] = Some(label);
    }
    let owner = clusters.owner(&chosen.marked(clusters.len()));
    let mut exemplars = vec![Vec::new(); chosen.clusters.len()];
    for row in 0..tree.len() {
        let parent = tree.parent[row] as usize - n;
        let last = clusters.leaf[parent] && tree.lambda[row] >= clusters.max_lambda[parent];
        if last
            && (tree.child[row] as usize) < n
            && let Some(label) = owner[parent].and_then(|cluster| number[cluster as usize])
        {
            exemplars[label].push(tree.child[row]);
        }
    }
    for points in &mut exemplars {
        points.sort_unstable_by(|&a, &b| {
            core[a as usize]
                .total_cmp(&core[b as usize])
                .then(a.cmp(&b))
        });
        points.truncate(most);
    }
    exemplars
}
