//! What holds for any input.

use exact_knn::{Knn, Metric, Points};
use hdbscan_graph::steps::{
    PointIndex, bridge, core_distances, exact_tree, mutual_reachability, single_linkage,
    spanning_forest,
};
use hdbscan_graph::{
    Edge, FlatOptions, SelectionMethod, SelectionOptions, flat_clustering, layers,
};
use knn_graph::{KnnView, UnionFind};
use proptest::prelude::*;
use test_support::adjusted_rand_index;

/// Points on a small grid: distances tie often, and copies are frequent.
fn grid() -> impl Strategy<Value = Vec<f32>> {
    proptest::collection::vec(-6_i8..6, 2 * 12..2 * 60).prop_map(|values| {
        let even = values.len() / 2 * 2;
        values[..even]
            .iter()
            .map(|&value| f32::from(value))
            .collect()
    })
}

fn knn(values: &[f32], k: usize) -> (PointIndex<'_>, Knn) {
    let points = PointIndex::new(Points::new(values, 2).unwrap(), Metric::L2).unwrap();
    let knn = points.index.knn(k, &|_| ()).unwrap().0;
    (points, knn)
}

/// Kruskal on every pair, as plainly as it can be written.
fn full_tree(values: &[f32], core: &[f32]) -> Vec<Edge> {
    let n = core.len();
    let points = Points::new(values, 2).unwrap();
    let mut edges = Vec::new();
    for i in 0..n {
        for j in i + 1..n {
            let distance = exact_knn::distance(points.row(i), points.row(j), Metric::L2);
            edges.push(Edge::new(
                mutual_reachability(core[i], core[j], distance),
                i as u32,
                j as u32,
            ));
        }
    }
    edges.sort_by(Edge::order);
    let mut sets = UnionFind::new(n);
    edges
        .into_iter()
        .filter(|edge| sets.union(edge.a, edge.b))
        .collect()
}

fn weights(tree: &[Edge]) -> Vec<f32> {
    tree.iter().map(|edge| edge.weight).collect()
}

