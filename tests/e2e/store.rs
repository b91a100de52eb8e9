//! The collections of Milvus, by `skerry store`.

use std::path::Path;

use pipeline_tests::{command, errors, refused, small_run, succeed};
use serde_json::Value;

/// Words for a run with Milvus, on a file in the directory of the test.
const MILVUS: [&str; 6] = [
    "--preset",
    "direct",
    "--backend",
    "milvus",
    "--uri",
    "milvus.db",
];

/// Links the installed Milvus Lite into the cache of the test; without it, the test is counted as skipped.
fn has_lite(dir: &Path) -> bool {
    let installed = stage::cache_dir().expect("a cache").join("milvus-lite");
    if !installed.is_dir() {
        test_support::skip("Milvus Lite is not installed (skerry setup --milvus-lite)");
        return false;
    }
    let cache = dir.join("cache");
    std::fs::create_dir_all(&cache).expect("it can be made");
    #[cfg(unix)]
    std::os::unix::fs::symlink(installed, cache.join("milvus-lite")).expect("it can be linked");
    true
}

fn search(dir: &Path, words: &[&str]) -> Value {
    let all: Vec<&str> = ["store", "search"].iter().chain(words).copied().collect();
    serde_json::from_str(&succeed(dir, "skerry", &all)).expect("it is JSON")
}

#[test]
fn words_find_texts_with_cluster_and_label() {
    let dir = tempfile::tempdir().expect("a directory");
    if !has_lite(dir.path()) {
        return;
    }
    small_run(dir.path(), &[&MILVUS[..], &["--store-texts"]].concat());
    let found = search(
        dir.path(),
        &["ferry harbor pilot", "--json", "--limit", "5"],
    );
    let hits = found["hits"].as_array().expect("a list");
    assert_eq!(hits.len(), 5);
    assert_eq!(
        (&found["rows"], &found["metric"]),
        (&240.into(), &"cosine".into())
    );
    let distances: Vec<f64> = hits
        .iter()
        .filter_map(|hit| hit["distance"].as_f64())
        .collect();
    assert!(
        distances.len() == 5 && distances.is_sorted() && distances[0] > 0.0,
        "{distances:?}"
    );
    let out = dir.path().join("runs/latest");
    let documents = artifacts::Documents::read(&out.join("documents.parquet")).expect("it reads");
    let clusters = artifacts::Clusters::read(&out.join("clusters.parquet")).expect("it reads");
    let topics = artifacts::Topics::read(&out.join("topics.parquet")).expect("it reads");
    for hit in hits {
        let id = hit["id"].as_u64().expect("an id") as usize;
        assert_eq!(hit["text"], documents.text(id));
        assert!(
            ["ferry", "harbor", "pilot"]
                .iter()
                .any(|word| documents.text(id).contains(word))
        );
        assert_eq!(hit["cluster"], clusters.cluster[id]);
        let mut of_cluster = topics.rows.iter();
        let topic =
            of_cluster.find(|topic| topic.layer == -1 && topic.cluster == clusters.cluster[id]);
        assert_eq!(
            hit["label"].as_str(),
            topic.map(|topic| topic.name.as_str())
        );
    }
    // The first text itself is at distance 0, up to rounding.
    let first = search(dir.path(), &[documents.text(17), "--json", "--limit", "1"]);
    assert_eq!(first["hits"][0]["id"], 17);
    assert!(first["hits"][0]["distance"].as_f64().expect("a number") < 1e-4);
    let text = succeed(
        dir.path(),
        "skerry",
        &["store", "search", "ferry harbor pilot"],
    );
    assert!(
        text.starts_with("10 of 240 texts by cosine to \"ferry harbor pilot\", from skerry_"),
        "{text}"
    );
    // Another run of the same vectors, without texts, has a collection of its own and is searched alike.
    small_run(dir.path(), &MILVUS);
    let again = search(
        dir.path(),
        &["ferry harbor pilot", "--json", "--limit", "5"],
    );
    assert_eq!(again["hits"], found["hits"]);
    assert_ne!(again["collection"], found["collection"]);
    let list = succeed(
        dir.path(),
        "skerry",
        &["store", "list", "--uri", "milvus.db"],
    );
    assert_eq!(list.matches("skerry_").count(), 2, "{list}");
    assert_eq!(list.matches("; texts ").count(), 1, "{list}");
}

#[test]
fn a_search_says_what_it_lacks() {
    let dir = tempfile::tempdir().expect("a directory");
    if !has_lite(dir.path()) {
        return;
    }
    let fails = |words: &[&str], status, fragments: &[&str]| {
        let all: Vec<&str> = ["store", "search"].iter().chain(words).copied().collect();
        let output = command(dir.path(), "skerry", &all)
            .output()
            .expect("it starts");
        refused(&output, status, fragments);
        assert!(errors(&output).contains("hint: "), "{}", errors(&output));
    };
    fails(&["words"], 2, &["there is no directory runs/latest"]);
    small_run(dir.path(), &["--preset", "direct"]);
    fails(&["  "], 2, &["there are no words"]);
    fails(&["words"], 2, &["needs a server", "--uri"]);
    let on_file = ["words", "--uri", "milvus.db"];
    fails(
        &on_file,
        1,
        &["was not written by the backend milvus", "--backend milvus"],
    );
    small_run(dir.path(), &MILVUS);
    fails(
        &["words", "--uri", "other.db"],
        1,
        &["has no collection skerry_", "skerry knn"],
    );
    let list = succeed(
        dir.path(),
        "skerry",
        &["store", "list", "--uri", "milvus.db"],
    );
    let name = list.split_whitespace().next().expect("a name").to_owned();
    succeed(
        dir.path(),
        "skerry",
        &["store", "drop", &name, "--uri", "milvus.db"],
    );
    fails(&["words"], 1, &["has no collection skerry_"]);
    // Vectors of another program.
    small_run(dir.path(), &MILVUS);
    let path = dir.path().join("runs/latest/embeddings.parquet");
    let vectors = artifacts::Embeddings::read(&path).expect("it reads").value;
    let foreign = artifacts::Footer::new("other 1", Value::Null, 1);
    vectors.write(&path, &foreign).expect("it can be written");
    fails(&["words"], 1, &["are not of the model of the run"]);
}
