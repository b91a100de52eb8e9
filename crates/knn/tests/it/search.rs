//! Between the files: limits, warnings, isolated rows, reports.

use std::sync::Mutex;

use exact_knn::{Knn, Metric};
use knn::{BackendKind, BadRows, Error, Local, Options, Report};
use stage::{Hint, Progress, Seed, Silent};
use test_support::uniform;

use crate::data::{options, topics};

/// Records notes and warnings.
#[derive(Default)]
pub(crate) struct Recorder {
    notes: Mutex<Vec<String>>,
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl Progress for Recorder {
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

/// Searches without progress and limit.
fn search(values: &[f32], d: usize, options: &Options) -> Result<(Knn, Report), Error> {
    let local = Local::default();
    knn::search(values.to_vec(), d, "", options, &local, Seed(0), &Silent)
}

#[test]
fn a_k_of_all_rows_or_more_is_reduced_with_a_warning() {
    let recorder = Recorder::default();
    let values = uniform(4 * 3, 1);
    let (found, report) = knn::search(
        values,
        3,
        "",
        &Options::default(),
        &Local::default(),
        Seed(0),
        &recorder,
    )
    .unwrap();
    assert_eq!((report.k, found.ids.len()), (3, 12));
    assert!(recorder.warnings.lock().unwrap()[0].contains("k is 3, not 50"));
    // Facts of this machine are notes, and in no file.
    assert!(recorder.notes.lock().unwrap()[0].starts_with("kernel "));
}

#[test]
fn one_row_has_no_neighbors() {
    let error = search(&[1.0, 2.0], 2, &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "a table of 1 row has no neighbors");
    let isolate = Options {
        bad_rows: BadRows::Isolate,
        ..Options::default()
    };
    let error = search(&[1.0, 0.0, f32::NAN], 1, &isolate).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a table of 1 row has no neighbors (2 rows isolated: 1 of zeros, 1 with NaN or infinity)"
    );
}

#[test]
fn invalid_rows_are_refused_by_number_or_isolated() {
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
    let (found, report) = search(&values, 3, &isolate).unwrap();
    assert_eq!(
        (report.rows, report.isolated, report.not_finite),
        (10, 2, 1)
    );
    for row in [4, 7] {
        assert_eq!(&found.ids[2 * row..][..2], [0, 1]);
        assert_eq!(&found.distances[2 * row..][..2], [1.0, 1.0]);
        assert!(!found.ids.contains(&(row as u32)));
    }
    assert!(report.to_string().contains("1 of zeros, 1 with NaN"));
}

/// The lists of isolated rows mean nothing: statistics of the graph must not depend on them.
#[test]
fn isolated_rows_have_no_neighbors() {
    let values = topics(300, 8, 5, 4);
    let plain = options(BackendKind::BruteForce, Metric::Cosine, 5);
    let (found, report) = search(&values, 8, &plain).unwrap();
    let mut more = values.clone();
    more.extend([0.0; 8 * 40]);
    let isolate = Options {
        bad_rows: BadRows::Isolate,
        ..plain
    };
    let (with_more, report_with_more) = search(&more, 8, &isolate).unwrap();
    assert_eq!(with_more.ids[..1500], found.ids);
    assert_eq!(report_with_more.isolated, 40);
    assert_eq!(report_with_more.graph, report.graph);
}

#[test]
fn the_memory_limit_is_checked_before_work_begins() {
    let values = uniform(500 * 8, 3);
    let local = Local {
        memory_limit: Some("1MiB".parse().unwrap()),
        ..Local::default()
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
fn recall_of_proven_neighbors_is_measured_only_on_request() {
    let values = topics(300, 8, 5, 4);
    let plain = options(BackendKind::BruteForce, Metric::Cosine, 5);
    let (_, report) = search(&values, 8, &plain).unwrap();
    assert!(report.certified && report.recall.is_none());
    let sampled = Options {
        recall_sample: Some(50),
        ..plain
    };
    let (_, report) = search(&values, 8, &sampled).unwrap();
    let recall = report.recall.unwrap();
    assert_eq!(
        (recall.recall, recall.sample, recall.distance_error),
        (1.0, 50, 0.0)
    );
}

#[test]
fn facts_do_not_depend_on_the_machine() {
    let values = topics(300, 8, 5, 4);
    let ivf = options(BackendKind::Ivf, Metric::Cosine, 5);
    let (_, report) = search(&values, 8, &ivf).unwrap();
    let facts = report.facts();
    assert_eq!(facts.certified, Some(false));
    assert_eq!(facts.backend.as_deref(), Some("partitioned"));
    let recall = facts.recall.as_ref().unwrap();
    assert!(recall.low <= recall.recall);
    assert!(!artifacts::facts_object(&facts).contains_key("estimated_bytes"));
    assert!(report.to_string().contains("recall@5"));
}

#[test]
fn invalid_options_are_refused() {
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
                nprobe: 1,
                ..Options::default()
            },
            "--nprobe",
        ),
    ] {
        assert!(options.check().unwrap_err().to_string().starts_with(flag));
    }
}
