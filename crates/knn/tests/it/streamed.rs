//! Vectors that stay in their file.

use artifacts::{Embeddings, Footer, VectorFile};
use exact_knn::{Metric, Points};
use knn::exact_search::neighbors_of;
use knn::invalid_rows::isolate_in_file;
use knn::recall::Sample;
use knn::{Error, Vectors};
use stage::{Seed, Silent};

use crate::data::topics;

fn file(d: usize, values: &[f32]) -> (tempfile::TempDir, VectorFile) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("embeddings.parquet");
    Embeddings::new(d, values.to_vec())
        .write(&path, &Footer::default())
        .unwrap();
    let file = VectorFile::open(&path, dir.path()).unwrap().value;
    (dir, file)
}

/// Several batches, of which the last has fewer rows than k.
#[test]
fn the_true_neighbors_are_those_of_a_matrix() {
    let (n, d, k) = (2 * 16_384 + 5, 6, 9);
    let mut values = topics(n, d, 30, 3);
    // Copies, which are ordered by their row.
    let copy = values[..d].to_vec();
    for row in [3, 20_000, n - 1] {
        values[row * d..][..d].copy_from_slice(&copy);
    }
    let (_dir, file) = file(d, &values);
    let streamed = Vectors::File {
        file: &file,
        kept: None,
    };
    let matrix = Vectors::Matrix(Points::new(&values, d).unwrap());
    let rows: Vec<u32> = (0..n as u32).step_by(97).chain([n as u32 - 1]).collect();
    for metric in [Metric::Cosine, Metric::L2, Metric::InnerProduct] {
        let of = |vectors| neighbors_of(vectors, metric, &rows, k, &Silent).unwrap();
        assert!(of(streamed) == of(matrix), "{metric}");
    }
    let sample = |vectors| Sample::draw(vectors, Metric::L2, k, 200, Seed(1), &Silent).unwrap();
    let (one, other) = (sample(streamed), sample(matrix));
    assert!(one.rows == other.rows && one.truth == other.truth);
    let recall = one.recall_of(streamed, Metric::L2, &other.truth).unwrap();
    assert_eq!((recall.recall, recall.distance_error), (1.0, 0.0));
}

#[test]
fn rows_that_cannot_be_searched_are_isolated_or_refused_by_number() {
    let (n, d) = (20_000, 5);
    let mut values = topics(n, d, 7, 2);
    let zeros = [0, 7, 16_384, 19_999];
    for row in zeros {
        values[row * d..][..d].fill(0.0);
    }
    values[17_000 * d + 2] = f32::NAN;
    let (_dir, file) = file(d, &values);
    let vectors = Vectors::File {
        file: &file,
        kept: None,
    };
    let isolation = isolate_in_file(vectors, Metric::Cosine, false)
        .unwrap()
        .unwrap();
    assert_eq!(isolation.isolated, [0, 7, 16_384, 17_000, 19_999]);
    assert_eq!((isolation.faults.zero, isolation.faults.not_finite), (4, 1));
    let kept = Vectors::File {
        file: &file,
        kept: Some(&isolation.kept),
    };
    assert_eq!(kept.n(), n - 5);
    let mut buffer = Vec::new();
    for (row, id) in [(0, 1), (6, 8), (16_381, 16_383), (16_382, 16_385)] {
        assert_eq!((kept.id(row), kept.row_of_id(id)), (id, Some(row)));
        let expected = &values[id as usize * d..][..d];
        assert_eq!(kept.row(row, &mut buffer).unwrap(), expected);
    }
    assert_eq!((kept.row_of_id(7), kept.row_of_id(n as u32)), (None, None));
    let refused = isolate_in_file(vectors, Metric::L2, true).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Search(exact_knn::Error::NotFinite { row: 17_000, .. })
        ),
        "{refused}"
    );
    // A row that no isolation helps, after rows that are isolated.
    values[18_000 * d..][..d].fill(f32::MAX);
    let (_dir, file) = self::file(d, &values);
    let vectors = Vectors::File {
        file: &file,
        kept: None,
    };
    let refused = isolate_in_file(vectors, Metric::L2, false).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Search(exact_knn::Error::TooLong { row: 18_000, .. })
        ),
        "{refused}"
    );
}
