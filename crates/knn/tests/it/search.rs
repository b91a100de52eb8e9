//! Between the files: limits, warnings, rows set apart, what is measured and said.

use std::sync::Mutex;

use knn::{BackendKind, Error, Local, Options, ZeroRows, search};
use stage::{Hint, Progress, Seed, Silent};
use vectors::{Metric, Points};

use crate::data::{options, topics, uniform};

/// Keeps what was said.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn begin(&self, _: &str, _: Option<u64>, _: &'static str) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn note(&self, _: &str) {}
    fn warn(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
fn k_of_all_and_more_becomes_all_others_and_is_said() {
    let heard = Heard::default();
    let values = uniform(4, 3, 1);
    let (lists, report) = search(
        Points::new(&values, 3).unwrap(),
        "",
        &Options::default(),
        &Local::default(),
        Seed(0),
        &heard,
    )
    .unwrap();
    assert_eq!((report.k, lists.ids.len()), (3, 12));
    assert!(heard.0.lock().unwrap()[0].contains("k is 3, not 50"));
}

#[test]
fn one_row_has_no_neighbors() {
    let error = search(
        Points::new(&[1.0, 2.0], 2).unwrap(),
        "",
        &Options::default(),
        &Local::default(),
        Seed(0),
        &Silent,
    )
    .unwrap_err();
    assert!(matches!(error, Error::TooFewRows { n: 1 }));
}

#[test]
fn a_zero_row_is_refused_by_name_or_set_apart() {
    let mut values = uniform(10, 3, 2);
    values[12..15].fill(0.0);
    let points = Points::new(&values, 3).unwrap();
    let refuse = Options {
        k: 2,
        ..Options::default()
    };
    let error = search(points, "", &refuse, &Local::default(), Seed(0), &Silent).unwrap_err();
    assert!(error.to_string().contains("row 4"), "{error}");
    let isolate = Options {
        zero_rows: ZeroRows::Isolate,
        ..refuse.clone()
    };
    let (lists, report) =
        search(points, "", &isolate, &Local::default(), Seed(0), &Silent).unwrap();
    assert_eq!(report.isolated, 1);
    assert_eq!(&lists.ids[8..10], [0, 1]);
    assert_eq!(lists.ids.iter().filter(|&&id| id == 4).count(), 0);
    let l2 = Options {
        metric: Metric::L2,
        ..refuse
    };
    assert_eq!(
        search(points, "", &l2, &Local::default(), Seed(0), &Silent)
            .unwrap()
            .1
            .isolated,
        0
    );
}

#[test]
fn a_limit_is_kept_before_work_begins() {
    let values = uniform(500, 8, 3);
    let local = Local {
        memory_limit: Some("1MiB".parse().unwrap()),
    };
    let error = search(
        Points::new(&values, 8).unwrap(),
        "",
        &Options::default(),
        &local,
        Seed(0),
        &Silent,
    )
    .unwrap_err();
    assert!(matches!(error, Error::Memory { n: 500, .. }));
    assert!(
        error.to_string().contains("needs about") && error.hint().unwrap().contains("allow"),
        "{error}"
    );
}

#[test]
fn proven_answers_are_not_measured_unless_asked() {
    let values = topics(300, 8, 5, 4);
    let points = Points::new(&values, 8).unwrap();
    let plain = options(BackendKind::Flat, Metric::Cosine, 5);
    let (_, report) = search(points, "", &plain, &Local::default(), Seed(0), &Silent).unwrap();
    assert!(report.certified && report.recall.is_none());
    let asked = Options {
        recall_sample: Some(50),
        ..plain
    };
    let (_, report) = search(points, "", &asked, &Local::default(), Seed(0), &Silent).unwrap();
    let recall = report.recall.unwrap();
    assert_eq!(
        (recall.recall, recall.sample, recall.distance_error),
        (1.0, 50, 0.0)
    );
}

#[test]
fn facts_hold_no_machine() {
    let values = topics(300, 8, 5, 4);
    let (_, report) = search(
        Points::new(&values, 8).unwrap(),
        "",
        &options(BackendKind::Partitioned, Metric::Cosine, 5),
        &Local::default(),
        Seed(0),
        &Silent,
    )
    .unwrap();
    let facts = report.facts();
    assert_eq!(facts["certified"], false);
    assert_eq!(facts["backend"], "partitioned");
    assert!(
        facts["recall"]["low"].as_f64().unwrap() <= facts["recall"]["recall"].as_f64().unwrap()
    );
    assert!(!facts.contains_key("notes") && !facts.contains_key("estimated_bytes"));
    assert!(report.to_string().contains("recall@5"));
}

#[test]
fn options_that_mean_nothing_are_refused() {
    for (options, flag) in [
        (
            Options {
                k: 0,
                ..Options::default()
            },
            "--k",
        ),
        (
            Options {
                target_recall: 1.5,
                ..Options::default()
            },
            "--target-recall",
        ),
        (
            Options {
                cells_per_row: 1,
                ..Options::default()
            },
            "--cells-per-row",
        ),
    ] {
        assert!(options.check().unwrap_err().to_string().starts_with(flag));
    }
}
