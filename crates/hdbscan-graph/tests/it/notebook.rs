//! The run that this program reproduces without its faults: 2,000 news texts, `min_samples` 3, `min_cluster_size` 3.

use exact_knn::{Metric, Points};
use hdbscan_graph::steps::{core_distances, single_linkage, spanning_forest};
use hdbscan_graph::{Edge, FlatOptions, SelectionOptions, flat_clustering};
use knn_graph::KnnView;
use test_support::adjusted_rand_index;

use crate::tables::{Table, relative};

#[test]
fn forty_nine_neighbors_give_the_tree_and_clusters_of_the_matrix() {
    let table = Table::of_data("notebook/notebook.parquet");
    let (values, d) = table.lists("embedding");
    let points = Points::new(&values, d).unwrap();
    let (knn, _) = exact_knn::knn(points, Metric::L2, points.n() - 1, &|_| ()).unwrap();
    let all = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
    let core = core_distances(&all, 3);
    let tree = spanning_forest(&all.first(49), &core);
    assert_eq!(all.first(49).components().count, 1);
    let weights = |tree: &[Edge]| {
        tree.iter()
            .map(|edge| f64::from(edge.weight))
            .collect::<Vec<_>>()
    };
    let worst = relative(&weights(&tree), &weights(&spanning_forest(&all, &core)));
    assert!(
        worst < 1e-5,
        "a weight differs by {worst:e} from the full matrix"
    );
    let found = flat_clustering(
        &single_linkage(&tree),
        &FlatOptions {
            min_cluster_size: 3,
            selection_persistence: 0.0,
            selection: SelectionOptions::default(),
        },
    );
    let theirs: Vec<i32> = table
        .i64("notebook_cluster")
        .into_iter()
        .map(|label| label as i32)
        .collect();
    let score = adjusted_rand_index(&found.labels, &theirs);
    assert!(score >= 0.90, "ARI {score} to the notebook");
}
