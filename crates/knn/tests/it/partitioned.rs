//! What `partitioned` promises beyond the contract: the target is aimed at, and the work is less than all pairs.

use knn::{BackendKind, Options};
use test_support::uniform;
use vectors::Metric;

use crate::data::{ask, ask_with, options, topics};
use crate::search::Heard;

#[test]
fn refinement_goes_on_until_the_target() {
    let values = uniform(4000 * 12, 9);
    let few = Options {
        cells_per_row: 2,
        max_rounds: 0,
        ..options(BackendKind::Partitioned, Metric::L2, 10)
    };
    let rough = ask(&values, 12, &few).unwrap();
    assert_eq!(rough.facts["rounds"].as_array().unwrap().len(), 1);
    let refined = ask(
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

/// Who stops short of the target says so, by the bound that the rounds go by: neither more nor less often.
#[test]
fn falling_short_is_judged_as_the_rounds_are() {
    let values = uniform(4000 * 12, 9);
    let (mut warned, mut silent) = (0, 0);
    for max_rounds in 0..5 {
        let asked = Options {
            cells_per_row: 2,
            max_rounds,
            ..options(BackendKind::Partitioned, Metric::L2, 10)
        };
        let heard = Heard::default();
        let answer = ask_with(&values, 12, &asked, &heard).unwrap();
        let rounds = answer.facts["rounds"].as_array().unwrap();
        let low = rounds.last().unwrap()["low"].as_f64().unwrap();
        let warnings = heard.warnings.lock().unwrap();
        if low < asked.target_recall {
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
fn cells_compare_a_share_of_all_pairs() {
    let values = topics(5000, 16, 40, 2);
    let answer = ask(
        &values,
        16,
        &options(BackendKind::Partitioned, Metric::Cosine, 10),
    )
    .unwrap();
    let share = answer.facts["share_of_all_pairs"].as_f64().unwrap();
    assert!(share < 0.5, "{share}");
    assert!(answer.facts["cells"].as_u64().unwrap() > 10);
}

/// Nothing of it is screened with the fast margin: neither the rows that are filled nor the samples.
#[test]
fn the_margin_changes_nothing() {
    let values = topics(1500, 16, 9, 6);
    // Cells with fewer rows than are wanted, so that some rows are filled.
    let guaranteed = Options {
        cell_size: 16,
        max_rounds: 0,
        ..options(BackendKind::Partitioned, Metric::Cosine, 20)
    };
    let fast = Options {
        margin: vectors::Margin::Fast,
        ..guaranteed.clone()
    };
    let (a, b) = (
        ask(&values, 16, &guaranteed).unwrap(),
        ask(&values, 16, &fast).unwrap(),
    );
    assert!(a.filled > 0 && a.filled == b.filled);
    assert_eq!((a.ids, a.distances), (b.ids, b.distances));
}

#[test]
fn a_report_without_a_sample_stops_at_the_target_too() {
    let values = uniform(3000 * 12, 9);
    let asked = options(BackendKind::Partitioned, Metric::L2, 10);
    let expected = ask(&values, 12, &asked).unwrap();
    for recall_sample in [Some(0), Some(2)] {
        let few = Options {
            recall_sample,
            ..asked.clone()
        };
        let answer = ask(&values, 12, &few).unwrap();
        assert_eq!(answer.ids, expected.ids);
        assert_eq!(answer.facts, expected.facts);
        assert_eq!(
            answer.sample.map_or(0, |sample| sample.rows.len()),
            recall_sample.unwrap()
        );
    }
}
