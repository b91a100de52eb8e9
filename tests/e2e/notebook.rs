//! The run that the preset `notebook` is made after, on the texts and vectors it was made with.

use std::collections::BTreeMap;
use std::path::Path;

use artifacts::{Clusters, Embeddings, Mst};
use pipeline_tests::{shared, succeed};

#[test]
fn its_preset_gives_the_tree_of_the_full_matrix_and_its_clusters() {
    let Some(texts) = shared("reference/notebook/notebook.parquet") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let texts = texts.display().to_string();
    let words = [
        "run",
        &texts,
        "--preset",
        "notebook",
        "--vectors",
        "embedding",
        "--columns",
        "notebook_cluster",
        "--out",
        "out",
    ];
    succeed(dir.path(), "skerry", &words);
    let out = dir.path().join("out");
    let found = Clusters::read(&out.join("clusters.parquet")).expect("it reads");
    let theirs = labels(&out.join("documents.parquet"));
    let score = adjusted_rand_index(&found.cluster, &theirs);
    assert!(score >= 0.90, "ARI {score} to the notebook's labels");

    let vectors = Embeddings::read(&out.join("embeddings.parquet")).expect("it reads");
    let mut weights = Mst::read(&out.join("mst.parquet"))
        .expect("it reads")
        .distance
        .clone();
    weights.sort_by(f64::total_cmp);
    let expected = tree_of_the_full_matrix(&vectors, 3);
    assert_eq!(weights.len(), expected.len());
    for (found, expected) in weights.iter().zip(&expected) {
        assert!(
            (found - expected).abs() <= 1e-5 * expected,
            "a weight of {found} instead of {expected}"
        );
    }
}

/// The column `notebook_cluster` that came along with the texts.
fn labels(documents: &Path) -> Vec<i32> {
    use arrow::array::AsArray as _;
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Int32Type};

    let documents = artifacts::Documents::read(documents).expect("it reads");
    let column = documents
        .columns
        .column_by_name("notebook_cluster")
        .expect("the column is kept");
    let column = cast(column, &DataType::Int32).expect("they are numbers");
    column.as_primitive::<Int32Type>().values().to_vec()
}

/// The weights of the spanning tree of all mutual reachabilities, ascending: Prim's algorithm on all pairs in double
/// precision, with the distance to the `min_samples`-th other row as core distance.
fn tree_of_the_full_matrix(vectors: &Embeddings, min_samples: usize) -> Vec<f64> {
    let n = vectors.len();
    let mut matrix = vec![0.0; n * n];
    for row in 0..n {
        for other in 0..row {
            let pairs = vectors.row(row).iter().zip(vectors.row(other));
            let square: f64 = pairs
                .map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2))
                .sum();
            matrix[row * n + other] = square.sqrt();
            matrix[other * n + row] = square.sqrt();
        }
    }
    let core: Vec<f64> = matrix
        .chunks(n)
        .map(|row| {
            let mut row = row.to_vec();
            // The row itself is the first, at zero.
            row.sort_by(f64::total_cmp);
            row[min_samples]
        })
        .collect();
    let mut inside = vec![false; n];
    let mut nearest = vec![f64::INFINITY; n];
    let mut weights = Vec::with_capacity(n - 1);
    let mut last = 0;
    for _ in 1..n {
        inside[last] = true;
        for (other, nearest) in nearest.iter_mut().enumerate() {
            let reach = matrix[last * n + other].max(core[last]).max(core[other]);
            *nearest = nearest.min(reach);
        }
        last = (0..n)
            .filter(|&other| !inside[other])
            .min_by(|&a, &b| nearest[a].total_cmp(&nearest[b]))
            .expect("some are outside");
        weights.push(nearest[last]);
    }
    weights.sort_by(f64::total_cmp);
    weights
}

/// Agreement of two labelings, by pairs and corrected for chance (Hubert and Arabie 1985); noise is one class.
fn adjusted_rand_index(a: &[i32], b: &[i32]) -> f64 {
    fn pairs<K: Ord>(labels: impl Iterator<Item = K>) -> f64 {
        let mut sizes = BTreeMap::new();
        for label in labels {
            *sizes.entry(label).or_insert(0.0) += 1.0;
        }
        sizes.values().map(|n: &f64| n * (n - 1.0) / 2.0).sum()
    }
    assert_eq!(a.len(), b.len());
    let (of_a, of_b) = (pairs(a.iter()), pairs(b.iter()));
    let chance = of_a * of_b / pairs(a.iter().map(|_| ()));
    (pairs(a.iter().zip(b)) - chance) / (f64::midpoint(of_a, of_b) - chance)
}
