//! Exemplars: points at the core of each cluster.

use crate::condense::CondensedTree;
use crate::layers::Layer;
use crate::select::Selection;
use crate::tree::ClusterTree;

/// Up to `most` exemplars of each selected cluster, those with the smallest core distance first, ties by id.
///
/// As in hdbscan, the exemplars of a cluster are the points that stay longest in each leaf below it.
/// `core` holds the core distances. Takes O(rows), and a sort of the exemplars.
pub fn exemplars(
    tree: &CondensedTree,
    clusters: &ClusterTree,
    selected: &Selection,
    core: &[f32],
    most: usize,
) -> Vec<Vec<u32>> {
    let n = tree.points;
    let number = selected.numbers(clusters);
    let mut exemplars = vec![Vec::new(); selected.clusters.len()];
    for row in 0..tree.len() {
        let parent = tree.parent[row] as usize - n;
        let last = clusters.leaf[parent] && tree.lambda[row] >= clusters.max_lambda[parent];
        if last
            && (tree.child[row] as usize) < n
            && let Some(label) = number[parent]
        {
            exemplars[label as usize].push(tree.child[row]);
        }
    }
    for points in &mut exemplars {
        keep_densest(points, core, most);
    }
    exemplars
}

/// Up to `most` exemplars of each cluster of a layer: of the exemplars of the clusters in it (`finer`), those with the smallest
/// core distance.
pub fn layer_exemplars(
    finer: &[Vec<u32>],
    layer: &Layer,
    core: &[f32],
    most: usize,
) -> Vec<Vec<u32>> {
    let mut exemplars = vec![Vec::new(); layer.count()];
    for (points, &parent) in finer.iter().zip(&layer.parent) {
        exemplars[parent as usize].extend_from_slice(points);
    }
    for points in &mut exemplars {
        keep_densest(points, core, most);
    }
    exemplars
}

fn keep_densest(points: &mut Vec<u32>, core: &[f32], most: usize) {
    points.sort_unstable_by(|&a, &b| {
        core[a as usize]
            .total_cmp(&core[b as usize])
            .then(a.cmp(&b))
    });
    points.truncate(most);
}
