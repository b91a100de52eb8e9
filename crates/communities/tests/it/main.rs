//! Data of which the right answer is known.

use communities::{Communities, Error, find, neighbors};
use exact_knn::{Metric, Points};
use knn_graph::KnnGraph;
use random_streams::{Seed, Stream};

/// Nearly normal: the sum of 12 uniform numbers, less 6.
fn normal(random: &mut Stream) -> f32 {
    (0..12).map(|_| random.next_f32()).sum::<f32>() - 6.0
}

fn noise(n: usize, d: usize, seed: u64) -> Vec<f32> {
    let mut random = Seed(seed).stream("noise", 0);
    (0..n * d).map(|_| normal(&mut random)).collect()
}

/// Groups of the given sizes around centers that are `apart` along axes of their own, and the group of each point.
fn groups(sizes: &[usize], d: usize, apart: f32, seed: u64) -> (Vec<f32>, Vec<i32>) {
    let labels: Vec<i32> = sizes
        .iter()
        .enumerate()
        .flat_map(|(group, &size)| vec![group as i32; size])
        .collect();
    let mut values = noise(labels.len(), d, seed);
    for (point, &group) in values.chunks_exact_mut(d).zip(&labels) {
        point[group as usize % d] += apart;
    }
    (values, labels)
}

fn graph_of(values: &[f32], d: usize, metric: Metric) -> KnnGraph {
    let points = Points::new(values, d).unwrap();
    let k = (2 * neighbors(points.n())).min(points.n() - 1);
    let (knn, _) = exact_knn::knn(points, metric, k, &|_| ()).unwrap();
    KnnGraph::new(knn.ids, knn.distances, knn.k).unwrap()
}

fn found(values: &[f32], d: usize, metric: Metric, seed: u64) -> Communities {
    let points = Points::new(values, d).unwrap();
    let graph = graph_of(values, d, metric);
    find(&graph.view(), Some((points, metric)), Seed(seed)).unwrap()
}

fn themes(found: &Communities) -> Vec<i32> {
    let labels = found.layers[found.themes].partition.labels();
    labels.iter().map(|&label| label as i32).collect()
}

#[test]
fn groups_far_apart_are_found_in_any_metric() {
    let (values, labels) = groups(&[150, 250, 120, 80, 300], 16, 8.0, 1);
    for metric in [Metric::L2, Metric::Cosine] {
        let found = found(&values, 16, metric, 42);
        assert!(found.null.as_ref().unwrap().structure);
        let agreement = hdbscan_graph::adjusted_rand_index(&themes(&found), &labels);
        assert!(agreement > 0.99, "{metric:?}: {agreement}");
        assert!(found.shares.iter().all(|share| (0.5..=1.0).contains(share)));
    }
}

#[test]
fn points_without_structure_are_one_community() {
    for (n, d) in [(30, 8), (100, 64), (300, 3), (1_000, 16)] {
        for seed in 0..5 {
            let found = found(&noise(n, d, 100 + seed), d, Metric::L2, seed);
            let null = found.null.as_ref().unwrap();
            assert!(!null.structure, "{n} x {d}, seed {seed}: {null:?}");
            assert_eq!((found.layers.len(), found.themes, found.topics), (1, 0, 0));
            assert_eq!(found.layers[0].partition.count(), 1);
        }
    }
}

#[test]
fn layers_are_nested_from_coarse_to_fine() {
    // Three groups of four.
    let (mut values, outer) = groups(&[400, 400, 400], 12, 12.0, 3);
    for (at, point) in values.chunks_exact_mut(12).enumerate() {
        point[4 + at % 4] += 5.0;
    }
    let found = found(&values, 12, Metric::L2, 42);
    for pair in found.layers.windows(2) {
        assert!(pair[1].partition.refines(&pair[0].partition));
        assert!(pair[1].partition.count() > pair[0].partition.count());
        assert!(pair[1].resolution > pair[0].resolution);
    }
    assert!(found.themes <= found.topics && found.topics == found.layers.len() - 1);
    let counts: Vec<usize> = found
        .layers
        .iter()
        .map(|layer| layer.partition.count())
        .collect();
    assert!(counts.contains(&12), "{counts:?}");
    let at = counts.iter().position(|&count| count == 12).unwrap();
    let inner: Vec<i32> = (0..1_200)
        .map(|at| outer[at as usize] * 4 + at % 4)
        .collect();
    let labels: Vec<i32> = found.layers[at]
        .partition
        .labels()
        .iter()
        .map(|&label| label as i32)
        .collect();
    assert!(hdbscan_graph::adjusted_rand_index(&labels, &inner) > 0.98);
}

#[test]
fn small_groups_beside_large_ones_appear_in_the_finest_layer() {
    let mut sizes = vec![1_500, 1_500];
    sizes.extend([15; 50]);
    let (values, labels) = groups(&sizes, 64, 9.0, 5);
    let found = found(&values, 64, Metric::L2, 42);
    let finest: Vec<u32> = found.layers[found.topics].partition.labels().to_vec();
    // A small group is found if one community is mostly that group.
    let whole = (2..52).filter(|&group| {
        let first = labels.iter().position(|&label| label == group).unwrap();
        let same = finest
            .iter()
            .filter(|&&label| label == finest[first])
            .count();
        same <= 30
    });
    assert!(whole.count() >= 45);
}

#[test]
fn the_result_is_the_same_at_any_number_of_threads() {
    let (values, _) = groups(&[200, 300, 100], 10, 4.0, 7);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| found(&values, 10, Metric::L2, 42))
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn a_graph_alone_is_enough() {
    let (values, labels) = groups(&[500, 700, 300], 16, 8.0, 9);
    let graph = graph_of(&values, 16, Metric::L2);
    let found = find(&graph.view(), None, Seed(42)).unwrap();
    assert!(found.null.is_none());
    assert!(hdbscan_graph::adjusted_rand_index(&themes(&found), &labels) > 0.99);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let values = noise(200, 4, 1);
    let graph = graph_of(&values, 4, Metric::L2);
    let other = Points::new(&values[..40], 4).unwrap();
    let error = find(&graph.view(), Some((other, Metric::L2)), Seed(0)).unwrap_err();
    assert!(matches!(
        error,
        Error::Rows {
            nodes: 200,
            points: 10
        }
    ));
    let error = find(&graph.view().first(2), None, Seed(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the graph has 2 neighbors per row, but at least 7 are needed"
    );
}
