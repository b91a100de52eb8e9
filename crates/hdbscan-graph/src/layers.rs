//! Layers: coarser clusterings above a flat clustering, from the same single linkage tree.
//!
//! After PLSCAN (Bot, `McInnes` and Aerts 2025) and `EVoC`: let the minimum cluster size grow. A leaf of the condensed tree is
//! born at the size at which the last split below it disappears, and dies at the size at which it or its sibling becomes too
//! small. Its persistence is the difference. Sizes at which the total persistence of the living leaves has a local maximum
//! are the natural granularities.
//!
//! The leaves at such a size leave most points out, so they are only the peaks of the coarser clusters: each cluster is
//! assigned to the peak that it reaches first when the edges of the spanning tree are added, shortest first. A coarser cluster
//! is the union of the clusters of one peak. Noise stays noise.

use std::cmp::Reverse;

use knn_graph::UnionFind;

use crate::assign::along_tree;
use crate::condense::condense;
use crate::flat_clustering::{FlatClustering, FlatOptions, flat_clustering};
use crate::linkage::Linkage;
use crate::mst::Edge;
use crate::select::{SelectionMethod, SelectionOptions};
use crate::tree::ClusterTree;

/// A coarser layer has at most this share of the clusters of the finer one; otherwise the two hardly differ.
const THINNER: f64 = 0.5;

/// One coarser clustering.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Minimum number of points of a peak.
    pub min_cluster_size: usize,
    /// The cluster of each point, -1 for noise.
    pub labels: Vec<i32>,
    /// The persistence of the peak of each cluster: the difference of the minimum cluster sizes at which it is born and
    /// dies, in points (as in PLSCAN).
    pub persistence: Vec<f64>,
    /// For each cluster of the next finer layer (for the first layer: of the flat clustering) the cluster of this layer that it
    /// is part of.
    pub parent: Vec<i32>,
}

impl Layer {
    /// The number of clusters.
    pub fn count(&self) -> usize {
        self.persistence.len()
    }
}

/// A minimum cluster size and the leaves that live at it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    min_cluster_size: usize,
    leaves: usize,
    persistence: f64,
}

/// Up to `most` layers above the flat clustering `found` of a single linkage tree and its spanning tree, finest first.
///
/// Each layer has at least two clusters and at most half as many as the layer below it, so there may be fewer layers than
/// `most`. Takes O(n log n) per layer and O(clusters log clusters) for choosing their sizes.
pub fn layers(
    linkage: &Linkage,
    tree: &[Edge],
    found: &FlatClustering,
    min_cluster_size: usize,
    most: usize,
) -> Vec<Layer> {
    let condensed = ClusterTree::new(&condense(linkage, min_cluster_size));
    let mut sizes = choose(
        &candidates(&condensed, min_cluster_size),
        found.count(),
        most,
    );
    sizes.sort_unstable();
    let mut layers: Vec<Layer> = Vec::new();
    for size in sizes {
        let (finer, count) = match layers.last() {
            Some(layer) => (&layer.labels, layer.count()),
            None => (&found.labels, found.count()),
        };
        let layer = above(finer, count, linkage, tree, size);
        if layer.count() >= 2 && thinner(layer.count(), count) {
            layers.push(layer);
        }
    }
    layers
}

fn thinner(fewer: usize, more: usize) -> bool {
    fewer as f64 <= THINNER * more as f64
}

/// The layer above `count` clusters with peaks of `min_cluster_size` points or more.
fn above(
    finer: &[i32],
    count: usize,
    linkage: &Linkage,
    tree: &[Edge],
    min_cluster_size: usize,
) -> Layer {
    let options = FlatOptions {
        min_cluster_size,
        selection_persistence: 0.0,
        selection: SelectionOptions {
            method: SelectionMethod::Leaf,
            ..SelectionOptions::default()
        },
    };
    let peaks = flat_clustering(linkage, &options);
    // Peaks within one cluster count as one.
    let mut same = UnionFind::new(peaks.count());
    let mut first = vec![None; count];
    for (&inner, &peak) in finer.iter().zip(&peaks.labels) {
        if inner >= 0 && peak >= 0 {
            let first = first[inner as usize].get_or_insert(peak as u32);
            same.union(*first, peak as u32);
        }
    }
    let peak_of = same.roots();
    let mut reached = peaks.labels;
    along_tree(tree, &mut reached);
    let mut pairs: Vec<(i32, u32)> = finer
        .iter()
        .zip(&reached)
        .filter(|(inner, peak)| **inner >= 0 && **peak >= 0)
        .map(|(&inner, &peak)| (inner, peak_of[peak as usize]))
        .collect();
    pairs.sort_unstable();
    let mut to: Vec<(usize, u32)> = vec![(0, 0); count];
    for same in pairs.chunk_by(|a, b| a == b) {
        let most = &mut to[same[0].0 as usize];
        if same.len() > most.0 {
            *most = (same.len(), same[0].1);
        }
    }
    let mut number = vec![None; peaks.cluster_persistence.len()];
    let mut persistence = Vec::new();
    let mut parent = Vec::with_capacity(count);
    for (_, peak) in to {
        let number = *number[peak as usize].get_or_insert_with(|| {
            persistence.push(0.0);
            persistence.len() - 1
        });
        parent.push(number as i32);
    }
    for (peak, &lasts) in peaks.cluster_persistence.iter().enumerate() {
        if let Some(number) = number[peak_of[peak] as usize] {
            persistence[number] = f64::max(persistence[number], lasts);
        }
    }
    let up = |&inner: &i32| usize::try_from(inner).map_or(-1, |inner| parent[inner]);
    Layer {
        min_cluster_size,
        labels: finer.iter().map(up).collect(),
        persistence,
        parent,
    }
}

/// The sizes at which a leaf is born, with the number and total persistence of the living leaves.
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
    // DendrogramOrder alive at a size, as differences over the sizes where that changes.
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

/// The sizes of the layers above `clusters` clusters: local maxima of persistence, highest first, whose numbers of leaves
/// differ enough.
fn choose(candidates: &[Candidate], clusters: usize, most: usize) -> Vec<usize> {
    let at = |i: usize| {
        candidates
            .get(i)
            .map_or(0.0, |candidate| candidate.persistence)
    };
    let mut highest: Vec<Candidate> = (0..candidates.len())
        .filter(|&i| at(i) >= at(i + 1) && (i == 0 || at(i) >= at(i - 1)))
        .map(|i| candidates[i])
        .filter(|candidate| candidate.leaves >= 2 && thinner(candidate.leaves, clusters))
        .collect();
    highest.sort_by_key(|candidate| {
        (
            Reverse(candidate.persistence.to_bits()),
            candidate.min_cluster_size,
        )
    });
    let mut selected: Vec<Candidate> = Vec::new();
    for next in highest {
        let differs = selected.iter().all(|other| {
            let (fewer, more) = (next.leaves.min(other.leaves), next.leaves.max(other.leaves));
            let ordered =
                (next.min_cluster_size > other.min_cluster_size) == (next.leaves < other.leaves);
            ordered && thinner(fewer, more)
        });
        if differs && selected.len() < most {
            selected.push(next);
        }
    }
    selected
        .into_iter()
        .map(|candidate| candidate.min_cluster_size)
        .collect()
}
