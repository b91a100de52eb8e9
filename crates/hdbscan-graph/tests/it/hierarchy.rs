//! Hierarchies of larger data, what they refuse, and predictions from them.

use exact_knn::{Knn, Metric, Points};
use hdbscan_graph::steps::{PointIndex, core_distances, exact_tree, spanning_forest};
use hdbscan_graph::{
    Error, FlatOptions, Hierarchy, HierarchyOptions, LazyIndex, Need, Predictor, SelectionOptions,
    TreeKind, flat_clustering, hierarchy, vote,
};
use knn_graph::KnnView;
use random_streams::Seed;
use test_support::noise;

fn knn(values: &[f32], d: usize, k: usize) -> Knn {
    let points = Points::new(values, d).unwrap();
    let (knn, _) = exact_knn::knn(points, Metric::L2, k, &|_| ()).unwrap();
    knn
}

/// Five round groups in the plane, and every tenth point anywhere.
fn groups(n: usize) -> Vec<f32> {
    let mut values = noise(2 * n, 7);
    for (i, point) in values.chunks_exact_mut(2).enumerate() {
        let (center, spread) = if i % 10 == 9 {
            (0.0, 6.0)
        } else {
            ((i % 5) as f32 * 8.0, 0.5)
        };
        point[0] = center + spread * point[0];
        point[1] *= spread;
    }
    values
}

fn without_points(graph: &KnnView<'_>, options: &HierarchyOptions) -> Result<Hierarchy, Error> {
    hierarchy(graph, options, &LazyIndex::without_points(), &|_| ())
}

/// The weights of the minimum spanning tree of all pairs, ascending: Prim's way, without any list.
fn full_weights(points: Points<'_>, core: &[f32]) -> Vec<f32> {
    let n = points.n();
    let mut nearest = vec![f32::INFINITY; n];
    let mut outside: Vec<usize> = (1..n).collect();
    let (mut last, mut weights) = (0, Vec::new());
    while !outside.is_empty() {
        for &i in &outside {
            let distance = exact_knn::distance(points.row(last), points.row(i), Metric::L2);
            nearest[i] = nearest[i].min(distance.max(core[last]).max(core[i]));
        }
        let at =
            (0..outside.len()).min_by(|&a, &b| nearest[outside[a]].total_cmp(&nearest[outside[b]]));
        last = outside.swap_remove(at.unwrap());
        weights.push(nearest[last]);
    }
    weights.sort_unstable_by(f32::total_cmp);
    weights
}

#[test]
fn a_large_exact_tree_is_the_tree_of_all_pairs() {
    // Two thick clouds that meet: with so few neighbors their parts join late and in the wrong places.
    let (n, d, min_samples) = (5_000, 6, 4);
    let values: Vec<f32> = (0..n * d)
        .map(|at| {
            let side = if at / d % 2 == 0 && at % d == 0 {
                1.2
            } else {
                0.0
            };
            side + Seed(23).stream("test/clouds", at as u64).next_f32()
        })
        .collect();
    let points = Points::new(&values, d).unwrap();
    let searchable = PointIndex::new(points, Metric::L2).unwrap();
    for k in [min_samples, 12] {
        let (knn, _) = searchable.index.knn(k, &|_| ()).unwrap();
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let core = core_distances(&lists, min_samples);
        let alone: Vec<u32> = (0..n as u32).collect();
        let forest = spanning_forest(&lists, &core);
        let grown = exact_tree(&core, &forest, &alone, &searchable, &|_| ()).unwrap();
        // The pass over every eighth row took part.
        assert!(grown.searched as usize >= n + n / 8);
        let weights: Vec<f32> = grown.edges.iter().map(|edge| edge.weight).collect();
        assert_eq!(weights, full_weights(points, &core));
    }
}

