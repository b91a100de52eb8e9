//! The stage as a whole, from files to files.

use std::path::Path;

use artifacts::{Embeddings, Footer, Neighbors, Projection};
use project::{Engine, Error, Init, Options, Project};
use stage::{Files, Hint, NoLocal, Seed, Silent, Stage};

use exact_knn::Points;
use test_support::noise;

/// Rows of `d` values around `groups` centers; every tenth row is anywhere.
fn groups(n: usize, d: usize, groups: usize) -> Vec<f32> {
    let (mut values, centers) = (noise(n * d, 1), noise(groups * d, 2));
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        let group = i * 7919 % groups;
        if i % 10 != 9 {
            for (value, center) in row.iter_mut().zip(&centers[group * d..]) {
                *value = center + 0.35 * *value;
            }
        }
    }
    values
}

/// The neighbors of rows of `d` values under L2.
fn neighbors_of(values: &[f32], d: usize, k: usize) -> Neighbors {
    let points = Points::new(values, d).unwrap();
    let (knn, _) = exact_knn::knn(points, exact_knn::Metric::L2, k, &|_| ()).unwrap();
    Neighbors {
        k: knn.k,
        ids: knn.ids,
        distances: knn.distances,
    }
}

const N: usize = 300;
const D: usize = 8;

/// A run directory with neighbors (metric L2) and embeddings.
fn run_dir() -> tempfile::TempDir {
    run_dir_of(groups(N, D, 6))
}

fn run_dir_of(values: Vec<f32>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let footer = Footer {
        metric: Some("l2".to_owned()),
        ..Footer::new("test", serde_json::json!({}), 1)
    };
    neighbors_of(&values, D, 20)
        .write(&dir.path().join("neighbors.parquet"), &footer)
        .unwrap();
    Embeddings::new(D, values)
        .write(&dir.path().join("embeddings.parquet"), &Footer::default())
        .unwrap();
    dir
}

fn files(dir: &Path) -> Files {
    Files::standard(dir, Project::INPUTS.iter().chain(Project::OUTPUTS))
}

fn run(dir: &Path, options: &Options) -> Result<project::Report, Error> {
    Project::run(&files(dir), options, &NoLocal {}, Seed(42), &Silent)
}

/// A cluster of copies would fall apart in a space that pushes them away from each other.
#[test]
fn copies_share_a_place_in_a_space_and_not_on_a_map() {
    let mut values = groups(N, D, 6);
    values.extend_from_within(..50 * D);
    let dir = run_dir_of(values);
    let places = |components: usize| {
        let options = Options {
            components,
            ..Options::default()
        };
        let report = run(dir.path(), &options).unwrap();
        let path = dir.path().join("projection.parquet");
        let places: Vec<Vec<f32>> = if components == 2 {
            let map = Projection::read(&path).unwrap().value;
            map.x
                .into_iter()
                .zip(map.y)
                .map(|(x, y)| vec![x, y])
                .collect()
        } else {
            let space = Embeddings::read(&path).unwrap().value;
            space
                .values()
                .chunks(components)
                .map(<[f32]>::to_vec)
                .collect()
        };
        let same = (0..50).filter(|&i| places[i] == places[N + i]).count();
        (report.gathered, same)
    };
    assert_eq!(places(5), (50, 50));
    assert_eq!(places(2), (0, 0));
}

#[test]
fn a_map_is_written_with_figures_and_a_footer() {
    let dir = run_dir();
    let report = run(dir.path(), &Options::default()).unwrap();
    let projection = Projection::read(&dir.path().join("projection.parquet")).unwrap();
    assert_eq!(projection.len(), N);
    let preserved = projection.preserved.as_ref().unwrap();
    assert!(preserved.iter().all(|share| (0.0..=1.0).contains(share)));
    let mean = preserved.iter().map(|&share| f64::from(share)).sum::<f64>() / N as f64;
    assert!((mean - report.quality.preserved).abs() < 1e-9);
    assert!(report.quality.trustworthiness.unwrap() > 0.9);
    assert_eq!(report.quality.trustworthiness_rows, N);
    let footer = projection.footer.as_ref().unwrap();
    assert_eq!(
        footer.facts::<artifacts::ProjectionFacts>().reproducible,
        Some(true)
    );
    assert_eq!(
        footer.inputs.keys().collect::<Vec<_>>(),
        ["embeddings", "neighbors"]
    );
    assert!(report.to_string().contains("trustworthiness@15"));
}

#[test]
fn the_same_run_writes_the_same_bytes() {
    let dir = run_dir();
    let path = dir.path().join("projection.parquet");
    run(dir.path(), &Options::default()).unwrap();
    let first = std::fs::read(&path).unwrap();
    run(dir.path(), &Options::default()).unwrap();
    assert!(first == std::fs::read(&path).unwrap());
}

