//! The stage from file to file.

use std::path::{Path, PathBuf};

use artifacts::{
    ClusterInfo, Clusters, CondensedTree, Embeddings, Footer, Membership, Mst, Neighbors,
    SingleLinkage,
};
use cluster::{Cluster, Engine, Error, Options, Report, Tree};
use stage::{Files, Hint, NoLocal, Seed, Silent, Stage};
use vectors::{Metric, Points, Search};

/// A directory that goes when the test does.
pub(crate) struct Run {
    dir: tempfile::TempDir,
}

impl Run {
    /// Neighbors and embeddings of `values` under L2.
    pub(crate) fn new(values: Vec<f32>, d: usize, k: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let points = Points::new(&values, d).unwrap();
        let (knn, _) = vectors::knn(points, Metric::L2, k, &Search::default(), &|_| true).unwrap();
        let footer = Footer {
            metric: Some("l2".to_owned()),
            ..Footer::default()
        };
        let neighbors = Neighbors {
            k,
            ids: knn.ids,
            distances: knn.distances,
        };
        neighbors
            .write(&dir.path().join("neighbors.parquet"), &footer)
            .unwrap();
        Embeddings::new(d, values)
            .write(&dir.path().join("embeddings.parquet"), &footer)
            .unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn files(&self) -> Files {
        Files::standard(
            self.dir.path(),
            Cluster::INPUTS.iter().chain(Cluster::OUTPUTS),
        )
    }

    pub(crate) fn cluster(&self, options: &Options) -> Result<Report, Error> {
        Cluster::run(
            &self.files(),
            options,
            &NoLocal::default(),
            Seed(42),
            &Silent,
        )
    }
}

/// Five groups of points in the plane, and a few in between.
pub(crate) fn groups(n: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(2 * n);
    for i in 0..n {
        let mut stream = Seed(7).stream("test/groups", i as u64);
        let mut normal = || (0..6).map(|_| stream.next_f32()).sum::<f32>() - 3.0;
        let (x, y) = (normal(), normal());
        let (center, spread) = if i % 10 == 9 {
            (0.0, 6.0)
        } else {
            ((i % 5) as f32 * 8.0, 0.5)
        };
        values.extend([center + spread * x, (i % 3) as f32 * spread + spread * y]);
    }
    values
}

fn all_bytes(run: &Run) -> Vec<(String, Vec<u8>)> {
    let names = [
        "clusters",
        "cluster_info",
        "condensed_tree",
        "single_linkage",
        "mst",
        "membership",
    ];
    names
        .map(|name| {
            (
                name.to_owned(),
                std::fs::read(run.path(&format!("{name}.parquet"))).unwrap(),
            )
        })
        .to_vec()
}

#[test]
fn a_run_writes_files_that_fit_together() {
    let run = Run::new(groups(600), 2, 15);
    let options = Options {
        layers: 3,
        membership: 2,
        bootstrap: 20,
        assign_noise: Some(cluster::assign::Assign::Nearest),
        ..Options::default()
    };
    let report = run.cluster(&options).unwrap();
    assert_eq!(report.rows, 600);
    assert!(report.clusters >= 5, "{report}");
    let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap();
    assert_eq!(clusters.count(), report.clusters);
    assert_eq!(
        clusters
            .cluster
            .iter()
            .filter(|&&cluster| cluster < 0)
            .count(),
        report.noise
    );
    assert_eq!(clusters.layers.len(), report.layers.len());
    let assigned = clusters.assigned.as_ref().unwrap();
    assert!(assigned.iter().all(|&cluster| cluster >= 0));
    for (before, after) in clusters.cluster.iter().zip(assigned) {
        assert!(*before < 0 || before == after, "assigning moves nobody");
    }
    let info = ClusterInfo::read(&run.path("cluster_info.parquet")).unwrap();
    assert_eq!(
        info.rows.len(),
        report.clusters + report.layers.iter().sum::<usize>()
    );
    for row in &info.rows {
        let labels = if row.layer < 0 {
            &clusters.cluster
        } else {
            &clusters.layers[row.layer as usize]
        };
        assert_eq!(
            labels.iter().filter(|&&label| label == row.cluster).count() as i64,
            row.size
        );
        assert!(!row.exemplar_ids.is_empty());
        assert!(
            row.exemplar_ids
                .iter()
                .all(|&id| labels[id as usize] == row.cluster)
        );
        assert_eq!(row.stability.is_some(), row.layer < 0);
    }
    let mst = Mst::read(&run.path("mst.parquet")).unwrap();
    let linkage = SingleLinkage::read(&run.path("single_linkage.parquet")).unwrap();
    assert_eq!(mst.distance, linkage.distance);
    assert_eq!(mst.distance.len(), 599);
    let tree = CondensedTree::read(&run.path("condensed_tree.parquet")).unwrap();
    assert!(tree.lambda.iter().all(|lambda| lambda.is_finite()));
    assert_eq!(tree.parent[0], 600);
    let membership = Membership::read(&run.path("membership.parquet")).unwrap();
    for shares in &membership.memberships {
        assert!(
            shares.len() <= 2
                && shares.iter().sum::<f32>() <= 1.0 + 1e-5
                && shares.is_sorted_by(|a, b| a >= b)
        );
    }
    let footer = clusters.footer.as_ref().unwrap();
    assert_eq!(footer.metric.as_deref(), Some("l2"));
    assert!(footer.inputs.contains_key("neighbors"));
}

#[test]
fn the_same_bytes_at_one_and_two_threads() {
    let run = Run::new(groups(700), 2, 6);
    let options = Options {
        layers: 2,
        membership: 2,
        bootstrap: 20,
        tree: Tree::Exact,
        assign_noise: Some(cluster::assign::Assign::Soft),
        ..Options::default()
    };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| run.cluster(&options).unwrap());
        all_bytes(&run)
    };
    let (one, two) = (on(1), on(2));
    for ((name, one), (_, two)) in one.iter().zip(&two) {
        assert!(one == two, "{name} differs");
    }
}