#[test]
fn points_are_needed_only_where_the_graph_lacks_pairs() {
    let values = groups(300);
    let all = knn(&values, 2, 299);
    let all = KnnView::new(&all.ids, &all.distances, all.k).unwrap();
    let options = HierarchyOptions::default();
    let exact = HierarchyOptions {
        tree: TreeKind::Exact,
        ..options
    };
    // Every pair is in the lists: the tree of the graph is exact.
    let complete = without_points(&all, &exact).unwrap();
    assert_eq!((complete.searched, complete.added), (0, 0));
    let few = all.first(6);
    let count = few.components().count;
    assert!(count > 1);
    let needs = |options| match without_points(&few, options) {
        Err(Error::NoPoints { need }) => need,
        other => panic!("{other:?}"),
    };
    assert_eq!(needs(&options), Need::Components(count));
    assert_eq!(needs(&exact), Need::ExactTree);
    let isolated = HierarchyOptions {
        isolated: 2,
        ..options
    };
    assert_eq!(needs(&isolated), Need::IsolatedRows(2));
    // With the points, the exact tree of few neighbors is that of the complete graph.
    let index = LazyIndex::of_points(Points::new(&values, 2).unwrap(), Metric::L2);
    let found = hierarchy(&few, &exact, &index, &|_| ()).unwrap();
    assert_eq!(found.linkage.distance, complete.linkage.distance);
    assert_eq!(found.components, count);
}

#[test]
fn graphs_that_cannot_be_clustered_are_refused_with_a_hint() {
    let options = HierarchyOptions {
        min_samples: 2,
        ..HierarchyOptions::default()
    };
    let refused = |distances: &[f32]| {
        let graph = KnnView::new(&[1, 0], distances, 1).unwrap();
        let error = without_points(&graph, &options).unwrap_err();
        assert!(error.hint().is_some());
        error
    };
    assert_eq!(
        refused(&[1.0, 1.0]),
        Error::MinSamples {
            min_samples: 2,
            k: 1
        }
    );
    let graph = KnnView::new(&[1, 0], &[-0.5, -0.5], 1).unwrap();
    let options = HierarchyOptions {
        min_samples: 1,
        ..options
    };
    assert!(matches!(
        without_points(&graph, &options),
        Err(Error::Graph(knn_graph::Error::BadDistance { row: 0, .. }))
    ));
}

#[test]
fn training_points_are_predicted_into_their_clusters_alone_or_together() {
    let values = groups(600);
    let all = knn(&values, 2, 599);
    let all = KnnView::new(&all.ids, &all.distances, all.k).unwrap();
    let lists = all.first(20);
    let built = without_points(&all, &HierarchyOptions::default()).unwrap();
    let options = FlatOptions {
        min_cluster_size: 15,
        ..FlatOptions::default()
    };
    let found = flat_clustering(&built.linkage, &options);
    let core = core_distances(&lists, 5);
    let predictor = Predictor::new(
        &found.condensed,
        &found.tree,
        &found.selected,
        &SelectionOptions::default(),
        &core,
    );
    let mut same = 0;
    for i in 0..600 {
        let (ids, distances) = lists.row(i);
        let prediction = predictor.predict(&ids[..10], &distances[..10], 5);
        assert!((0.0..=1.0).contains(&prediction.probability));
        assert_eq!(
            prediction,
            predictor.predict(&ids[..10], &distances[..10], 5)
        );
        same += usize::from(prediction.label == found.labels[i]);
    }
    assert!(same >= 570, "{same} of 600");
}

#[test]
fn near_points_have_a_larger_vote() {
    let labels = [0, 1, 1, -1];
    // Weights: 0 has 2, 1 has 1 + 1/2.
    let prediction = vote(&[0, 1, 2], &[0.5, 1.0, 2.0], &labels);
    assert_eq!((prediction.label, prediction.neighbor), (0, 0));
    assert!((prediction.probability - 2.0 / 3.5).abs() < 1e-12);
    // Noise is voted for, too, and has no probability.
    let prediction = vote(&[3, 1, 2], &[0.1, 1.0, 2.0], &labels);
    assert_eq!((prediction.label, prediction.probability), (-1, 0.0));
}
