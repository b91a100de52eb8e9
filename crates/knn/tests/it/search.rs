//! Between the files: limits, warnings, rows set apart, what is measured and said.

use std::sync::Mutex;

use knn::{BackendKind, BadRows, Error, Lists, Local, Options, Report};
use stage::{Hint, Progress, Seed, Silent};
use test_support::uniform;
use vectors::Metric;

use crate::data::{options, topics};

/// Keeps what was said.
#[derive(Default)]
pub(crate) struct Heard {
    notes: Mutex<Vec<String>>,
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl Progress for Heard {
    fn begin(&self, _: &str, _: Option<u64>, _: &'static str) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn note(&self, text: &str) {
        self.notes.lock().unwrap().push(text.to_owned());
    }
    fn warn(&self, text: &str) {
        self.warnings.lock().unwrap().push(text.to_owned());
    }
}

/// Searches with nobody listening and no limit.
fn search(values: &[f32], d: usize, options: &Options) -> Result<(Lists, Report), Error> {
    let local = Local::default();
    knn::search(values.to_vec(), d, "", options, &local, Seed(0), &Silent)
}

#[test]
fn k_of_all_and_more_becomes_all_others_and_is_said() {
    let heard = Heard::default();
    let values = uniform(4 * 3, 1);
    let (lists, report) = knn::search(
        values,
        3,
        "",
        &Options::default(),
        &Local::default(),
        Seed(0),
        &heard,
    )
    .unwrap();
    assert_eq!((report.k, lists.ids.len()), (3, 12));
    assert!(heard.warnings.lock().unwrap()[0].contains("k is 3, not 50"));
    // What concerns this machine is told, and stands in no file.
    assert!(heard.notes.lock().unwrap()[0].starts_with("kernel "));
}

#[test]
fn one_row_has_no_neighbors() {
    let error = search(&[1.0, 2.0], 2, &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "1 rows have no neighbors");
    let isolate = Options {
        bad_rows: BadRows::Isolate,
        ..Options::default()
    };
    let error = search(&[1.0, 0.0, f32::NAN], 1, &isolate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 rows have no neighbors (2 rows set apart: 1 of zeros, 1 with NaN or infinity)"
    );
}

#[test]
fn rows_that_cannot_be_searched_are_refused_by_name_or_set_apart() {
    let mut values = uniform(10 * 3, 2);
    values[12..15].fill(0.0);
    let refuse = Options {
        k: 2,
        ..Options::default()
    };
    let error = search(&values, 3, &refuse).unwrap_err();
    assert!(error.to_string().contains("row 4"), "{error}");
    let l2 = Options {
        metric: Metric::L2,
        ..refuse.clone()
    };
    assert_eq!(search(&values, 3, &l2).unwrap().1.isolated, 0);

    values[22] = f32::NEG_INFINITY;
    let error = search(&values, 3, &l2).unwrap_err();
    assert!(error.to_string().contains("row 7"), "{error}");
    let isolate = Options {
        bad_rows: BadRows::Isolate,
        ..refuse
    };
    let (lists, report) = search(&values, 3, &isolate).unwrap();
    assert_eq!(
        (report.rows, report.isolated, report.not_finite),
        (10, 2, 1)
    );
    for apart in [4, 7] {
        assert_eq!(&lists.ids[2 * apart..][..2], [0, 1]);
        assert_eq!(&lists.distances[2 * apart..][..2], [1.0, 1.0]);
        assert!(!lists.ids.contains(&(apart as u32)));
    }
    assert!(report.to_string().contains("1 of zeros, 1 with NaN"));
}

/// Rows set apart list rows that they have nothing to do with: nothing of the graph may hang on that.
#[test]
fn rows_set_apart_are_no_part_of_the_graph() {
    let values = topics(300, 8, 5, 4);
    let plain = options(BackendKind::Flat, Metric::Cosine, 5);
    let (lists, report) = search(&values, 8, &plain).unwrap();
    let mut more = values.clone();
    more.extend([0.0; 8 * 40]);
    let isolate = Options {
        bad_rows: BadRows::Isolate,
        ..plain
    };
    let (with_more, report_with_more) = search(&more, 8, &isolate).unwrap();
    assert_eq!(with_more.ids[..1500], lists.ids);
    assert_eq!(report_with_more.isolated, 40);
    assert_eq!(report_with_more.shape, report.shape);
}

#[test]
fn a_limit_is_kept_before_work_begins() {
    let values = uniform(500 * 8, 3);
    let local = Local {
        memory_limit: Some("1MiB".parse().unwrap()),
    };
    let error =
        knn::search(values, 8, "", &Options::default(), &local, Seed(0), &Silent).unwrap_err();
    assert!(matches!(error, Error::Memory { n: 500, .. }));
    assert!(
        error.to_string().contains("needs about") && error.hint().unwrap().contains("allow"),
        "{error}"
    );
}

#[test]
fn proven_answers_are_not_measured_unless_asked() {
    let values = topics(300, 8, 5, 4);
    let plain = options(BackendKind::Flat, Metric::Cosine, 5);
    let (_, report) = search(&values, 8, &plain).unwrap();
    assert!(report.certified && report.recall.is_none());
    let asked = Options {
        recall_sample: Some(50),
        ..plain
    };
    let (_, report) = search(&values, 8, &asked).unwrap();
    let recall = report.recall.unwrap();
    assert_eq!(
        (recall.recall, recall.sample, recall.distance_error),
        (1.0, 50, 0.0)
    );
}

#[test]
fn facts_hold_no_machine() {
    let values = topics(300, 8, 5, 4);
    let partitioned = options(BackendKind::Partitioned, Metric::Cosine, 5);
    let (_, report) = search(&values, 8, &partitioned).unwrap();
    let facts = report.facts();
    assert_eq!(facts.certified, Some(false));
    assert_eq!(facts.backend.as_deref(), Some("partitioned"));
    let recall = facts.recall.as_ref().unwrap();
    assert!(recall.low <= recall.recall);
    assert!(!artifacts::facts_object(&facts).contains_key("estimated_bytes"));
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