#[test]
fn embeddings_are_opened_only_when_needed() {
    let run = Run::new(groups(300), 2, 60);
    std::fs::write(run.path("embeddings.parquet"), "no table").unwrap();
    run.cluster(&Options::default()).unwrap();
    let footer = Clusters::read(&run.path("clusters.parquet"))
        .unwrap()
        .footer
        .unwrap();
    assert!(!footer.inputs.contains_key("embeddings"));
    assert!(matches!(
        run.cluster(&Options {
            tree: Tree::Exact,
            ..Options::default()
        }),
        Err(Error::File(_))
    ));
}

#[test]
fn a_graph_in_pieces_needs_embeddings_and_uses_them() {
    let run = Run::new(groups(600), 2, 5);
    let report = run.cluster(&Options::default()).unwrap();
    assert!(
        report.components > 1 && report.added == report.components - 1,
        "{report}"
    );
    let footer = Clusters::read(&run.path("clusters.parquet"))
        .unwrap()
        .footer
        .unwrap();
    assert!(footer.inputs.contains_key("embeddings"));
    std::fs::remove_file(run.path("embeddings.parquet")).unwrap();
    let error = run.cluster(&Options::default()).unwrap_err();
    assert!(matches!(error, Error::NoEmbeddings { .. }));
    assert!(error.hint().unwrap().contains("--embeddings"));
}

#[test]
fn what_cannot_be_is_refused_with_a_hint() {
    let run = Run::new(groups(100), 2, 4);
    let refused = |options: Options| {
        let error = run.cluster(&options).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error
    };
    assert!(matches!(
        refused(Options {
            min_samples: 5,
            ..Options::default()
        }),
        Error::FewNeighbors {
            min_samples: 5,
            k: 4
        }
    ));
    assert!(matches!(
        refused(Options {
            use_k: Some(9),
            ..Options::default()
        }),
        Error::UseK { use_k: 9, k: 4 }
    ));
    assert!(matches!(
        refused(Options {
            min_cluster_size: 1,
            ..Options::default()
        }),
        Error::Option { .. }
    ));
    assert!(matches!(
        refused(Options {
            selection_epsilon: f64::NAN,
            ..Options::default()
        }),
        Error::Option { .. }
    ));
    let metric = Some(Metric::Cosine);
    assert!(matches!(
        refused(Options {
            min_samples: 3,
            metric,
            ..Options::default()
        }),
        Error::OtherMetric { .. }
    ));
    // Counting itself, 5 are 4 others.
    run.cluster(&Options {
        min_samples: 5,
        min_samples_counts_self: true,
        ..Options::default()
    })
    .unwrap();
}

