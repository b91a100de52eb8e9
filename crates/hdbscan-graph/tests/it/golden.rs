//! Small cases that a reader can check by eye.

use hdbscan_graph::steps::{condense, core_distances, lambda_cap, single_linkage, spanning_forest};
use hdbscan_graph::{
    Edge, FlatOptions, SelectionMethod, SelectionOptions, flat_clustering, relative_validity,
};
use knn_graph::KnnView;

/// The lists of points on a line, all others in each.
pub(crate) fn on_a_line(at: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let (mut ids, mut distances) = (Vec::new(), Vec::new());
    for (i, x) in at.iter().enumerate() {
        let mut row: Vec<(f32, u32)> = at
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != i)
            .map(|(j, y)| ((x - y).abs(), j as u32))
            .collect();
        row.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        ids.extend(row.iter().map(|entry| entry.1));
        distances.extend(row.iter().map(|entry| entry.0));
    }
    (ids, distances)
}

fn tree_of(at: &[f32], min_samples: usize) -> Vec<Edge> {
    let (ids, distances) = on_a_line(at);
    let lists = KnnView::new(&ids, &distances, at.len() - 1).unwrap();
    spanning_forest(&lists, &core_distances(&lists, min_samples))
}

#[test]
fn core_distances_do_not_count_the_point_itself() {
    let (ids, distances) = on_a_line(&[0.0, 1.0, 3.0, 7.0]);
    let lists = KnnView::new(&ids, &distances, 3).unwrap();
    assert_eq!(core_distances(&lists, 1), [1.0, 1.0, 2.0, 4.0]);
    assert_eq!(core_distances(&lists, 2), [3.0, 2.0, 3.0, 6.0]);
    assert_eq!(core_distances(&lists, 0), [0.0; 4]);
}

#[test]
fn equal_weights_are_ordered_by_id() {
    // All gaps are 1: the tree takes 0-1 before 1-2, and mutual reachability ties are settled the same way.
    let tree = tree_of(&[0.0, 1.0, 2.0, 3.0], 1);
    let ends: Vec<(u32, u32)> = tree.iter().map(|edge| (edge.a, edge.b)).collect();
    assert_eq!(ends, [(0, 1), (1, 2), (2, 3)]);
    // With two neighbors everything is at 2 (the ends) or 1 (the middle).
    let weights: Vec<f32> = tree_of(&[0.0, 1.0, 2.0, 3.0], 2)
        .iter()
        .map(|edge| edge.weight)
        .collect();
    assert_eq!(weights, [1.0, 2.0, 2.0]);
}

#[test]
fn a_dendrogram_has_the_smaller_node_on_the_left() {
    let linkage = single_linkage(&tree_of(&[0.0, 1.0, 10.0, 12.0], 1));
    assert_eq!(linkage.left, [0, 2, 4]);
    assert_eq!(linkage.right, [1, 3, 5]);
    assert_eq!(linkage.distance, [1.0, 2.0, 9.0]);
    assert_eq!(linkage.size, [2, 2, 4]);
}

#[test]
fn two_pairs_condense_to_two_clusters() {
    let linkage = single_linkage(&tree_of(&[0.0, 1.0, 10.0, 12.0], 1));
    let tree = condense(&linkage, 2);
    assert_eq!(tree.parent, [4, 4, 5, 5, 6, 6]);
    assert_eq!(tree.child, [5, 6, 0, 1, 2, 3]);
    assert_eq!(tree.size, [2, 2, 1, 1, 1, 1]);
    assert_eq!(tree.lambda, [1.0 / 9.0, 1.0 / 9.0, 1.0, 1.0, 0.5, 0.5]);
    let found = flat_clustering(
        &linkage,
        &FlatOptions {
            min_cluster_size: 2,
            selection_persistence: 0.0,
            selection: SelectionOptions::default(),
        },
    );
    assert_eq!(found.labels, [0, 0, 1, 1]);
    assert_eq!(found.probability, [1.0; 4]);
    assert!(
        relative_validity(&tree_of(&[0.0, 1.0, 10.0, 12.0], 1), &found.labels, 2).unwrap() > 0.7
    );
}

