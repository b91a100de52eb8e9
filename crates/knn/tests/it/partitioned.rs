//! What `partitioned` promises beyond the contract: the target is aimed at, and the work is less than all pairs.

use knn::{BackendKind, Options};
use vectors::Metric;

use crate::data::{ask, options, topics, uniform};

#[test]
fn refinement_goes_on_until_the_target() {
    let values = uniform(4000, 12, 9);
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
