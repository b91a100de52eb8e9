use leiden::{Error, Graph, Objective, Options, Partition, leiden, leiden_from};
use random_streams::Seed;

use crate::graphs::karate;

fn at(resolution: f64) -> Options {
    Options {
        resolution,
        ..Options::default()
    }
}

/// The largest modularities that 50 runs of igraph 0.11 (until nothing changed) found for the karate club.
#[test]
fn karate_club_reaches_the_modularity_that_igraph_finds() {
    let graph = karate();
    for (resolution, communities, igraph) in [
        (0.5, 2, 0.621_794_871_794_871_8),
        (1.0, 4, 0.419_789_612_097_304_4),
        (2.0, 7, 0.164_529_914_529_914_4),
    ] {
        let runs = (0..20).map(|seed| leiden(&graph, &at(resolution), Seed(seed)));
        let quality = |found: &Partition| graph.modularity(found, resolution);
        let best = runs
            .max_by(|a, b| quality(a).total_cmp(&quality(b)))
            .unwrap();
        assert!(
            quality(&best) >= igraph - 1e-12,
            "{resolution}: {}",
            quality(&best)
        );
        assert_eq!(best.count(), communities, "{resolution}");
    }
}

#[test]
fn modularity_of_the_two_factions_is_that_of_the_literature() {
    // Zachary's split of the club; Q = 0.3715 (Newman and Girvan 2004).
    let officer = [
        8, 9, 14, 15, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
    ];
    let labels: Vec<u32> = (0..34).map(|v| u32::from(officer.contains(&v))).collect();
    let found = karate().modularity(&Partition::new(&labels), 1.0);
    assert!((found - 0.371_466_140_697_567_4).abs() < 1e-12, "{found}");
}

#[test]
fn a_ring_of_cliques_splits_into_cliques_by_the_constant_potts_model_alone() {
    // 30 cliques of 5 nodes: modularity joins pairs of cliques (its resolution limit, Fortunato and Barthelemy 2007).
    let mut edges = Vec::new();
    for clique in 0..30_u32 {
        for a in 0..5 {
            for b in 0..a {
                edges.push((clique * 5 + a, clique * 5 + b, 1.0));
            }
        }
        edges.push((clique * 5, (clique + 1) % 30 * 5 + 1, 1.0));
    }
    let graph = Graph::from_edges(150, &edges).unwrap();
    let cpm = Options {
        objective: Objective::Cpm,
        resolution: 0.5,
        ..Options::default()
    };
    let cliques: Vec<u32> = (0..150).map(|v| v / 5).collect();
    assert_eq!(leiden(&graph, &cpm, Seed(1)).labels(), cliques);
    assert!(leiden(&graph, &at(1.0), Seed(1)).count() < 20);
}

#[test]
fn the_resolution_goes_from_components_to_single_nodes() {
    let graph =
        Graph::from_edges(7, &[(0, 1, 1.0), (1, 2, 1.0), (3, 4, 2.0), (4, 5, 0.5)]).unwrap();
    assert_eq!(
        leiden(&graph, &at(0.0), Seed(0)).labels(),
        [0, 0, 0, 1, 1, 1, 2]
    );
    assert_eq!(leiden(&graph, &at(100.0), Seed(0)).count(), 7);
}

#[test]
fn graphs_without_nodes_or_edges_have_single_nodes() {
    let none = Graph::from_edges(0, &[]).unwrap();
    assert_eq!(leiden(&none, &Options::default(), Seed(0)).count(), 0);
    let apart = Graph::from_edges(3, &[(1, 2, 0.0), (0, 0, 4.0)]).unwrap();
    assert_eq!(apart.edges(), 0);
    let found = leiden(&apart, &Options::default(), Seed(0));
    assert_eq!(found.labels(), [0, 1, 2]);
    assert_eq!(apart.modularity(&found, 1.0), 0.0);
}

#[test]
fn parallel_edges_are_added_up_and_loops_count_twice() {
    let graph = Graph::from_edges(2, &[(0, 1, 1.0), (1, 0, 0.5), (1, 1, 2.0)]).unwrap();
    assert_eq!(graph.row(0), (&[1][..], &[1.5][..]));
    assert_eq!(graph.row(1), (&[0][..], &[1.5][..]));
    assert_eq!(graph.strengths(), [1.5, 5.5]);
}

