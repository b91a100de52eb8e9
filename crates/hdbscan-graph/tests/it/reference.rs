//! Held to hdbscan 0.8.40 on the full matrix of two data sets at six settings.

use exact_knn::{Knn, Metric, Points};
use hdbscan_graph::steps::{
    PointIndex, bridge, core_distances, exact_tree, single_linkage, spanning_forest,
};
use hdbscan_graph::{
    FlatClustering, FlatOptions, SelectionMethod, SelectionOptions, flat_clustering,
};
use knn_graph::KnnView;
use test_support::adjusted_rand_index as ari;

use crate::tables::{Table, linkage, relative};

const DATA: [&str; 2] = ["digits", "blobs"];

/// The six settings: name, `min_samples`, cut.
fn settings() -> Vec<(&'static str, usize, FlatOptions)> {
    let cut = |min_cluster_size, rule| FlatOptions {
        min_cluster_size,
        selection_persistence: 0.0,
        selection: rule,
    };
    let rule = SelectionOptions::default();
    vec![
        ("ms3_mcs3_eom", 3, cut(3, rule)),
        ("ms5_mcs15_eom", 5, cut(15, rule)),
        (
            "ms5_mcs15_leaf",
            5,
            cut(
                15,
                SelectionOptions {
                    method: SelectionMethod::Leaf,
                    ..rule
                },
            ),
        ),
        (
            "ms5_mcs15_eom_eps",
            5,
            cut(
                15,
                SelectionOptions {
                    epsilon: 0.35,
                    ..rule
                },
            ),
        ),
        (
            "ms5_mcs15_eom_max150",
            5,
            cut(
                15,
                SelectionOptions {
                    max_cluster_size: 150,
                    ..rule
                },
            ),
        ),
        (
            "ms5_mcs200_single",
            5,
            cut(
                200,
                SelectionOptions {
                    allow_single_cluster: true,
                    ..rule
                },
            ),
        ),
    ]
}

#[test]
fn the_reference_dendrogram_gives_the_reference_clusters() {
    for data in DATA {
        for (name, min_samples, cut) in settings() {
            let found = flat_clustering(&linkage(data, min_samples), &cut);
            let size = cut.min_cluster_size;
            let tree = Table::of_data(&format!(
                "{data}/ms{min_samples}_mcs{size}.condensed_tree.parquet"
            ));
            let ids = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
            assert_eq!(
                ids(&found.condensed.parent),
                tree.i64("parent"),
                "{data} {name}: parents"
            );
            assert_eq!(
                ids(&found.condensed.child),
                tree.i64("child"),
                "{data} {name}: children"
            );
            assert_eq!(
                ids(&found.condensed.size),
                tree.i64("child_size"),
                "{data} {name}: sizes"
            );
            near(
                &found.condensed.lambda,
                &tree.f64("lambda_val"),
                &format!("{data} {name}: lambdas"),
            );
            let clusters = Table::of_data(&format!("{data}/{name}.clusters.parquet"));
            let labels: Vec<i64> = found.labels.iter().map(|&label| i64::from(label)).collect();
            assert_eq!(labels, clusters.i64("cluster"), "{data} {name}: labels");
            near(
                &found.probability,
                &clusters.f64("probability"),
                &format!("{data} {name}: probabilities"),
            );
            near(
                &found.outlier_score,
                &clusters.f64("outlier_score"),
                &format!("{data} {name}: outlier scores"),
            );
            near(
                &found.cluster_persistence,
                &expected_persistence(data, name),
                &format!("{data} {name}: persistence"),
            );
        }
    }
}

#[test]
fn the_full_graph_gives_the_reference_tree() {
    for data in DATA {
        let (values, d) = points(data);
        let all = Data::new(&values, d, usize::MAX);
        for (name, min_samples, cut) in settings() {
            let reference = linkage(data, min_samples);
            let tree = spanning_forest(
                &all.lists(usize::MAX),
                &core_distances(&all.lists(usize::MAX), min_samples),
            );
            let found = single_linkage(&tree);
            let worst = relative(&found.distance, &reference.distance);
            assert!(worst < 1e-5, "{data} {name}: a weight differs by {worst:e}");
            // At a limit on the size, one tied point more or less decides over a whole cluster.
            if cut.selection.max_cluster_size == 0 {
                let score = ari(&flat_clustering(&found, &cut).labels, &labels(data, name));
                assert!(score >= 0.94, "{data} {name}: ARI {score}");
            }
        }
    }
}