#[test]
fn more_dimensions_are_written_as_embeddings() {
    let dir = run_dir();
    let report = run(
        dir.path(),
        &Options {
            components: 5,
            ..Options::default()
        },
    )
    .unwrap();
    let reduced = Embeddings::read(&dir.path().join("projection.parquet")).unwrap();
    assert_eq!((reduced.len(), reduced.dim()), (N, 5));
    assert!(report.quality.preserved > 0.3);
}

#[test]
fn without_embeddings_there_is_a_map_but_no_trustworthiness() {
    let dir = run_dir();
    std::fs::remove_file(dir.path().join("embeddings.parquet")).unwrap();
    let report = run(dir.path(), &Options::default()).unwrap();
    assert_eq!(report.quality.trustworthiness, None);
    let error = run(
        dir.path(),
        &Options {
            init: Init::Pca,
            ..Options::default()
        },
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`--init pca` needs the embeddings, but none were given"
    );
    assert!(error.hint().is_some());
}

#[test]
fn n_neighbors_counts_the_point_and_is_cut_to_the_file() {
    let dir = run_dir();
    assert_eq!(
        run(
            dir.path(),
            &Options {
                n_neighbors: 21,
                epochs: Some(5),
                ..Options::default()
            }
        )
        .unwrap()
        .n_neighbors,
        21
    );
    assert_eq!(
        run(
            dir.path(),
            &Options {
                n_neighbors: 80,
                epochs: Some(5),
                ..Options::default()
            }
        )
        .unwrap()
        .n_neighbors,
        21
    );
}

#[test]
fn files_of_different_runs_are_refused() {
    let dir = run_dir();
    Embeddings::new(D, vec![1.0; D * 7])
        .write(&dir.path().join("embeddings.parquet"), &Footer::default())
        .unwrap();
    assert!(matches!(
        run(dir.path(), &Options::default()),
        Err(Error::Rows {
            embeddings: 7,
            neighbors: N,
            ..
        })
    ));
}

#[test]
fn options_that_mean_nothing_are_refused_by_name() {
    let dir = run_dir();
    let wrong = [
        (
            Options {
                n_neighbors: 1,
                ..Options::default()
            },
            "--n-neighbors",
        ),
        (
            Options {
                components: 1,
                ..Options::default()
            },
            "--components",
        ),
        (
            Options {
                components: 101,
                ..Options::default()
            },
            "--components",
        ),
        (
            Options {
                min_dist: 2.0,
                ..Options::default()
            },
            "--min-dist",
        ),
        (
            Options {
                min_dist: f64::NAN,
                ..Options::default()
            },
            "--min-dist",
        ),
        (
            Options {
                spread: 0.0,
                ..Options::default()
            },
            "--spread",
        ),
        (
            Options {
                epochs: Some(0),
                ..Options::default()
            },
            "--epochs",
        ),
        (
            Options {
                learning_rate: Some(-1.0),
                ..Options::default()
            },
            "--learning-rate",
        ),
        (
            Options {
                repulsion: f64::INFINITY,
                ..Options::default()
            },
            "--repulsion",
        ),
    ];
    for (options, flag) in wrong {
        let error = run(dir.path(), &options).unwrap_err();
        assert!(
            error.to_string().contains(flag) && error.hint().is_some(),
            "{error}"
        );
    }
    assert!(!dir.path().join("projection.parquet").exists());
}

#[test]
fn umap_rs_is_used_or_refused_but_never_replaced() {
    let dir = run_dir();
    let options = Options {
        engine: Engine::UmapRs,
        epochs: Some(20),
        ..Options::default()
    };
    let result = run(dir.path(), &options);
    assert_eq!(result.is_ok(), cfg!(feature = "umap-rs"));
    match result {
        Ok(report) => assert!(!report.reproducible),
        Err(error) => assert!(error.hint().unwrap().contains("--features umap-rs")),
    }
    // It is told before a file is read.
    let checked = Project::check(&options, &NoLocal {});
    assert_eq!(checked.is_ok(), cfg!(feature = "umap-rs"));
}

#[cfg(feature = "umap-rs")]
#[test]
fn umap_rs_is_not_asked_for_what_it_panics_on() {
    let dir = tempfile::tempdir().unwrap();
    let values = groups(6, D, 2);
    neighbors_of(&values, D, 5)
        .write(&dir.path().join("neighbors.parquet"), &Footer::default())
        .unwrap();
    let options = Options {
        engine: Engine::UmapRs,
        init: Init::Random,
        epochs: Some(20),
        ..Options::default()
    };
    let error = run(dir.path(), &options).unwrap_err();
    assert!(
        error.to_string().contains("n_neighbors = 6 points"),
        "{error}"
    );
    run(
        dir.path(),
        &Options {
            n_neighbors: 4,
            ..options
        },
    )
    .unwrap();
}
