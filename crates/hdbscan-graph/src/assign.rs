//! Clusters for noise points, in addition to the clustering and never in its place.

use knn_graph::{KnnView, UnionFind};

use crate::core_distance::mutual_reachability;
use crate::membership::Membership;
use crate::mst::Edge;

/// Labels without noise, except for points without a direction. Without any cluster all labels stay -1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The cluster of each point.
    pub labels: Vec<i32>,
    /// Number of noise points that were assigned to a cluster.
    pub assigned: usize,
    /// Number of those without a cluster among their neighbors, which were assigned along the spanning tree.
    pub along_tree: usize,
}

/// A clustering whose noise is to be assigned.
#[derive(Debug, Clone, Copy)]
pub struct Clustered<'a> {
    /// The spanning tree.
    pub tree: &'a [Edge],
    /// The cluster of each point.
    pub labels: &'a [i32],
    /// Points without a direction, ascending: they stay noise.
    pub isolated: &'a [u32],
}

/// Assigns each noise point to the cluster of its nearest clustered neighbor by mutual reachability distance, or, if it has
/// none, along the spanning tree. `core` holds the core distances. Takes O(n k).
pub fn assign_nearest(graph: &KnnView<'_>, core: &[f32], of: Clustered<'_>) -> Assigned {
    let labels = of.labels;
    let near = |i: usize| {
        let (ids, distances) = graph.row(i);
        let reach = |(&j, &distance): (&u32, &f32)| {
            (mutual_reachability(core[i], core[j as usize], distance), j)
        };
        ids.iter()
            .zip(distances)
            .filter(|(j, _)| labels[**j as usize] >= 0)
            .map(reach)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            .map(|(_, j)| labels[j as usize])
    };
    assign(of, near)
}

/// Assigns each noise point to the cluster of its largest soft membership, or, if it has none, along the spanning tree. Takes
/// O(n log n) amortized.
pub fn assign_soft(membership: &Membership, of: Clustered<'_>) -> Assigned {
    assign(of, |i| membership.clusters[i].first().copied())
}

fn assign(of: Clustered<'_>, by_graph: impl Fn(usize) -> Option<i32>) -> Assigned {
    let mut labels = of.labels.to_vec();
    let joined = |i: &usize| of.isolated.binary_search(&(*i as u32)).is_err();
    for i in (0..labels.len()).filter(joined) {
        if labels[i] < 0 {
            labels[i] = by_graph(i).unwrap_or(-1);
        }
    }
    let noise = |labels: &[i32]| labels.iter().filter(|&&label| label < 0).count();
    let left = noise(&labels);
    along_tree(of.tree, &mut labels);
    for &i in of.isolated {
        labels[i as usize] = -1;
    }
    Assigned {
        assigned: noise(of.labels) - noise(&labels),
        along_tree: left - noise(&labels),
        labels,
    }
}

/// Labels the points without a label: the label that reaches them first when the edges of the tree are added, shortest first.
pub(crate) fn along_tree(tree: &[Edge], labels: &mut [i32]) {
    let n = labels.len();
    let mut sets = UnionFind::new(n);
    // The unlabeled points of each set as a ring, and whether a set has a label: then all of its points have it.
    let mut next: Vec<u32> = (0..n as u32).collect();
    let mut labeled: Vec<bool> = labels.iter().map(|&label| label >= 0).collect();
    for edge in tree {
        let (a, b) = (sets.find(edge.a), sets.find(edge.b));
        for (bare, root, full) in [(edge.a, a, edge.b), (edge.b, b, edge.a)] {
            let other = if root == a { b } else { a };
            if !labeled[root as usize] && labeled[other as usize] {
                let label = labels[full as usize];
                let mut point = bare;
                loop {
                    labels[point as usize] = label;
                    point = next[point as usize];
                    if point == bare {
                        break;
                    }
                }
                labeled[root as usize] = true;
            }
        }
        if !labeled[a as usize] {
            next.swap(edge.a as usize, edge.b as usize);
        }
        let full = labeled[a as usize];
        sets.union(a, b);
        labeled[sets.find(a) as usize] = full;
    }
}
