//! What helps to choose and to judge: sweep, stability, membership.

use cluster::sweep::{Range, SweepOptions, picture, sweep};
use cluster::{Cluster, Error, Options, Sweep, Tree};
use exact_knn::{Metric, Points};
use hdbscan_graph::{HierarchyOptions, LazyIndex};
use knn_graph::KnnView;
use stage::{Files, Hint, NoLocal, Seed, Silent, Stage};
use test_support::uniform;

use crate::files::{Run, groups};

/// Sweeps in the directory of `run`.
fn sweep_of(run: &Run, options: &SweepOptions) -> Result<cluster::sweep::SweepReport, Error> {
    let path = run.path("neighbors.parquet");
    let files = Files::standard(
        path.parent().unwrap(),
        Sweep::INPUTS.iter().chain(Sweep::OUTPUTS),
    );
    Sweep::run(&files, options, &NoLocal::default(), Seed(1), &Silent)
}

#[test]
fn every_row_of_a_sweep_equals_a_run_with_its_settings() {
    let run = Run::new(groups(600), 2, 12);
    let base = SweepOptions {
        min_cluster_sizes: "2,15,40,100,5000".parse().unwrap(),
        min_samples: "3,8".parse().unwrap(),
        ..SweepOptions::default()
    };
    for options in [
        base.clone(),
        SweepOptions {
            tree: Tree::Exact,
            ..base.clone()
        },
        SweepOptions {
            use_k: Some(9),
            min_samples_counts_self: true,
            ..base.clone()
        },
        SweepOptions {
            selection: cluster::Selection::Leaf,
            tree: Tree::Exact,
            use_k: Some(8),
            ..base
        },
    ] {
        let report = sweep_of(&run, &options).unwrap();
        assert_eq!(report.settings.len(), 10);
        for row in &report.settings {
            let fresh = run
                .cluster(&options.at(row.min_samples, row.min_cluster_size))
                .unwrap();
            assert_eq!(row.clusters, fresh.clusters);
            assert_eq!(row.noise, fresh.noise_share);
            assert_eq!(row.largest, fresh.largest);
            assert_eq!(row.validity, fresh.validity);
        }
        let file = artifacts::Sweep::read(&run.path("sweep.parquet")).unwrap();
        assert_eq!(file.rows.len(), 10);
        let svg = std::fs::read_to_string(run.path("sweep.svg")).unwrap();
        assert!(
            svg.starts_with("<svg")
                && svg.ends_with("</svg>")
                && !svg.contains("NaN")
                && !svg.contains("inf")
        );
    }
}

