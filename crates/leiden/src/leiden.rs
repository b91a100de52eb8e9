//! The algorithm: local moves, refinement and aggregation, until nothing changes.

use random_streams::{Seed, Stream};

use crate::level::Level;
use crate::local_moves::move_nodes;
use crate::refine::refine;
use crate::{Graph, Options, Partition};

/// The communities of a graph, the largest first. Each is connected; nodes without edges are alone. The same graph, options and
/// seed give the same partition on every machine. About O(m log n) time; memory for some three copies of the graph.
pub fn leiden(graph: &Graph, options: &Options, seed: Seed) -> Partition {
    leiden_from(graph, &Partition::singletons(graph.len()), options, seed)
}

/// As [`leiden`], but starting from a partition, which is improved.
///
/// # Panics
///
/// If the partition is not one of this graph's nodes.
pub fn leiden_from(graph: &Graph, start: &Partition, options: &Options, seed: Seed) -> Partition {
    assert_eq!(start.labels().len(), graph.len(), "one label per node");
    // Without edges nothing is together; the null model of modularity would be 0 / 0.
    if graph.edges() == 0 {
        return Partition::singletons(graph.len()).by_size(graph.sizes());
    }
    let mut found = start.clone();
    for iteration in 0..options.iterations.max(1) {
        let mut random = seed.stream("leiden", iteration as u64);
        let better = iterate(graph, &found, options, &mut random);
        let same = better == found;
        found = better;
        if same {
            break;
        }
    }
    found.by_size(graph.sizes())
}

/// One iteration: local moves and refinement on ever smaller graphs.
fn iterate(graph: &Graph, start: &Partition, options: &Options, random: &mut Stream) -> Partition {
    let mut level = Level::new(graph, options);
    // For each node of the graph, the node of the level.
    let mut node = Partition::singletons(graph.len());
    let mut start = start.clone();
    loop {
        let moved = move_nodes(&level, &start, random);
        if moved.count() == level.graph.len() {
            return Partition::compact(node.then(&moved).labels().to_vec());
        }
        let mut parts = refine(&level, &moved, options.randomness, random);
        if parts.count() == level.graph.len() {
            // Nothing was joined: go on with the connected parts of the communities themselves.
            parts = connected_parts(&level.graph, &moved);
            if parts.count() == level.graph.len() {
                return Partition::compact(node.labels().to_vec());
            }
        }
        level = level.aggregate(&parts);
        node = node.then(&parts);
        start = parents(&parts, &moved);
    }
}

/// The community of each part, as a partition of the parts.
fn parents(parts: &Partition, communities: &Partition) -> Partition {
    let mut parents = vec![0; parts.count()];
    for (&part, &community) in parts.labels().iter().zip(communities.labels()) {
        parents[part as usize] = community;
    }
    Partition::compact(parents)
}

/// The connected parts of each community.
pub(crate) fn connected_parts(graph: &Graph, partition: &Partition) -> Partition {
    let labels = partition.labels();
    let mut part = vec![u32::MAX; graph.len()];
    let mut stack = Vec::new();
    for first in 0..graph.len() {
        if part[first] != u32::MAX {
            continue;
        }
        part[first] = first as u32;
        stack.push(first);
        while let Some(v) = stack.pop() {
            for &u in graph.row(v).0 {
                let u = u as usize;
                if labels[u] == labels[v] && part[u] == u32::MAX {
                    part[u] = first as u32;
                    stack.push(u);
                }
            }
        }
    }
    Partition::compact(part)
}
