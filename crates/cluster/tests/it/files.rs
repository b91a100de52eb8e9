//! The stage from file to file.

use std::path::{Path, PathBuf};

use artifacts::{
    ClusterInfo, Clusters, CondensedTree, Embeddings, Footer, Membership, Mst, Neighbors,
    SingleLinkage, Stored,
};
use cluster::{Cluster, Error, Options, Report, Tree};
use exact_knn::{Metric, Points};
use stage::{Files, Hint, NoLocal, Seed, Silent, Stage};

/// A directory that goes when the test does.
pub(crate) struct Run {
    dir: tempfile::TempDir,
}

impl Run {
    /// Neighbors and embeddings of `values` under L2.
    pub(crate) fn new(values: Vec<f32>, d: usize, k: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let points = Points::new(&values, d).unwrap();
        let (knn, _) = exact_knn::knn(points, Metric::L2, k, &|_| ()).unwrap();
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
fn files_of_a_run_are_consistent() {
    let run = Run::new(groups(600), 2, 15);
    let options = Options {
        layers: 3,
        membership: 2,
        bootstrap: 20,
        assign_noise: Some(cluster::Assign::Nearest),
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
        // Each cluster is whole in its parent.
        let above = clusters.layers.get((row.layer + 1) as usize);
        for (i, _) in labels
            .iter()
            .enumerate()
            .filter(|(_, label)| **label == row.cluster)
        {
            assert_eq!(above.map_or(-1, |above| above[i]), row.parent);
        }
    }
    for (i, _) in clusters
        .cluster
        .iter()
        .enumerate()
        .filter(|(_, cluster)| **cluster < 0)
    {
        assert!(clusters.layers.iter().all(|layer| layer[i] == -1));
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

/// Twelve round groups of 40 points in four far corners.
fn corners() -> Vec<f32> {
    let mut values = Vec::new();
    for i in 0..480 {
        let mut stream = Seed(13).stream("test/corners", i as u64);
        let mut normal = || (0..12).map(|_| stream.next_f32()).sum::<f32>() - 6.0;
        let (corner, group) = (i % 4, i / 4 % 3);
        let x = [0.0, 300.0, 40.0, 340.0][corner] + [0.0, 10.0, 5.0][group] + normal();
        let y = [0.0, 20.0, 310.0, 330.0][corner] + [0.0, 0.0, 9.0][group] + normal();
        values.extend([x, y]);
    }
    values
}

#[test]
fn layers_are_written_by_default() {
    let run = Run::new(corners(), 2, 15);
    let report = run
        .cluster(&Options {
            min_cluster_size: 15,
            ..Options::default()
        })
        .unwrap();
    assert_eq!(
        (report.clusters, &report.layers[..]),
        (12, &[4][..]),
        "{report}"
    );
    let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap();
    for (i, &label) in clusters.layers[0]
        .iter()
        .enumerate()
        .filter(|(_, label)| **label >= 0)
    {
        assert_eq!(
            label,
            clusters.layers[0][i % 4],
            "a corner is one cluster above"
        );
    }
    let info = ClusterInfo::read(&run.path("cluster_info.parquet")).unwrap();
    let parents = |layer: i32| -> Vec<i32> {
        let rows = info.rows.iter().filter(|row| row.layer == layer);
        rows.map(|row| row.parent).collect()
    };
    for corner in 0..4 {
        assert_eq!(
            parents(-1)
                .iter()
                .filter(|&&parent| parent == corner)
                .count(),
            3
        );
    }
    assert_eq!(parents(0), [-1; 4]);
}

#[test]
fn the_same_bytes_at_one_and_two_threads() {
    // From 4,096 rows on a pass over a part of them goes before the exact tree.
    for n in [700, 5_000] {
        same_bytes(n);
    }
}

fn same_bytes(n: usize) {
    let run = Run::new(groups(n), 2, 6);
    let options = Options {
        layers: 2,
        membership: 2,
        bootstrap: 20,
        tree: Tree::Exact,
        assign_noise: Some(cluster::Assign::Soft),
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
fn embeddings_are_read_only_if_needed() {
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
fn a_disconnected_graph_is_joined_with_the_embeddings() {
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
fn impossible_options_are_refused_with_a_hint() {
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
            itself: false,
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
            min_cluster_size: 10,
            max_cluster_size: 9,
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
    let few = refused(Options {
        min_samples: 9,
        min_samples_counts_self: true,
        ..Options::default()
    });
    assert_eq!(
        few.to_string(),
        "min_samples is 9 with the row itself, but each row has 4 neighbors"
    );
    let hint = few.hint().unwrap();
    assert!(
        hint.contains("--min-samples 5`") && hint.contains("--k 8`"),
        "{hint}"
    );
    // Files count in signed numbers of four bytes; and a size of nothing is no size.
    let most = 1_usize << 31;
    for options in [
        Options {
            min_cluster_size: most,
            ..Options::default()
        },
        Options {
            min_cluster_size: 1 << 32,
            ..Options::default()
        },
        Options {
            min_samples: most,
            ..Options::default()
        },
        Options {
            use_k: Some(most),
            ..Options::default()
        },
        Options {
            max_cluster_size: most,
            ..Options::default()
        },
        Options {
            exemplars: most,
            ..Options::default()
        },
        Options {
            layers: most,
            ..Options::default()
        },
        Options {
            membership: most,
            ..Options::default()
        },
        Options {
            bootstrap: 19,
            ..Options::default()
        },
        Options {
            bootstrap: 1_001,
            ..Options::default()
        },
        Options {
            use_k: Some(0),
            ..Options::default()
        },
    ] {
        assert!(matches!(refused(options), Error::Option { .. }));
    }
    // Counting itself, 5 are 4 others.
    run.cluster(&Options {
        min_samples: 5,
        min_samples_counts_self: true,
        ..Options::default()
    })
    .unwrap();
}

#[test]
fn vectors_that_contradict_the_neighbor_lists_are_refused() {
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

/// Other programs write `1 - cos` of copies a little below zero; what lies further below is no distance.
#[test]
fn only_rounding_errors_below_zero_are_clamped() {
    let run = Run::new(groups(100), 2, 20);
    let path = run.path("neighbors.parquet");
    let cluster = || run.cluster(&Options::default());
    let plain = cluster().unwrap().clusters;
    let lowered = |by: f32| {
        let Stored { mut value, footer } = Neighbors::read(&path).unwrap();
        value.distances[0] = -by;
        value.write(&path, &footer.unwrap()).unwrap();
    };
    lowered(1e-7);
    assert_eq!(cluster().unwrap().clusters, plain);
    lowered(1e-3);
    let Err(Error::Lists { fault, .. }) = cluster() else {
        panic!("it is no distance");
    };
    assert!(fault.to_string().contains("-0.001"), "{fault}");
}

#[test]
fn tiny_tables_are_clustered() {
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
fn fifty_thousand_copies_are_clustered() {
    let mut values = groups(50_000);
    values.extend(values.clone());
    let run = Run::new(values, 2, 15);
    let report = run
        .cluster(&Options {
            membership: 2,
            ..Options::default()
        })
        .unwrap();
    assert_eq!((report.rows, report.copies), (100_000, 50_000));
    assert!(report.clusters >= 5, "{report}");
    let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap();
    let (first, copies) = clusters.cluster.split_at(50_000);
    assert!(first == copies, "a copy goes where its first goes");
    let (first, copies) = clusters.probability.split_at(50_000);
    assert!(first == copies, "and as firmly");
    let tree = CondensedTree::read(&run.path("condensed_tree.parquet")).unwrap();
    assert!(tree.lambda.iter().all(|lambda| lambda.is_finite()));
    let linkage = SingleLinkage::read(&run.path("single_linkage.parquet")).unwrap();
    assert!(linkage.distance.iter().all(|distance| distance.is_finite()));
    let share = |value: &f32| (0.0..=1.0).contains(value);
    assert!(
        clusters
            .probability
            .iter()
            .chain(&clusters.outlier_score)
            .all(share)
    );
    let membership = Membership::read(&run.path("membership.parquet")).unwrap();
    assert!(membership.memberships.iter().flatten().all(share));
}

#[test]
fn duplicates_of_half_of_the_rows_are_clustered() {
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
