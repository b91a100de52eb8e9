//! Clusters for noise points, beside the clustering, never in place of it.

use graph::Lists;
use serde::{Deserialize, Serialize};

use crate::core_distance::mutual_reachability;
use crate::membership::Membership;
use crate::mst::Edge;

/// How noise points are given to clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assign {
    /// The cluster of the nearest clustered neighbor, by mutual reachability distance
    Nearest,
    /// The cluster with the largest soft membership
    Soft,
}

/// Labels without noise, but for points that are like nothing, and how many noise points had no cluster among their
/// neighbors and so went along the spanning tree. Without any cluster all stay -1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The cluster of each point.
    pub labels: Vec<i32>,
    /// Noise points given to a cluster.
    pub given: usize,
    /// Those of them that went along the tree.
    pub along_tree: usize,
}

/// What has been clustered.
#[derive(Debug, Clone, Copy)]
pub struct Clustered<'a> {
    /// The spanning tree.
    pub tree: &'a [Edge],
    /// The cluster of each point.
    pub labels: &'a [i32],
    /// Points whose lists are made up, ascending: they stay noise.
    pub isolated: &'a [u32],
}

/// Gives noise to the nearest neighbor's cluster. Takes O(n k).
pub fn nearest(lists: &Lists<'_>, core: &[f32], of: Clustered<'_>) -> Assigned {
    let labels = of.labels;
    let near = |i: usize| {
        let (ids, distances) = lists.row(i);
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

/// Gives noise to the cluster of its largest soft membership.
pub fn soft(membership: &Membership, of: Clustered<'_>) -> Assigned {
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
        given: noise(of.labels) - noise(&labels),
        along_tree: left - noise(&labels),
        labels,
    }
}

/// Gives unlabeled points the label that reaches them first when the edges of the tree are added, shortest first.
pub(crate) fn along_tree(tree: &[Edge], labels: &mut [i32]) {
    let n = labels.len();
    let mut sets = graph::UnionFind::new(n);
    // The unlabeled points of each set as a ring, and whether a set has a label: then all of its points do.
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