#[test]
fn impossible_cluster_sizes_are_not_swept() {
    let run = Run::new(groups(100), 2, 12);
    for sizes in ["0,5", "1,5", "5,4294967296", "5:4294967296:3"] {
        let options = SweepOptions {
            min_cluster_sizes: sizes.parse().unwrap(),
            ..SweepOptions::default()
        };
        let error = sweep_of(&run, &options).unwrap_err();
        assert!(matches!(error, Error::Option { .. }), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn large_changes_between_settings_are_marked() {
    // Twelve tight groups of 20 in two far halves: above 20 only the halves are left.
    let values: Vec<f32> = (0..240)
        .map(|i| {
            (i / 20) as f32 * 3.0
                + if i >= 120 { 100.0 } else { 0.0 }
                + (i % 20) as f32 * 0.01 * (1.0 + (i % 7) as f32)
        })
        .collect();
    let points = Points::new(&values, 1).unwrap();
    let (knn, _) = exact_knn::knn(points, Metric::L2, 239, &|_| ()).unwrap();
    let graph = KnnView::new(&knn.ids, &knn.distances, knn.k).unwrap();
    let flat = Options {
        selection: cluster::Selection::Leaf,
        ..Options::default()
    }
    .flat();
    let rows = sweep(
        &graph,
        &[2],
        &[5, 10, 18, 25, 30],
        &HierarchyOptions::default(),
        &flat,
        &LazyIndex::without_points(),
        &|_| (),
    )
    .unwrap();
    let cliffs: Vec<usize> = rows
        .iter()
        .filter(|row| row.cliff)
        .map(|row| row.min_cluster_size)
        .collect();
    assert_eq!(cliffs, [25], "{rows:?}");
    assert!(picture(&rows, 240).contains("#c00"));
}

#[test]
fn ranges_are_parsed() {
    let range = |text: &str| text.parse::<Range>().map(|range| range.values().to_vec());
    assert_eq!(range("5,10, 20").unwrap(), [5, 10, 20]);
    assert_eq!(range("20,5,5").unwrap(), [5, 20]);
    assert_eq!(range("10:1000:3").unwrap(), [10, 100, 1000]);
    assert_eq!(range("7:7:1").unwrap(), [7]);
    for wrong in ["", "a", "5:4:3", "1:2", "0:5:3", "1:5:0", "-3"] {
        assert!(range(wrong).is_err(), "{wrong}");
    }
}

/// Six round groups of a hundred.
fn blobs(d: usize, seed: u64) -> Vec<f32> {
    let mut values = Vec::new();
    for i in 0..600 {
        let mut stream = Seed(seed).stream("test/blobs", i);
        let blob = (i % 6) as usize;
        for axis in 0..d {
            let center = if axis == blob % d {
                15.0 * (1 + blob / d) as f32
            } else {
                0.0
            };
            values.push(center + (0..12).map(|_| stream.next_f32()).sum::<f32>() - 6.0);
        }
    }
    values
}

/// Clusters, stable ones, and the least and the largest stability.
fn tested(run: &Run, options: &Options) -> (usize, cluster::Verdict, f32, f32) {
    let report = run.cluster(options).unwrap();
    let info = artifacts::ClusterInfo::read(&run.path("cluster_info.parquet")).unwrap();
    let of: Vec<f32> = info.rows.iter().filter_map(|row| row.stability).collect();
    let least = of.iter().copied().fold(1.0, f32::min);
    let largest = of.iter().copied().fold(0.0, f32::max);
    (report.clusters, report.stability.unwrap(), least, largest)
}

#[test]
fn noise_is_unstable_and_separated_groups_are_stable() {
    let base = Options {
        bootstrap: 20,
        layers: 0,
        ..Options::default()
    };
    let leaf = cluster::Selection::Leaf;
    let settings = [
        ("as it is", base.clone()),
        (
            "of 15",
            Options {
                min_cluster_size: 15,
                ..base.clone()
            },
        ),
        (
            "of 30",
            Options {
                min_cluster_size: 30,
                ..base.clone()
            },
        ),
        (
            "over 2",
            Options {
                min_samples: 2,
                ..base.clone()
            },
        ),
        (
            "over 10",
            Options {
                min_samples: 10,
                ..base.clone()
            },
        ),
        (
            "of 5, leaf",
            Options {
                min_cluster_size: 5,
                selection: leaf,
                ..base.clone()
            },
        ),
        (
            "one allowed",
            Options {
                allow_single_cluster: true,
                ..base
            },
        ),
    ];
    let mut wrong = Vec::new();
    for d in [2, 5, 10, 50] {
        for seed in 1..6 {
            let noise = Run::new(uniform(1000 * d, seed), d, 20);
            let groups = Run::new(blobs(d, seed), d, 20);
            for (name, options) in &settings {
                let (clusters, verdict, _, largest) = tested(&noise, options);
                println!(
                    "noise, d={d}, seed {seed}, {name}: {clusters} clusters, {} stable, {largest:.2} at most",
                    verdict.stable
                );
                if verdict.stable > 0 || !verdict.sentence.contains("there are no stable clusters")
                {
                    wrong.push((d, seed, *name, verdict));
                }
                // The leaves of a tree are parts of groups.
                if options.selection == leaf {
                    continue;
                }
                let (clusters, verdict, least, _) = tested(&groups, options);
                println!(
                    "groups, d={d}, seed {seed}, {name}: {clusters} clusters, {} stable, {least:.2} at least",
                    verdict.stable
                );
                if (clusters, verdict.stable) != (6, 6) {
                    wrong.push((d, seed, *name, verdict));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_member_of_a_deep_tree_has_a_membership() {
    // Two groups so tight that the exponential of their depth is no number, and around each a few at 0.3.
    let mut values = Vec::new();
    for i in 0..120 {
        let mut stream = Seed(17).stream("test/deep", i);
        let (x, y) = (stream.next_f32() * 1e-4, stream.next_f32() * 1e-4);
        let center = if i % 2 == 0 { 0.0 } else { 10.0 };
        values.extend(if i < 112 {
            [center + x, y]
        } else {
            [center + x, 0.3 + y]
        });
    }
    let run = Run::new(values, 2, 70);
    let options = Options {
        min_cluster_size: 15,
        membership: 2,
        ..Options::default()
    };
    assert_eq!(run.cluster(&options).unwrap().clusters, 2);
    let clusters = artifacts::Clusters::read(&run.path("clusters.parquet")).unwrap();
    let membership = artifacts::Membership::read(&run.path("membership.parquet")).unwrap();
    for i in 0..120 {
        assert_eq!(clusters.cluster[i], clusters.cluster[i % 2]);
        assert_eq!(
            membership.clusters[i].first(),
            Some(&clusters.cluster[i]),
            "row {i}"
        );
        assert!(
            membership.memberships[i]
                .iter()
                .all(|share| (f32::MIN_POSITIVE..=1.0).contains(share)),
            "row {i}"
        );
    }
}

#[test]
fn file_names_of_stages_are_unique() {
    let names: std::collections::BTreeSet<_> = Cluster::OUTPUTS
        .iter()
        .chain(Sweep::OUTPUTS)
        .map(|file| file.name)
        .collect();
    assert_eq!(names.len(), Cluster::OUTPUTS.len() + Sweep::OUTPUTS.len());
    assert_eq!(Cluster::writes(&Options::default()).len(), 5);
    assert_eq!(
        Cluster::writes(&Options {
            membership: 3,
            ..Options::default()
        })
        .len(),
        6
    );
}
