//! What helps to choose and to judge: sweep, stability, prediction, membership.

use cluster::core_distance::core_distances;
use cluster::flat::flat;
use cluster::hierarchy::{Beyond, hierarchy};
use cluster::predict::Predictor;
use cluster::sweep::{Range, SweepOptions, picture, sweep};
use cluster::{Cluster, Error, Options, Sweep, Tree};
use graph::Lists;
use stage::{Files, NoLocal, Seed, Silent, Stage};
use vectors::{Knn, Metric, Points, Search};

use crate::files::{Run, groups};

/// Lists are all there is.
const NOTHING: Beyond<'_, '_> = Beyond {
    points: &|why| {
        Err(Error::NoEmbeddings {
            why: why.to_owned(),
        })
    },
    isolated: 0,
    watch: &|_| true,
};

fn knn(values: &[f32], d: usize, k: usize) -> Knn {
    vectors::knn(
        Points::new(values, d).unwrap(),
        Metric::L2,
        k,
        &Search::default(),
        &|_| true,
    )
    .unwrap()
    .0
}

#[test]
fn every_row_of_a_sweep_is_a_fresh_run() {
    let run = Run::new(groups(600), 2, 12);
    let options = SweepOptions {
        min_cluster_sizes: "15,40,100".parse().unwrap(),
        min_samples: "3,8".parse().unwrap(),
        ..SweepOptions::default()
    };
    let dir = run.path("neighbors.parquet");
    let files = Files::standard(
        dir.parent().unwrap(),
        Sweep::INPUTS.iter().chain(Sweep::OUTPUTS),
    );
    let report = Sweep::run(&files, &options, &NoLocal::default(), Seed(1), &Silent).unwrap();
    assert_eq!(report.settings.len(), 6);
    for row in &report.settings[..2] {
        let fresh = run
            .cluster(&options.at(row.min_samples, row.min_cluster_size))
            .unwrap();
        assert_eq!(row.clusters, fresh.clusters);
        assert_eq!(row.noise, fresh.noise_share);
        assert_eq!(row.largest, fresh.largest);
        assert_eq!(row.validity, fresh.validity);
    }
    let file = artifacts::Sweep::read(&run.path("sweep.parquet")).unwrap();
    assert_eq!(file.rows.len(), 6);
    let svg = std::fs::read_to_string(run.path("sweep.svg")).unwrap();
    assert!(
        svg.starts_with("<svg")
            && svg.ends_with("</svg>")
            && !svg.contains("NaN")
            && !svg.contains("inf")
    );
}

#[test]
fn a_cliff_is_marked() {
    // Twelve tight groups of 20 in two far halves: above 20 only the halves are left.
    let values: Vec<f32> = (0..240)
        .map(|i| {
            (i / 20) as f32 * 3.0
                + if i >= 120 { 100.0 } else { 0.0 }
                + (i % 20) as f32 * 0.01 * (1.0 + (i % 7) as f32)
        })
        .collect();
    let knn = knn(&values, 1, 239);
    let lists = Lists::new(&knn.ids, &knn.distances, knn.k).unwrap();
    let cut = Options {
        selection: cluster::select::Method::Leaf,
        ..Options::default()
    }
    .cut();
    let rows = sweep(
        &lists,
        &[2],
        &[5, 10, 18, 25, 30],
        &cut,
        Tree::Graph,
        &NOTHING,
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
fn ranges_are_read_as_people_write_them() {
    let range = |text: &str| text.parse::<Range>().map(|range| range.values().to_vec());
    assert_eq!(range("5,10, 20").unwrap(), [5, 10, 20]);
    assert_eq!(range("20,5,5").unwrap(), [5, 20]);
    assert_eq!(range("10:1000:3").unwrap(), [10, 100, 1000]);
    assert_eq!(range("7:7:1").unwrap(), [7]);
    for wrong in ["", "a", "5:4:3", "1:2", "0:5:3", "1:5:0", "-3"] {
        assert!(range(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn clear_groups_are_stable_and_noise_is_not() {
    let run = Run::new(groups(800), 2, 20);
    let options = Options {
        bootstrap: 20,
        ..Options::default()
    };
    let verdict = run.cluster(&options).unwrap().stability.unwrap();
    assert!(verdict.stable >= 4, "{verdict:?}");
    // Uniform in ten dimensions: there is nothing to find.
    let noise: Vec<f32> = (0..1500 * 10)
        .map(|at| Seed(3).stream("test/noise", at).next_f32())
        .collect();
    let run = Run::new(noise, 10, 20);
    let verdict = run
        .cluster(&Options {
            min_cluster_size: 5,
            ..options
        })
        .unwrap()
        .stability
        .unwrap();
    assert_eq!(verdict.stable, 0, "{verdict:?}");
    assert!(verdict.sentence.contains("no"), "{}", verdict.sentence);
}

#[test]
fn old_points_are_predicted_where_they_are_and_alone_as_together() {
    let values = groups(600);
    let knn = knn(&values, 2, 20);
    let lists = Lists::new(&knn.ids, &knn.distances, knn.k).unwrap();
    let built = hierarchy(&lists, 5, Tree::Graph, &NOTHING);
    // In pieces without vectors: then take the whole matrix.
    let whole = self::knn(&values, 2, 599);
    let all = Lists::new(&whole.ids, &whole.distances, whole.k).unwrap();
    let built = built.unwrap_or_else(|_| hierarchy(&all, 5, Tree::Graph, &NOTHING).unwrap());
    let found = flat(
        &built.linkage,
        &Options::default().for_documents(2_025).cut(),
    );
    let core = core_distances(&lists, 5);
    let predictor = Predictor::new(&found.condensed, &found.tree, &found.chosen, &core);
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
fn stages_name_their_files_once() {
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
