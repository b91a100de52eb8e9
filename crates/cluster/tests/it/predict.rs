//! Clusters of new rows, from file to file.

use artifacts::{Clusters, Embeddings, Footer, Predictions};
use cluster::predict::PredictOptions;
use cluster::{Error, Options, Predict, Tree};
use stage::{Files, Hint, NoLocal, Seed, Silent, Stage};

use crate::files::Run;

/// Three squares of points and a few between, by whole numbers that any language divides alike.
fn squares() -> Vec<f32> {
    let share = |number: usize, of: usize| number as f64 / of as f64;
    let point = |i: usize| {
        if i % 10 == 9 {
            [
                share(i * 23 % 89, 89) * 12.0 - 1.0,
                share(i * 41 % 83, 83) * 4.0 - 1.5,
            ]
        } else {
            [
                4.0 * (i % 3) as f64 + share(i * 29 % 53, 53),
                share(i * 31 % 47, 47),
            ]
        }
    };
    (0..90).flat_map(point).map(|x| x as f32).collect()
}

const NEW: [f32; 20] = [
    0.5, 0.5, 4.25, 0.75, 8.5, 0.25, 1.25, 1.25, 2.5, 0.5, 6.25, 0.5, 9.5, 1.5, 20.0, 20.0, 0.0,
    0.0, 4.5, -0.75,
];

/// What hdbscan 0.8.40 says of them: `HDBSCAN(min_samples=4, min_cluster_size=8, prediction_data=True).fit(squares)`,
/// `approximate_predict`.
const THEIRS: [(i32, f64); 10] = [
    (1, 1.0),
    (2, 0.693_588_076_598_002_5),
    (0, 1.0),
    (1, 0.306_917_974_357_595_66),
    (2, 0.139_834_134_934_815_4),
    (2, 0.151_228_761_675_574_25),
    (0, 0.360_812_380_214_180_05),
    (-1, 0.0),
    (1, 0.396_162_521_071_012_2),
    (2, 0.244_335_314_125_524_56),
];

fn old() -> Run {
    let run = Run::new(squares(), 2, 20);
    run.cluster(&Options {
        min_samples: 4,
        min_cluster_size: 8,
        tree: Tree::Exact,
        ..Options::default()
    })
    .unwrap();
    run
}

/// Predicts rows of `d` values.
fn predict(run: &Run, d: usize, new: &[f32], footer: &Footer) -> Result<Predictions, Error> {
    let source = run.path("new.parquet");
    Embeddings::new(d, new.to_vec())
        .write(&source, footer)
        .unwrap();
    let dir = run.path("clusters.parquet");
    let files = Files::standard(
        dir.parent().unwrap(),
        Predict::INPUTS.iter().chain(Predict::OUTPUTS),
    )
    .with_sources(vec![source.to_string_lossy().into_owned()]);
    let options = PredictOptions::default();
    let report = Predict::run(&files, &options, &NoLocal::default(), Seed(1), &Silent)?;
    let stored = Predictions::read(&run.path("predictions.parquet")).unwrap();
    assert_eq!(report.rows, stored.len());
    assert_eq!(
        report.in_clusters,
        stored.cluster.iter().filter(|&&c| c >= 0).count()
    );
    let inputs = &stored.footer.as_ref().unwrap().inputs;
    assert!(inputs.contains_key("new") && inputs.contains_key("condensed_tree"));
    Ok(stored.value)
}

#[test]
fn predictions_equal_those_of_hdbscan() {
    let run = old();
    let found = predict(&run, 2, &NEW, &Footer::default()).unwrap();
    let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap();
    // The clusters may be numbered otherwise: row 0 is in hdbscan's cluster 1, row 1 in 2, row 2 in 0.
    let ours = [
        clusters.cluster[2],
        clusters.cluster[0],
        clusters.cluster[1],
    ];
    for (row, (label, probability)) in THEIRS.into_iter().enumerate() {
        let expected = if label < 0 { -1 } else { ours[label as usize] };
        assert_eq!(found.cluster[row], expected, "row {row}");
        let off = (f64::from(found.probability[row]) - probability).abs();
        assert!(
            off < 1e-5,
            "row {row}: {} for {probability}",
            found.probability[row]
        );
        // Noise has a nearest cluster, too.
        assert!(found.nearest_cluster[row] >= 0);
        assert!(found.nearest_distance[row].is_some_and(|distance| distance >= 0.0));
    }
    // (20, 20) is nearest to the last square.
    assert_eq!(found.nearest_cluster[7], ours[0]);
}

#[test]
fn predictions_do_not_depend_on_the_other_rows() {
    let run = old();
    let together = predict(&run, 2, &NEW, &Footer::default()).unwrap();
    for (row, new) in NEW.chunks(2).enumerate() {
        let alone = predict(&run, 2, new, &Footer::default()).unwrap();
        assert_eq!(alone.cluster[0], together.cluster[row]);
        assert_eq!(alone.probability[0], together.probability[row]);
        assert_eq!(alone.neighbor[0], together.neighbor[row]);
        assert_eq!(alone.nearest_cluster[0], together.nearest_cluster[row]);
        assert_eq!(alone.nearest_distance[0], together.nearest_distance[row]);
    }
}

#[test]
fn training_rows_are_predicted_into_their_clusters() {
    let run = old();
    let found = predict(&run, 2, &squares(), &Footer::default()).unwrap();
    let clusters = Clusters::read(&run.path("clusters.parquet")).unwrap();
    assert_eq!(found.cluster, clusters.cluster);
    for (row, (found, old)) in found
        .probability
        .iter()
        .zip(&clusters.probability)
        .enumerate()
    {
        assert!((found - old).abs() < 1e-6, "row {row}: {found} for {old}");
    }
}

#[test]
fn incomparable_files_are_refused_with_a_hint() {
    let run = old();
    let refused = |run: &Run, d: usize, new: &[f32], footer: &Footer| {
        let error = predict(run, d, new, footer).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error
    };
    let plain = Footer::default();
    assert!(matches!(
        refused(&run, 3, &[1.0, 2.0, 3.0], &plain),
        Error::Dimensions {
            found: 3,
            expected: 2,
            ..
        }
    ));
    let mut other = Footer::default();
    other
        .inputs
        .insert("model".to_owned(), "another".to_owned());
    assert!(matches!(
        refused(&run, 2, &NEW, &other),
        Error::OtherModel { .. }
    ));
    // A tree of other settings.
    let another = old();
    another
        .cluster(&Options {
            min_samples: 4,
            min_cluster_size: 20,
            tree: Tree::Exact,
            ..Options::default()
        })
        .unwrap();
    std::fs::copy(
        another.path("condensed_tree.parquet"),
        run.path("condensed_tree.parquet"),
    )
    .unwrap();
    assert!(matches!(
        refused(&run, 2, &NEW, &plain),
        Error::NotTogether { .. }
    ));
    // Neighbors of other rows.
    let far = Run::new(squares().iter().map(|x| x + 1.0).collect(), 2, 7);
    let run = old();
    std::fs::copy(far.path("neighbors.parquet"), run.path("neighbors.parquet")).unwrap();
    assert!(matches!(
        refused(&run, 2, &NEW, &plain),
        Error::NotTogether { .. }
    ));
}