#[test]
fn few_neighbors_with_bridges_approximate_the_reference() {
    // Data, setting, k, the least ARI to the labels of the full matrix.
    let floors = [
        ("digits", "ms3_mcs3_eom", 4, 0.80),
        ("digits", "ms3_mcs3_eom", 5, 0.85),
        ("digits", "ms3_mcs3_eom", 15, 0.90),
        ("digits", "ms3_mcs3_eom", 30, 0.93),
        ("digits", "ms3_mcs3_eom", 50, 0.90),
        ("digits", "ms5_mcs15_eom", 5, 0.85),
        ("digits", "ms5_mcs15_eom", 8, 0.97),
        ("digits", "ms5_mcs15_eom", 15, 0.90),
        ("digits", "ms5_mcs15_eom", 30, 0.99),
        ("digits", "ms5_mcs15_eom", 50, 0.90),
        ("blobs", "ms3_mcs3_eom", 15, 0.90),
        ("blobs", "ms3_mcs3_eom", 50, 0.90),
        ("blobs", "ms5_mcs15_eom", 15, 0.90),
        ("blobs", "ms5_mcs15_eom", 50, 0.90),
    ];
    for data in DATA {
        let (values, d) = points(data);
        let all = Data::new(&values, d, 50);
        for &(_, name, k, floor) in floors.iter().filter(|floor| floor.0 == data) {
            let (_, min_samples, cut) =
                *settings().iter().find(|setting| setting.0 == name).unwrap();
            let (found, components) = all.by_bridges(k, min_samples, &cut);
            let score = ari(&found.labels, &labels(data, name));
            println!(
                "{data} {name} k={k}: {components} components, {} clusters, ARI {score:.4}",
                found.count()
            );
            assert!(
                score >= floor,
                "{data} {name} k={k}: ARI {score} is below {floor}"
            );
        }
    }
}

#[test]
fn the_exact_tree_is_that_of_the_full_matrix_at_any_k() {
    for data in DATA {
        let (values, d) = points(data);
        let all = Data::new(&values, d, 50);
        for (name, ks, floor) in [
            ("ms3_mcs3_eom", [3, 4, 5, 30], 0.94),
            ("ms5_mcs15_eom", [5, 8, 15, 30], 0.99),
        ] {
            let (_, min_samples, cut) =
                *settings().iter().find(|setting| setting.0 == name).unwrap();
            let reference = linkage(data, min_samples);
            for k in ks {
                let lists = all.lists(k);
                let core = core_distances(&lists, min_samples);
                let alone: Vec<u32> = (0..lists.n() as u32).collect();
                let forest = spanning_forest(&lists, &core);
                let grown = exact_tree(&core, &forest, &alone, &all.points, &|_| ()).unwrap();
                let weights: Vec<f64> = grown
                    .edges
                    .iter()
                    .map(|edge| f64::from(edge.weight))
                    .collect();
                let worst = relative(&weights, &reference.distance);
                let found = flat_clustering(&single_linkage(&grown.edges), &cut);
                let score = ari(&found.labels, &labels(data, name));
                println!(
                    "{data} {name} k={k}: searched {}, added {}, ARI {score:.4}",
                    grown.searched, grown.added
                );
                assert!(
                    worst < 1e-5,
                    "{data} {name} k={k}: a weight differs by {worst:e}"
                );
                assert!(
                    score >= floor,
                    "{data} {name} k={k}: ARI {score} is below {floor}"
                );
            }
        }
    }
}

/// Points with the neighbors of each.
struct Data<'a> {
    points: PointIndex<'a>,
    knn: Knn,
}

impl<'a> Data<'a> {
    fn new(values: &'a [f32], d: usize, k: usize) -> Self {
        let points = PointIndex::new(Points::new(values, d).unwrap(), Metric::L2).unwrap();
        let others = values.len() / d - 1;
        let (knn, _) = points.index.knn(k.min(others), &|_| ()).unwrap();
        Self { points, knn }
    }

    fn lists(&self, k: usize) -> KnnView<'_> {
        KnnView::new(&self.knn.ids, &self.knn.distances, self.knn.k)
            .unwrap()
            .first(k)
    }

    /// The clustering on k neighbors and bridges, and the number of components of the graph.
    fn by_bridges(
        &self,
        k: usize,
        min_samples: usize,
        cut: &FlatOptions,
    ) -> (FlatClustering, usize) {
        let lists = self.lists(k);
        let core = core_distances(&lists, min_samples);
        let alone: Vec<u32> = (0..lists.n() as u32).collect();
        let forest = spanning_forest(&lists, &core);
        let grown = bridge(&core, &forest, &alone, &self.points, &|_| ()).unwrap();
        (
            flat_clustering(&single_linkage(&grown.edges), cut),
            lists.components().count,
        )
    }
}

fn points(data: &str) -> (Vec<f32>, usize) {
    Table::of_data(&format!("{data}/points.parquet")).lists("embedding")
}

fn labels(data: &str, name: &str) -> Vec<i32> {
    Table::of_data(&format!("{data}/{name}.clusters.parquet"))
        .i64("cluster")
        .into_iter()
        .map(|label| label as i32)
        .collect()
}

fn expected_persistence(data: &str, name: &str) -> Vec<f64> {
    let path = test_support::data(&format!("{data}/expected.json"));
    let text = std::fs::read_to_string(path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["settings"][name]["persistence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect()
}

fn near(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(0.0, f64::max);
    assert!(worst <= 1e-6, "{what} differ by {worst:e}");
}
