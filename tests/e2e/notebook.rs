//! The run that the preset `notebook` is made after, on the vectors it was made with.

use std::path::Path;

use artifacts::{Clusters, Embeddings, Mst};
use pipeline_tests::{command, succeed};
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

/// Every command of docs/notebook.md, in order, in a directory with the sample.
#[test]
fn its_cells_are_commands() {
    let cache = stage::cache_dir().expect("a cache");
    for (folder, what) in [
        (
            "models",
            "the default model is not installed (skerry setup)",
        ),
        (
            "milvus-lite",
            "Milvus Lite is not installed (skerry setup --milvus-lite)",
        ),
    ] {
        if !cache.join(folder).is_dir() {
            test_support::skip(what);
            return;
        }
    }
    let succeed = |dir: &Path, words: &[&str]| {
        let mut command = command(dir, "skerry", words);
        let output = command.env("SKERRY_CACHE", &cache).output();
        let output = output.expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?} failed:\n{errors}");
        String::from_utf8(output.stdout).expect("reports are UTF-8")
    };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests are in the repository");
    let page = std::fs::read_to_string(repository.join("docs/notebook.md")).expect("it reads");
    let dir = tempfile::tempdir().expect("a directory");
    let sample = std::fs::read_to_string(repository.join("data/headlines.csv")).expect("it reads");
    // Fewer rows, so that embedding takes seconds.
    let rows: Vec<&str> = sample.lines().take(400).collect();
    std::fs::write(dir.path().join("headlines.csv"), rows.join("\n")).expect("it can be written");
    let mut commands = 0;
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(("skerry", words)) = words.split_first().map(|(first, rest)| (*first, rest))
        else {
            panic!("{line} is no command of skerry");
        };
        // The notebook's model has 2.3 GB: the small one takes its place.
        let small = "all-MiniLM-L6-v2";
        let mut words: Vec<&str> = (words.iter())
            .map(|word| if *word == "BAAI/bge-m3" { small } else { word })
            .collect();
        if words[0] == "run" {
            words.extend(["--model", small]);
        }
        succeed(dir.path(), &words);
        commands += 1;
    }
    assert!(commands >= 9);
    let read = |run: &str, name: &str| {
        std::fs::read(dir.path().join("runs").join(run).join(name)).expect("it reads")
    };
    let clusters = |run: &str| {
        let path = dir.path().join("runs").join(run).join("clusters.parquet");
        Clusters::read(&path).expect("it reads").cluster.clone()
    };
    assert_eq!(clusters("notebook"), clusters("cells"));
    let figure = String::from_utf8(read("notebook", "figure.json")).expect("it is text");
    assert!(figure.contains("hover"));
    assert!(!read("cells", "map.html").is_empty());
    // Both runs use one collection.
    let listed = succeed(dir.path(), &["store", "list", "--uri", "milvus.db"]);
    assert_eq!(listed.matches("skerry_").count(), 1, "{listed}");
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