#[test]
fn copies_leave_together_at_a_finite_lambda() {
    // Three copies at 0, a point at 1, three copies at 10.
    let at = [0.0, 0.0, 0.0, 1.0, 10.0, 10.0, 10.0];
    let (ids, distances) = on_a_line(&at);
    let first = KnnView::new(&ids, &distances, 6).unwrap().first_copies();
    assert_eq!(first, [0, 0, 0, 3, 4, 4, 4]);
    let linkage = single_linkage(&tree_of(&at, 1));
    assert_eq!(lambda_cap(&linkage), 1.0);
    for method in [SelectionMethod::Eom, SelectionMethod::Leaf] {
        let cut = FlatOptions {
            min_cluster_size: 2,
            selection_persistence: 0.0,
            selection: SelectionOptions {
                method,
                ..SelectionOptions::default()
            },
        };
        let found = flat_clustering(&linkage, &cut);
        assert!(
            found
                .condensed
                .lambda
                .iter()
                .all(|lambda| *lambda > 0.0 && *lambda <= 1.0)
        );
        assert_eq!(found.labels, [1, 1, 1, 1, 0, 0, 0]);
        assert!(
            found
                .probability
                .iter()
                .chain(&found.outlier_score)
                .chain(&found.cluster_persistence)
                .all(|v| (0.0..=1.0).contains(v))
        );
    }
}

#[test]
fn copies_alone_are_one_cluster_if_single_clusters_are_allowed() {
    let linkage = single_linkage(&tree_of(&[5.0; 6], 2));
    let mut rule = SelectionOptions::default();
    let cut = |rule| FlatOptions {
        min_cluster_size: 3,
        selection_persistence: 0.0,
        selection: rule,
    };
    assert_eq!(flat_clustering(&linkage, &cut(rule)).labels, [-1; 6]);
    rule.allow_single_cluster = true;
    assert_eq!(flat_clustering(&linkage, &cut(rule)).labels, [0; 6]);
}

#[test]
fn a_chain_of_a_hundred_thousand_points_does_not_overflow_the_stack() {
    // Gaps that grow: every merge adds one point, and the dendrogram is as deep as it can be.
    let tree: Vec<Edge> = (0..100_000_u32)
        .map(|i| Edge {
            weight: 1.0 + i as f32 * 1e-5,
            a: i,
            b: i + 1,
        })
        .collect();
    let linkage = single_linkage(&tree);
    let found = flat_clustering(
        &linkage,
        &FlatOptions {
            min_cluster_size: 5,
            selection_persistence: 0.0,
            selection: SelectionOptions::default(),
        },
    );
    assert_eq!(found.labels.len(), 100_001);
    assert_eq!(found.condensed.len(), 100_001);
}

#[test]
fn a_persistence_threshold_undoes_short_splits() {
    // Two tight groups close together (a short split), and one far away.
    let at = [0.0, 0.1, 0.2, 0.35, 0.45, 0.55, 10.0, 10.1, 10.2];
    let linkage = single_linkage(&tree_of(&at, 1));
    let cut = |selection_persistence| FlatOptions {
        min_cluster_size: 3,
        selection_persistence,
        selection: SelectionOptions {
            method: SelectionMethod::Leaf,
            ..SelectionOptions::default()
        },
    };
    assert_eq!(
        flat_clustering(&linkage, &cut(0.0)).labels,
        [1, 1, 1, 2, 2, 2, 0, 0, 0]
    );
    let merged = flat_clustering(&linkage, &cut(5.0)).labels;
    assert_eq!(merged[..6], [merged[0]; 6]);
    assert_eq!(merged[6..], [merged[6]; 3]);
    assert_ne!(merged[0], merged[6]);
}

#[test]
fn epsilon_merges_what_splits_below_it() {
    let at = [
        0.0, 0.1, 0.2, 0.5, 0.6, 0.7, 10.0, 10.1, 10.2, 10.6, 10.7, 10.8,
    ];
    let linkage = single_linkage(&tree_of(&at, 1));
    let cut = |epsilon| {
        let rule = SelectionOptions {
            method: SelectionMethod::Leaf,
            epsilon,
            ..SelectionOptions::default()
        };
        flat_clustering(
            &linkage,
            &FlatOptions {
                min_cluster_size: 3,
                selection_persistence: 0.0,
                selection: rule,
            },
        )
        .count()
    };
    assert_eq!(cut(0.0), 4);
    assert_eq!(cut(0.35), 3);
    assert_eq!(cut(1.0), 2);
}

#[test]
fn a_size_limit_prefers_the_parts() {
    let at = [0.0, 0.1, 0.2, 0.5, 0.6, 0.7, 10.0, 10.1, 10.2, 10.3];
    let linkage = single_linkage(&tree_of(&at, 1));
    let sizes = |max_cluster_size| {
        let rule = SelectionOptions {
            max_cluster_size,
            ..SelectionOptions::default()
        };
        let found = flat_clustering(
            &linkage,
            &FlatOptions {
                min_cluster_size: 3,
                selection_persistence: 0.0,
                selection: rule,
            },
        );
        let mut sizes = hdbscan_graph::cluster_sizes(&found.labels, found.count());
        sizes.sort_unstable();
        sizes
    };
    assert!(sizes(5).iter().all(|&size| size <= 5), "{:?}", sizes(5));
    assert_eq!(sizes(0).iter().sum::<usize>(), 10);
}