#[test]
fn aggregates_keep_strengths_and_sizes_and_add_up_edges() {
    let graph =
        Graph::from_edges(4, &[(0, 1, 1.0), (1, 2, 2.0), (0, 3, 4.0), (2, 3, 8.0)]).unwrap();
    let pairs = Partition::new(&[5, 5, 9, 9]);
    let merged = graph.aggregate(&pairs);
    assert_eq!(merged.strengths(), [8.0, 22.0]);
    assert_eq!(merged.sizes(), [2.0, 2.0]);
    assert_eq!(merged.row(0), (&[1][..], &[6.0][..]));
    let inner = graph.within(&pairs);
    assert_eq!(inner.row(0), (&[1][..], &[1.0][..]));
    assert_eq!(inner.strengths(), graph.strengths());
    assert_eq!(
        graph.inner_shares(&pairs),
        [0.2, 1.0 / 3.0, 0.8, 8.0 / 12.0]
    );
}

#[test]
fn communities_are_numbered_by_size_and_equal_ones_by_their_first_node() {
    let found =
        Partition::new(&[7, 1, 1, 3, 3, 3, 0]).by_size(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(found.labels(), [2, 1, 1, 0, 0, 0, 3]);
    assert_eq!(found.members()[0], [3, 4, 5]);
    // Sizes count, not nodes.
    assert_eq!(
        Partition::new(&[0, 1, 1])
            .by_size(&[5.0, 1.0, 1.0])
            .labels(),
        [0, 1, 1]
    );
}

#[test]
fn a_start_is_improved_and_a_perfect_one_is_kept() {
    let graph = karate();
    let best = (0..20)
        .map(|seed| leiden(&graph, &at(1.0), Seed(seed)))
        .max_by(|a, b| {
            graph
                .modularity(a, 1.0)
                .total_cmp(&graph.modularity(b, 1.0))
        })
        .unwrap();
    assert_eq!(leiden_from(&graph, &best, &at(1.0), Seed(3)), best);
    let whole = leiden_from(&graph, &Partition::whole(34), &at(1.0), Seed(3));
    assert!(graph.modularity(&whole, 1.0) > 0.41);
}

#[test]
fn rows_that_are_no_undirected_graph_are_refused_by_name() {
    let rows = |starts: &[usize], neighbors: &[u32], weights: &[f64]| {
        Graph::from_rows(starts.to_vec(), neighbors.to_vec(), weights.to_vec())
    };
    assert!(matches!(rows(&[], &[], &[]), Err(Error::Shape(_))));
    assert!(matches!(rows(&[0, 2], &[1], &[1.0]), Err(Error::Shape(_))));
    assert_eq!(
        rows(&[0, 1, 2], &[5, 0], &[1.0, 1.0]),
        Err(Error::Node {
            from: 0,
            to: 5,
            n: 2
        })
    );
    assert_eq!(
        rows(&[0, 1, 2], &[0, 0], &[1.0, 1.0]),
        Err(Error::Order { row: 0, found: 0 })
    );
    assert_eq!(
        rows(&[0, 1, 2], &[1, 0], &[1.0, 2.0]),
        Err(Error::Asymmetric { from: 0, to: 1 })
    );
    assert_eq!(
        rows(&[0, 1, 1], &[1], &[1.0]),
        Err(Error::Asymmetric { from: 0, to: 1 })
    );
    assert_eq!(
        rows(&[0, 0, 1], &[0], &[1.0]),
        Err(Error::Asymmetric { from: 1, to: 0 })
    );
    let weight = rows(&[0, 1, 2], &[1, 0], &[f64::NAN, 1.0]).unwrap_err();
    assert_eq!(
        weight.to_string(),
        "the edge between nodes 0 and 1 has the weight NaN, which is not a finite number of at least 0"
    );
    assert_eq!(
        Graph::from_edges(2, &[(0, 2, 1.0)])
            .unwrap_err()
            .to_string(),
        "an edge leads from node 0 to node 2, but there are only 2 nodes"
    );
    assert!(rows(&[0, 1, 2], &[1, 0], &[1.0, 1.0]).is_ok());
}
