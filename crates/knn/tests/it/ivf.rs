//! The inverted file beyond the contract: it reaches the target recall with less work than all pairs.

use exact_knn::Metric;
use knn::{BackendKind, Options};
use test_support::uniform;

use crate::data::{options, search, search_with, topics};
use crate::search::Recorder;

#[test]
fn rounds_go_on_until_the_target() {
    let values = uniform(4000 * 12, 9);
    let few = Options {
        nprobe: 2,
        max_rounds: 0,
        ..options(BackendKind::Ivf, Metric::L2, 10)
    };
    let rough = search(&values, 12, &few).unwrap();
    assert_eq!(rough.facts["rounds"].as_array().unwrap().len(), 1);
    let refined = search(
        &values,
        12,
        &Options {
            max_rounds: 8,
            ..few
        },
    )
    .unwrap();
    let rounds = refined.facts["rounds"].as_array().unwrap();
    assert!(
        rounds.len() > 1,
        "the target was reached without: make it harder"
    );
    assert!(
        rounds.last().unwrap()["recall"].as_f64().unwrap() >= 0.95,
        "{rounds:?}"
    );
}

/// The warning uses the same bound of recall as the rounds.
#[test]
fn a_recall_short_of_the_target_is_a_warning() {
    let values = uniform(4000 * 12, 9);
    let (mut warned, mut silent) = (0, 0);
    for max_rounds in 0..5 {
        let few = Options {
            nprobe: 2,
            max_rounds,
            ..options(BackendKind::Ivf, Metric::L2, 10)
        };
        let recorder = Recorder::default();
        let output = search_with(&values, 12, &few, &recorder).unwrap();
        let rounds = output.facts["rounds"].as_array().unwrap();
        let low = rounds.last().unwrap()["low"].as_f64().unwrap();
        let warnings = recorder.warnings.lock().unwrap();
        if low < few.target_recall {
            warned += 1;
            assert!(warnings[0].contains("short of the target 0.95"));
        } else {
            silent += 1;
            assert!(warnings.is_empty(), "{warnings:?}");
        }
    }
    assert!(warned > 0 && silent > 0, "{warned} {silent}");
}

#[test]
fn lists_compare_a_share_of_all_pairs() {
    let values = topics(5000, 16, 40, 2);
    let output = search(&values, 16, &options(BackendKind::Ivf, Metric::Cosine, 10)).unwrap();
    let share = output.facts["share_of_all_pairs"].as_f64().unwrap();
    assert!(share < 0.5, "{share}");
    assert!(output.facts["lists"].as_u64().unwrap() > 10);
}

/// Lists with fewer rows than neighbors: incomplete rows are searched exactly.
#[test]
fn incomplete_rows_are_searched_exactly() {
    let values = topics(1500, 16, 9, 6);
    let small = Options {
        list_size: 16,
        max_rounds: 0,
        ..options(BackendKind::Ivf, Metric::Cosine, 20)
    };
    let found = search(&values, 16, &small).unwrap();
    let exact = options(BackendKind::BruteForce, Metric::Cosine, 20);
    let exact = search(&values, 16, &exact).unwrap();
    assert!(found.filled > 0);
    let equal = (0..1500).filter(|&i| found.knn.row(i) == exact.knn.row(i));
    assert!(equal.count() >= found.filled);
}

#[test]
fn a_report_without_a_sample_reaches_the_target_too() {
    let values = uniform(3000 * 12, 9);
    let options = options(BackendKind::Ivf, Metric::L2, 10);
    let expected = search(&values, 12, &options).unwrap();
    for recall_sample in [Some(0), Some(2)] {
        let few = Options {
            recall_sample,
            ..options.clone()
        };
        let output = search(&values, 12, &few).unwrap();
        assert_eq!(output.knn, expected.knn);
        assert_eq!(output.facts, expected.facts);
        assert_eq!(
            output.sample.map_or(0, |sample| sample.rows.len()),
            recall_sample.unwrap()
        );
    }
}
