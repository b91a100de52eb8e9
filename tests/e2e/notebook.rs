//! The run that the preset `notebook` is made after, on the vectors it was made with.

use std::path::Path;

use artifacts::{Clusters, Embeddings, Mst};
use pipeline_tests::succeed;
use test_support::{adjusted_rand_index, mst_weights};

#[test]
fn the_notebook_preset_gives_the_tree_and_clusters_of_the_full_matrix() {
    let input = test_support::data("notebook/notebook.parquet");
    let dir = tempfile::tempdir().expect("a directory");
    let input = input.display().to_string();
    let words = [
        "run",
        &input,
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
    let expected = mst_weights(vectors.values(), vectors.dim(), 3);
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
