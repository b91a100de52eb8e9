//! The same bytes at any number of threads and on every kernel, copies or not.

use exact_knn::Points;
use random_streams::Seed;
use umap_layout::{Error, Init, Kernel, Layout, Options, layout};

use crate::data::{graph_of, groups, lay_out};

fn bits(layout: &Layout) -> Vec<u32> {
    layout
        .positions
        .iter()
        .map(|value| value.to_bits())
        .collect()
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
        .install(work)
}

/// 1,500 rows, of which every fifth is a copy of another.
fn with_copies() -> Vec<f32> {
    let d = 8;
    let mut values = groups(1500, d, 10);
    for i in (0..1500).step_by(5) {
        let source = (i / 50) * d;
        values.copy_within(source..source + d, i * d);
    }
    values
}

#[test]
fn threads_do_not_change_the_layout() {
    let values = with_copies();
    let graph = graph_of(&values, 8, 14);
    for init in [Init::Spectral, Init::Pca, Init::Random] {
        let options = Options {
            init,
            epochs: Some(30),
            ..Options::default()
        };
        let run = |threads| {
            on_threads(threads, || {
                lay_out(
                    graph.view(),
                    Some(Points::new(&values, 8).unwrap()),
                    &options,
                    Kernel::best(),
                )
            })
        };
        let one = run(1);
        assert!(one.positions.iter().all(|value| value.is_finite()));
        for threads in [2, 3] {
            assert_eq!(
                bits(&run(threads)),
                bits(&one),
                "{init:?} on {threads} threads"
            );
        }
    }
}

#[test]
fn kernels_do_not_change_the_layout() {
    let values = with_copies();
    let graph = graph_of(&values, 8, 14);
    let kernels = Kernel::all();
    eprintln!(
        "kernels of this machine: {:?}",
        kernels
            .iter()
            .map(|kernel| kernel.name())
            .collect::<Vec<_>>()
    );
    // Each way of holding the columns: two, three, few, many.
    for (components, epochs) in [(2, 200), (3, 40), (5, 40), (16, 20), (17, 20), (100, 4)] {
        for (min_dist, negative_samples) in [(0.1, 5), (0.0, 0), (0.8, 3)] {
            let options = Options {
                components,
                min_dist,
                negative_samples,
                epochs: Some(epochs),
                ..Options::default()
            };
            let portable = bits(&lay_out(graph.view(), None, &options, kernels[0]));
            for &kernel in &kernels[1..] {
                let other = bits(&lay_out(graph.view(), None, &options, kernel));
                assert!(
                    other == portable,
                    "{} in {components} dimensions at min_dist {min_dist}",
                    kernel.name()
                );
            }
        }
    }
}

#[test]
fn copies_are_near_each_other_but_not_equal() {
    let values = with_copies();
    let graph = graph_of(&values, 8, 14);
    let layout = lay_out(graph.view(), None, &Options::default(), Kernel::best());
    let points: &[[f32; 2]] = layout.positions.as_chunks().0;
    // Rows 55 and 60 are copies of row 1.
    assert_eq!(&values[55 * 8..56 * 8], &values[60 * 8..61 * 8]);
    let gap =
        ((points[55][0] - points[60][0]).powi(2) + (points[55][1] - points[60][1]).powi(2)).sqrt();
    assert!(gap > 0.0 && gap < 2.0, "{gap}");
}

#[test]
fn the_seed_changes_the_layout() {
    let values = groups(300, 8, 5);
    let graph = graph_of(&values, 8, 14);
    let options = Options {
        epochs: Some(20),
        ..Options::default()
    };
    let with = |seed| {
        let graph = graph.view();
        layout(&graph, None, &options, Seed(seed), Kernel::best(), &|| {}).unwrap()
    };
    assert_eq!(bits(&with(1)), bits(&with(1)));
    assert_ne!(bits(&with(1)), bits(&with(2)));
}

#[test]
fn the_smallest_inputs_have_a_layout() {
    for n in [3usize, 4, 5, 17] {
        let values = groups(n, 4, 2);
        let graph = graph_of(&values, 4, (n - 1).min(14));
        for init in [Init::Spectral, Init::Pca, Init::Random] {
            for components in [2, 7] {
                let options = Options {
                    init,
                    components,
                    ..Options::default()
                };
                let layout = lay_out(
                    graph.view(),
                    Some(Points::new(&values, 4).unwrap()),
                    &options,
                    Kernel::best(),
                );
                assert_eq!(layout.positions.len(), n * components);
                assert!(
                    layout.positions.iter().all(|value| value.is_finite()),
                    "{n} points, {init:?}, {components}"
                );
            }
        }
    }
}

#[test]
fn invalid_inputs_are_refused_with_a_hint() {
    let values = groups(20, 4, 2);
    let graph = graph_of(&values, 4, 5);
    let points = Points::new(&values[4..], 4).unwrap();
    let refused = |points: Option<Points<'_>>, options: &Options| {
        let graph = graph.view();
        let error = layout(&graph, points, options, Seed(1), Kernel::best(), &|| {}).unwrap_err();
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
        error
    };
    let pca = Options {
        init: Init::Pca,
        ..Options::default()
    };
    assert_eq!(refused(None, &pca), Error::NoPoints);
    assert_eq!(
        refused(Some(points), &pca),
        Error::Rows { points: 19, n: 20 }
    );
    let options = Options {
        components: 1,
        ..Options::default()
    };
    assert!(matches!(
        refused(None, &options),
        Error::Option {
            option: "components",
            ..
        }
    ));
    let spread = Options {
        spread: 1e200,
        ..Options::default()
    };
    assert!(matches!(refused(None, &spread), Error::Curve { .. }));
    let two = graph_of(&values[..8], 4, 1);
    let found = layout(
        &two.view(),
        None,
        &Options::default(),
        Seed(1),
        Kernel::best(),
        &|| {},
    );
    assert_eq!(found.unwrap_err(), Error::TooFewPoints { n: 2 });
}