#[test]
fn vectors_that_are_not_those_of_the_lists_are_refused() {
    let run = Run::new(groups(200), 2, 5);
    let other: Vec<f32> = groups(200).iter().map(|x| x * 3.0).collect();
    Embeddings::new(2, other)
        .write(&run.path("embeddings.parquet"), &Footer::default())
        .unwrap();
    let exact = Options {
        tree: Tree::Exact,
        ..Options::default()
    };
    assert!(matches!(
        run.cluster(&exact),
        Err(Error::OtherVectors { .. })
    ));
    Embeddings::new(2, groups(199))
        .write(&run.path("embeddings.parquet"), &Footer::default())
        .unwrap();
    assert!(matches!(
        run.cluster(&exact),
        Err(Error::Rows {
            found: 199,
            n: 200,
            ..
        })
    ));
}

#[test]
fn tiny_tables_work() {
    for n in 3..8 {
        let run = Run::new(groups(n), 2, n - 1);
        let report = run
            .cluster(&Options {
                min_cluster_size: 2,
                ..Options::default()
            })
            .unwrap();
        assert_eq!(report.rows, n);
    }
}

#[test]
fn the_hdbscan_crate_agrees_where_nothing_ties() {
    let run = Run::new(groups(500), 2, 60);
    let ours = run
        .cluster(&Options {
            tree: Tree::Exact,
            ..Options::default()
        })
        .unwrap();
    let options = Options {
        tree: Tree::Exact,
        engine: Engine::Hdbscan,
        ..Options::default()
    };
    let theirs = run.cluster(&options).unwrap();
    assert!(theirs.agreement.unwrap() > 0.95, "{theirs}");
    assert_eq!(ours.clusters, theirs.clusters);
}

#[test]
fn half_of_the_rows_may_be_copies() {
    let mut values = groups(400);
    let copies = values.clone();
    values.extend(copies);
    // And one point stands a hundred times more, which is more than the lists hold.
    values.extend([3.0, 3.0].repeat(100));
    let run = Run::new(values, 2, 15);
    for tree in [Tree::Graph, Tree::Exact] {
        let report = run
            .cluster(&Options {
                tree,
                ..Options::default()
            })
            .unwrap();
        assert_eq!(report.copies, 400 + 99);
        let tree = CondensedTree::read(&run.path("condensed_tree.parquet")).unwrap();
        assert!(tree.lambda.iter().all(|lambda| lambda.is_finite()));
        let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap();
        assert!(
            clusters
                .probability
                .iter()
                .chain(&clusters.outlier_score)
                .all(|value| (0.0..=1.0).contains(value))
        );
        for i in 0..400 {
            assert_eq!(
                clusters.cluster[i],
                clusters.cluster[400 + i],
                "a copy goes where its first goes"
            );
        }
        let of_heap = &clusters.cluster[800..];
        assert!(
            of_heap
                .iter()
                .all(|&cluster| cluster >= 0 && cluster == of_heap[0])
        );
    }
}

#[test]
fn a_missing_file_is_named() {
    let files = Files::standard(
        Path::new("/no/such/place"),
        Cluster::INPUTS.iter().chain(Cluster::OUTPUTS),
    );
    let error = Cluster::run(
        &files,
        &Options::default(),
        &NoLocal::default(),
        Seed(1),
        &Silent,
    )
    .unwrap_err();
    assert!(error.to_string().contains("/no/such/place"), "{error}");
}
