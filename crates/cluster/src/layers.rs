//! Several granularities of one dendrogram, nested.
//!
//! After PLSCAN (Bot, `McInnes` and Aerts 2025) and `EVoC`: let the smallest cluster size grow. A leaf of the condensed
//! tree is born at a size where the last split below it disappears, and dies where its own sibling or itself
//! becomes too small to stand alone. Its persistence is the difference, and sizes at which the leaves
//! alive have a large persistence together are the natural granularities.

use std::cmp::Reverse;

use crate::condense::condense;
use crate::flat::{Cut, Flat, flat};
use crate::linkage::Linkage;
use crate::select::{Method, Rule};
use crate::tree::ClusterTree;

/// A coarser layer has at most this share of the clusters of the finer one: else the two tell the same.
const THINNER: f64 = 0.67;

/// One granularity.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The smallest cluster size that gives it.
    pub min_cluster_size: usize,
    /// The clustering.
    pub flat: Flat,
    /// For each cluster the one of the next coarser layer that holds it, or -1.
    pub parent: Vec<i32>,
}

/// A size and what persists there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    min_cluster_size: usize,
    leaves: usize,
    persistence: f64,
}

/// Up to `most` layers with clusters of `min_cluster_size` points or more, finest first.
///
/// Each layer is the leaves of the tree at one smallest cluster size. A cluster of a finer layer lies within
/// one cluster of a coarser layer or outside of all. There are fewer layers where there is less to tell
/// apart, and none where nothing splits. Takes O(n) a layer, O(clusters log clusters) for the choice.
pub fn layers(linkage: &Linkage, min_cluster_size: usize, most: usize) -> Vec<Layer> {
    let tree = ClusterTree::new(&condense(linkage, min_cluster_size));
    let mut sizes: Vec<usize> = choose(&candidates(&tree, min_cluster_size), most);
    sizes.sort_unstable();
    let rule = Rule {
        method: Method::Leaf,
        ..Rule::default()
    };
    let mut layers: Vec<Layer> = sizes
        .into_iter()
        .map(|min_cluster_size| {
            let flat = flat(
                linkage,
                &Cut {
                    min_cluster_size,
                    persistence: 0.0,
                    rule,
                },
            );
            let parent = vec![-1; flat.count()];
            Layer {
                min_cluster_size,
                flat,
                parent,
            }
        })
        .collect();
    for at in 1..layers.len() {
        let (finer, coarser) = layers.split_at_mut(at);
        let finer = &mut finer[at - 1];
        for (&inner, &outer) in finer.flat.labels.iter().zip(&coarser[0].flat.labels) {
            if inner >= 0 {
                finer.parent[inner as usize] = outer;
            }
        }
    }
    layers
}

/// The sizes at which a leaf is born, and how much persists there.
fn candidates(tree: &ClusterTree, min_cluster_size: usize) -> Vec<Candidate> {
    let count = tree.len();
    // The largest size at which something below a cluster still splits.
    let mut born = vec![min_cluster_size - 1; count];
    let mut dies = vec![0_usize; count];
    for left in (1..count).step_by(2).rev() {
        let parent = tree.parent[left] as usize;
        let smaller = tree.size[left].min(tree.size[left + 1]) as usize;
        dies[left] = smaller;
        dies[left + 1] = smaller;
        born[parent] = born[parent]
            .max(smaller)
            .max(born[left])
            .max(born[left + 1]);
    }
    // Leaves alive at a size, as differences over the sizes where that changes.
    let mut births: Vec<(usize, f64)> = Vec::new();
    let mut deaths: Vec<(usize, f64)> = Vec::new();
    for cluster in 1..count {
        if dies[cluster] > born[cluster] {
            let persistence = (dies[cluster] - born[cluster]) as f64;
            births.push((born[cluster] + 1, persistence));
            deaths.push((dies[cluster] + 1, persistence));
        }
    }
    births.sort_by_key(|birth| birth.0);
    deaths.sort_by_key(|death| death.0);
    let mut candidates: Vec<Candidate> = Vec::new();
    let (mut leaves, mut persistence, mut dead) = (0, 0.0, 0);
    for (at, &(size, gain)) in births.iter().enumerate() {
        leaves += 1;
        persistence += gain;
        while dead < deaths.len() && deaths[dead].0 <= size {
            leaves -= 1;
            persistence -= deaths[dead].1;
            dead += 1;
        }
        if births.get(at + 1).is_none_or(|next| next.0 > size) {
            candidates.push(Candidate {
                min_cluster_size: size,
                leaves,
                persistence,
            });
        }
    }
    candidates
}

/// The sizes of the layers: peaks of persistence, the highest first, as long as their numbers of clusters differ.
fn choose(candidates: &[Candidate], most: usize) -> Vec<usize> {
    let at = |i: usize| {
        candidates
            .get(i)
            .map_or(0.0, |candidate| candidate.persistence)
    };
    let mut peaks: Vec<Candidate> = (0..candidates.len())
        .filter(|&i| {
            at(i) >= at(i + 1) && (i == 0 || at(i) >= at(i - 1)) && candidates[i].leaves >= 2
        })
        .map(|i| candidates[i])
        .collect();
    peaks.sort_by(|a, b| {
        b.persistence
            .total_cmp(&a.persistence)
            .then(a.min_cluster_size.cmp(&b.min_cluster_size))
    });
    let mut chosen: Vec<Candidate> = Vec::new();
    for peak in peaks {
        let differs = chosen.iter().all(|other| {
            let (fewer, more) = (peak.leaves.min(other.leaves), peak.leaves.max(other.leaves));
            let ordered =
                (peak.min_cluster_size > other.min_cluster_size) == (peak.leaves < other.leaves);
            ordered && fewer as f64 <= THINNER * more as f64
        });
        if differs && chosen.len() < most {
            chosen.push(peak);
        }
    }
    chosen.sort_by_key(|candidate| Reverse(candidate.leaves));
    chosen
        .into_iter()
        .map(|candidate| candidate.min_cluster_size)
        .collect()
}