/// Labels, -1 among them.
fn labels(n: usize) -> impl Strategy<Value = Vec<i32>> {
    proptest::collection::vec(-1..4, n)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The exact tree weighs what the tree of all pairs does, at any k from `min_samples` up, copies or not.
    #[test]
    fn the_exact_tree_is_the_tree_of_all_pairs(values in grid(), min_samples in 1_usize..5, more in 0_usize..6) {
        let (points, knn) = knn(&values, min_samples + more);
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let core = core_distances(&lists, min_samples);
        let copy_of = lists.first_copies();
        let forest = spanning_forest(&lists, &core);
        let grown = exact_tree(&core, &forest, &copy_of, &points, &|_| ()).unwrap();
        let full = full_tree(&values, &core);
        prop_assert_eq!(weights(&grown.edges), weights(&full));
        prop_assert_eq!(grown.added, full.len() - grown.edges.iter().filter(|edge| forest.contains(edge)).count());
    }

    /// Where few weights tie and nothing is copied, the exact tree is that of all pairs edge by edge, ties by id.
    #[test]
    fn ties_are_broken_by_id(seed in 0_u64..1000, n in 12_usize..60, min_samples in 1_usize..5, more in 0_usize..6) {
        let mut stream = random_streams::Seed(seed).stream("test/ties", 0);
        // Pairs of points that are mirrored tie two by two.
        let mut values: Vec<f32> = Vec::new();
        for _ in 0..n / 8 {
            let (x, y) = (stream.next_f32(), stream.next_f32());
            values.extend([x, y, 4.0 + x, y]);
        }
        values.extend((values.len()..2 * n).map(|_| stream.next_f32() * 5.0));
        let (points, knn) = knn(&values, min_samples + more);
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let core = core_distances(&lists, min_samples);
        let copy_of = lists.first_copies();
        prop_assume!((0..).zip(&copy_of).all(|(i, first)| i == *first));
        let full = full_tree(&values, &core);
        let tied = full.windows(2).filter(|pair| pair[0].weight == pair[1].weight).count();
        prop_assume!(tied * 4 <= full.len());
        let grown = exact_tree(&core, &spanning_forest(&lists, &core), &copy_of, &points, &|_| ()).unwrap();
        prop_assert_eq!(grown.edges, full);
    }

    /// With all pairs in the lists the forest is the tree of all pairs, edge by edge.
    #[test]
    fn the_forest_of_all_pairs_is_their_tree(values in grid(), min_samples in 1_usize..5) {
        let (_, knn) = knn(&values, values.len() / 2 - 1);
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let core = core_distances(&lists, min_samples);
        prop_assert_eq!(spanning_forest(&lists, &core), full_tree(&values, &core));
    }

    /// The agreement that a report shows is the adjusted Rand index.
    #[test]
    fn agreement_is_the_adjusted_rand_index((a, b) in (0_usize..30).prop_flat_map(|n| (labels(n), labels(n)))) {
        let found = hdbscan_graph::adjusted_rand_index(&a, &b);
        let expected = adjusted_rand_index(&a, &b);
        prop_assert!((found - expected).abs() < 1e-12, "{} instead of {}", found, expected);
    }

    /// Bridges make a spanning tree that holds the whole forest of the graph.
    #[test]
    fn bridges_connect_all_components(values in grid(), k in 1_usize..4) {
        let (points, knn) = knn(&values, k);
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let core = core_distances(&lists, 1);
        let forest = spanning_forest(&lists, &core);
        let copy_of = lists.first_copies();
        let grown = bridge(&core, &forest, &copy_of, &points, &|_| ()).unwrap();
        prop_assert_eq!(grown.edges.len() + 1, lists.n());
        prop_assert_eq!(grown.added, lists.n() - 1 - forest.len());
        let mut sets = UnionFind::new(lists.n());
        for edge in &grown.edges {
            prop_assert!(sets.union(edge.a, edge.b));
        }
        prop_assert!(forest.iter().all(|edge| grown.edges.contains(edge)));
    }

    /// Renaming the points renames the clusters' members and nothing else, where no distances tie.
    #[test]
    fn permuting_points_permutes_labels(seed in 0_u64..1000, n in 20_usize..60) {
        let mut stream = random_streams::Seed(seed).stream("test/points", 0);
        let values: Vec<f32> = (0..2 * n).map(|at| stream.next_f32() + (at / 20) as f32).collect();
        let mut to: Vec<usize> = (0..n).collect();
        for at in (1..n).rev() {
            to.swap(at, stream.below(at + 1));
        }
        let mut moved = vec![0.0; 2 * n];
        for (from, &to) in to.iter().enumerate() {
            moved[2 * to..2 * to + 2].copy_from_slice(&values[2 * from..2 * from + 2]);
        }
        let cluster_of = |values: &[f32]| {
            let (_, knn) = knn(values, n - 1);
            let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
            let tree = spanning_forest(&lists, &core_distances(&lists, 1));
            let cut = FlatOptions { min_cluster_size: 4, selection_persistence: 0.0, selection: SelectionOptions::default() };
            (weights(&tree), flat_clustering(&single_linkage(&tree), &cut))
        };
        let ((before, a), (after, b)) = (cluster_of(&values), cluster_of(&moved));
        prop_assert_eq!(&before, &after);
        prop_assume!(before.windows(2).all(|pair| pair[0] != pair[1]));
        for (from, &to) in to.iter().enumerate() {
            prop_assert_eq!(a.labels[from], b.labels[to]);
            prop_assert_eq!(a.probability[from], b.probability[to]);
            prop_assert_eq!(a.outlier_score[from], b.outlier_score[to]);
        }
    }

    /// Every point leaves the tree once, sizes add up, and nothing is infinite, at any setting.
    #[test]
    fn condensed_trees_add_up(values in grid(), least in 2_usize..8, leaf: bool, single: bool, epsilon in 0.0_f64..3.0, persistence in 0.0_f64..0.5) {
        let n = values.len() / 2;
        let (_, knn) = knn(&values, n - 1);
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let tree = spanning_forest(&lists, &core_distances(&lists, 2));
        let method = if leaf { SelectionMethod::Leaf } else { SelectionMethod::Eom };
        let rule = SelectionOptions { method, epsilon, max_cluster_size: 0, allow_single_cluster: single };
        let found = flat_clustering(&single_linkage(&tree), &FlatOptions { min_cluster_size: least, selection_persistence: persistence, selection: rule });
        let mut left = vec![0; n];
        for row in 0..found.condensed.len() {
            let child = found.condensed.child[row] as usize;
            if child < n { left[child] += 1; }
            prop_assert!(found.condensed.lambda[row].is_finite() && found.condensed.lambda[row] > 0.0);
            prop_assert!(found.condensed.child[row] as usize != found.condensed.parent[row] as usize);
        }
        prop_assert!(left.iter().all(|&times| times == 1));
        let share = |value: &f64| (-1e-9..=1.0 + 1e-9).contains(value);
        prop_assert!(found.probability.iter().all(share));
        prop_assert!(found.outlier_score.iter().all(share));
        prop_assert!(found.labels.iter().all(|&label| label >= -1 && label < found.count() as i32));
        prop_assert!(hdbscan_graph::cluster_sizes(&found.labels, found.count()).iter().all(|&size| size > 0 || single));
    }

    /// Every cluster lies whole in one cluster of the layer above it, which has half as many or fewer; noise stays noise.
    #[test]
    fn layers_nest(values in grid(), leaf: bool) {
        let n = values.len() / 2;
        let (_, knn) = knn(&values, n - 1);
        let lists = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
        let tree = spanning_forest(&lists, &core_distances(&lists, 1));
        let linkage = single_linkage(&tree);
        let method = if leaf { SelectionMethod::Leaf } else { SelectionMethod::Eom };
        let cut = FlatOptions { min_cluster_size: 2, selection_persistence: 0.0, selection: SelectionOptions { method, ..SelectionOptions::default() } };
        let found = flat_clustering(&linkage, &cut);
        let (mut labels, mut count, mut least) = (&found.labels, found.count(), 2);
        let layers = layers(&linkage, &tree, &found, 2, 4);
        prop_assert!(layers.len() <= 4);
        for layer in &layers {
            prop_assert!(layer.min_cluster_size >= least);
            prop_assert!(layer.count() >= 2 && 2 * layer.count() <= count);
            prop_assert_eq!(layer.parent.len(), count);
            for (&inner, &outer) in labels.iter().zip(&layer.labels) {
                let holds = usize::try_from(inner).map_or(-1, |inner| layer.parent[inner]);
                prop_assert_eq!(holds, outer);
            }
            prop_assert!(hdbscan_graph::cluster_sizes(&layer.labels, layer.count()).iter().all(|&size| size > 0));
            (labels, count, least) = (&layer.labels, layer.count(), layer.min_cluster_size);
        }
    }
}
