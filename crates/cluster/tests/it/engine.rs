//! The hdbscan crate as a cross-check.

use cluster::{Engine, Error, Options, Tree};
use stage::Hint;

use crate::files::{Run, groups};

#[test]
fn labels_equal_those_of_the_hdbscan_crate_without_ties() {
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
fn options_that_the_hdbscan_crate_lacks_are_refused() {
    let run = Run::new(groups(100), 2, 20);
    let base = Options {
        engine: Engine::Hdbscan,
        ..Options::default()
    };
    for (option, options) in [
        (
            "--selection",
            Options {
                selection: cluster::Selection::Leaf,
                ..base.clone()
            },
        ),
        (
            "--selection-persistence",
            Options {
                selection_persistence: 0.1,
                ..base.clone()
            },
        ),
        (
            "--membership",
            Options {
                membership: 2,
                ..base.clone()
            },
        ),
        (
            "--assign-noise",
            Options {
                assign_noise: Some(cluster::Assign::Nearest),
                ..base.clone()
            },
        ),
        (
            "--bootstrap",
            Options {
                bootstrap: 20,
                ..base.clone()
            },
        ),
        (
            "--layers",
            Options {
                layers: 2,
                ..base.clone()
            },
        ),
        (
            "--exemplars",
            Options {
                exemplars: 3,
                ..base.clone()
            },
        ),
    ] {
        let error = run.cluster(&options).unwrap_err();
        assert!(matches!(error, Error::LabelsAlone { .. }), "{error}");
        assert!(
            error.hint().unwrap().contains(&format!("`{option}`")),
            "{error}"
        );
    }
    run.cluster(&Options {
        layers: 0,
        exemplars: 0,
        ..base
    })
    .unwrap();
}
