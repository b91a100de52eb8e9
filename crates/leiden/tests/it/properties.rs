use leiden::{Graph, Objective, Options, Partition, leiden, leiden_from};
use proptest::prelude::*;
use random_streams::Seed;

use crate::graphs::planted;

fn graphs() -> impl Strategy<Value = Graph> {
    (2..40_u32).prop_flat_map(|n| {
        let edge = (0..n, 0..n, 0..9_u32)
            .prop_map(|(from, to, weight)| (from, to, f64::from(weight) / 4.0));
        prop::collection::vec(edge, 0..160)
            .prop_map(move |edges| Graph::from_edges(n as usize, &edges).unwrap())
    })
}

fn objectives() -> impl Strategy<Value = Options> {
    let objective = prop_oneof![Just(Objective::Modularity), Just(Objective::Cpm)];
    (objective, 0.05..3.0, prop_oneof![Just(0.0), Just(0.01)]).prop_map(
        |(objective, resolution, randomness)| Options {
            objective,
            resolution,
            randomness,
            iterations: 4,
        },
    )
}

/// Whether the nodes of each community are connected within it.
fn connected(graph: &Graph, partition: &Partition) -> bool {
    let labels = partition.labels();
    partition.members().iter().all(|members| {
        let mut reached = vec![members[0]];
        let mut at = 0;
        while at < reached.len() {
            for &u in graph.row(reached[at] as usize).0 {
                if labels[u as usize] == labels[members[0] as usize] && !reached.contains(&u) {
                    reached.push(u);
                }
            }
            at += 1;
        }
        reached.len() == members.len()
    })
}

/// What is maximized, up to constants: weight inside communities less the expected weight, each pair once.
fn objective(graph: &Graph, partition: &Partition, options: &Options) -> f64 {
    let (masses, resolution) = match options.objective {
        Objective::Modularity => {
            let total: f64 = graph.strengths().iter().sum();
            (
                graph.strengths(),
                options.resolution / total.max(f64::MIN_POSITIVE),
            )
        }
        Objective::Cpm => (graph.sizes(), options.resolution),
    };
    let labels = partition.labels();
    let mut sum = 0.0;
    for v in 0..graph.len() {
        for u in 0..v {
            if labels[u] == labels[v] {
                let (neighbors, weights) = graph.row(v);
                let edge = neighbors.iter().position(|&to| to as usize == u);
                sum += edge.map_or(0.0, |at| weights[at]) - resolution * masses[u] * masses[v];
            }
        }
    }
    sum
}

proptest! {
    #[test]
    fn communities_are_connected_and_no_two_gain_by_merging(graph in graphs(), options in objectives(), seed in any::<u64>()) {
        let found = leiden(&graph, &options, Seed(seed));
        prop_assert!(connected(&graph, &found));
        let reached = objective(&graph, &found, &options);
        for a in 0..found.count() as u32 {
            for b in 0..a {
                let merged: Vec<u32> = found.labels().iter().map(|&label| if label == a { b } else { label }).collect();
                prop_assert!(objective(&graph, &Partition::new(&merged), &options) <= reached + 1e-9);
            }
        }
    }

    #[test]
    fn a_start_is_never_made_worse(graph in graphs(), options in objectives(), labels in prop::collection::vec(0..5_u32, 40)) {
        let start = Partition::new(&labels[..graph.len()]);
        let found = leiden_from(&graph, &start, &options, Seed(7));
        if graph.edges() > 0 {
            prop_assert!(objective(&graph, &found, &options) >= objective(&graph, &start, &options) - 1e-9);
        }
    }

    #[test]
    fn coarser_and_finer_partitions_are_nested(graph in graphs(), seed in any::<u64>()) {
        let at = |resolution| Options { resolution, ..Options::default() };
        let middle = leiden(&graph, &at(1.0), Seed(seed));
        let coarse = middle.then(&leiden(&graph.aggregate(&middle), &at(0.5), Seed(seed)));
        let fine = leiden(&graph.within(&middle), &at(2.0), Seed(seed));
        prop_assert!(middle.refines(&coarse) && fine.refines(&middle));
        // The null model is that of the whole graph.
        prop_assert!(graph.modularity(&coarse, 0.5) >= graph.modularity(&middle, 0.5) - 1e-12);
        prop_assert!(graph.modularity(&fine, 2.0) >= graph.modularity(&middle, 2.0) - 1e-12);
    }

    #[test]
    fn rows_and_edges_make_the_same_graph(graph in graphs()) {
        let (mut starts, mut neighbors, mut weights) = (vec![0], Vec::new(), Vec::new());
        for v in 0..graph.len() {
            neighbors.extend(graph.row(v).0);
            weights.extend(graph.row(v).1);
            starts.push(neighbors.len());
        }
        let rows = Graph::from_rows(starts, neighbors, weights).unwrap();
        prop_assert_eq!(rows.edges(), graph.edges());
        prop_assert!((0..graph.len()).all(|v| rows.row(v) == graph.row(v)));
    }
}

#[test]
fn planted_groups_are_found_with_every_seed() {
    let graph = Graph::from_edges(2_000, &planted(40, 50, 8, 4, 5)).unwrap();
    let groups: Vec<u32> = (0..2_000).map(|v| v / 50).collect();
    for seed in 0..5 {
        let found = leiden(&graph, &Options::default(), Seed(seed));
        let moved = found.labels().iter().zip(&groups);
        // Each group has one community, but for single nodes that drew nearly all their edges elsewhere.
        let mut pairs: Vec<(u32, u32)> = moved.map(|(&label, &group)| (group, label)).collect();
        pairs.sort_unstable();
        let whole = pairs
            .chunk_by(|a, b| a == b)
            .filter(|same| same.len() >= 48)
            .count();
        assert_eq!((found.count(), whole), (40, 40), "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_partition_and_another_one_may_not() {
    let graph = Graph::from_edges(600, &planted(6, 100, 3, 6, 9)).unwrap();
    let of = |seed| leiden(&graph, &Options::default(), Seed(seed));
    assert_eq!(of(1), of(1));
    assert!((2..10).any(|seed| of(seed) != of(1)));
}
