//! All servers find the neighbors of `flat`, store texts that other programs can search, and take the file of the bulk import.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use artifacts::{Documents, Footer, VectorFile};
use milvus_client::{Client, Search, Values};

use super::namespace;
use super::servers::{Kind, Server, python};
use super::{agreement, command, embeddings, succeeds};

/// Few, because Milvus Lite 3 is slow.
pub(super) const ROWS: usize = 1000;
pub(super) const D: usize = 64;

/// Searches with `words`, which insert, and again, which find all rows and drop them; compares with `flat`.
pub(super) fn is_like_flat(dir: &Path, words: &[&str], metrics: &[&str], least: f64) {
    for metric in metrics {
        let flat = command(dir, "flat.parquet", &["--metric", metric]).output();
        succeeds(&flat.unwrap());
        for (inserted, more) in [(ROWS, &[][..]), (0, &["--drop"])] {
            let words = [words, &["--metric", metric], more].concat();
            let report = succeeds(&command(dir, "found.parquet", &words).output().unwrap());
            assert_eq!(report["backend"], "milvus");
            assert_eq!(
                report["engine"]["rows_inserted"]["now"], inserted,
                "{words:?}"
            );
            assert_eq!(report["filled"], 0);
            assert_eq!(report["engine"]["dropped"] == true, !more.is_empty());
            let same = agreement(dir, "found.parquet", "flat.parquet");
            assert!(same >= least, "{words:?}: {same}");
        }
    }
}

/// All metrics.
pub(super) const METRICS: [&str; 3] = ["l2", "cosine", "ip"];

/// `documents.parquet` for the vectors, with columns of three types.
fn write_table(dir: &Path) {
    let texts: Vec<String> = (0..ROWS)
        .map(|row| format!("Text {row}, »quoted«\n and long"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rows = 0..ROWS as i64;
    let columns = RecordBatch::try_from_iter([
        (
            "Number",
            Arc::new(Int64Array::from_iter_values(rows.clone())) as _,
        ),
        (
            "share",
            Arc::new(Float64Array::from_iter_values(
                rows.clone().map(|row| row as f64 / 4.0),
            )) as _,
        ),
        (
            "topic",
            Arc::new(StringArray::from_iter_values(
                rows.map(|row| format!("t{}", row % 7)),
            )) as _,
        ),
    ]);
    let documents = Documents {
        columns: columns.unwrap(),
        ..Documents::of_texts(&texts)
    };
    documents
        .write(&dir.join("documents.parquet"), &Footer::default())
        .unwrap();
}

/// Stores texts with the vectors, and searches as another program does.
fn stores_texts(server: &Server, dir: &Path) {
    write_table(dir);
    let words = server.words();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.extend(["--store-texts", "--documents", "documents.parquet"]);
    let report = succeeds(&command(dir, "found.parquet", &words).output().unwrap());
    let name = report["engine"]["collection"].as_str().unwrap();
    let client = server.client();
    client.load(name).unwrap();
    let count = client
        .count(name, "topic == \"t3\" and Number >= 700 and share < 200.0")
        .unwrap();
    let expected = (700..800).filter(|row| row % 7 == 3).count();
    assert_eq!(count, expected as u64);
    let vectors = VectorFile::open(&dir.join("embeddings.parquet"), dir).unwrap();
    let mut queries = vec![0.0; D];
    vectors.read(11, &mut queries).unwrap();
    let hits = client
        .search(Search {
            collection: name.to_owned(),
            queries,
            dimensions: D,
            limit: 1,
            metric: "L2",
            parameters: "{}".to_owned(),
            columns: ["text", "Number", "share"].map(str::to_owned).to_vec(),
        })
        .unwrap();
    assert_eq!(hits.ids, [11]);
    let value = |name: &str| {
        let mut columns = hits.columns.iter();
        columns
            .find(|column| column.name == name)
            .unwrap()
            .values
            .clone()
    };
    assert_eq!(
        value("text"),
        Values::Text(vec!["Text 11, »quoted«\n and long".to_owned()])
    );
    assert_eq!(value("Number"), Values::Integer(vec![11]));
    assert_eq!(value("share"), Values::Float(vec![2.75]));
    client.drop_collection(name).unwrap();
}

fn all(kind: Kind, dir: &Path) -> Option<Server> {
    let server = Server::start(kind, dir)?;
    embeddings(dir, ROWS, D);
    let words = server.words();
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--metric" && *word != "l2")
        .collect();
    is_like_flat(dir, &words, &METRICS, 0.9999);
    let graph = [&words[..], &["--milvus-index", "HNSW"]].concat();
    is_like_flat(dir, &graph, &["l2"], 0.9);
    stores_texts(&server, dir);
    Some(server)
}

#[test]
fn lite_2_stores_texts() {
    let dir = tempfile::tempdir().unwrap();
    if let Some(server) = Server::start(Kind::Lite2, dir.path()) {
        embeddings(dir.path(), ROWS, D);
        stores_texts(&server, dir.path());
    }
}

#[test]
fn lite_3_is_like_flat_and_stores_texts() {
    let dir = tempfile::tempdir().unwrap();
    all(Kind::Lite3, dir.path());
}

#[test]
fn standalone_is_like_flat_stores_texts_and_imports() {
    if !namespace::is_inside("real::alike::standalone_is_like_flat_stores_texts_and_imports") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    if let Some(server) = all(Kind::Standalone, dir.path()) {
        imports(&server.client(), dir.path());
    }
}

/// Imports a file as a user does, with the client of Milvus: into the collection that `skerry export --help` describes.
const IMPORT: &str = r#"
import sys, time
from pymilvus import Collection, CollectionSchema, DataType, FieldSchema, connections, utility
address, path = sys.argv[1:]
connections.connect(uri="http://" + address, token="root:Milvus")
collection = Collection("imported", CollectionSchema([
    FieldSchema("id", DataType.INT64, is_primary=True, auto_id=False),
    FieldSchema("embedding", DataType.FLOAT_VECTOR, dim=64),
    FieldSchema("text", DataType.VARCHAR, max_length=65535),
]))
task = utility.do_bulk_insert("imported", [path])
for _ in range(600):
    state = utility.get_bulk_insert_state(task)
    if state.state_name in ("Persisted", "Completed"):
        break
    assert "Failed" not in state.state_name, state.failed_reason
    time.sleep(0.1)
assert state.row_count == 1000, state
collection.create_index("embedding", {"index_type": "FLAT", "metric_type": "L2", "params": {}})
"#;

/// Imports the file of `skerry export --as milvus`.
fn imports(client: &Client, dir: &Path) {
    // The server reads from its own storage.
    let path = dir.join("data/data/import.parquet");
    let vectors = VectorFile::open(&dir.join("embeddings.parquet"), dir).unwrap();
    let documents = Documents::read(&dir.join("documents.parquet")).unwrap();
    artifacts::write_milvus_import(&path, &vectors, &documents).unwrap();
    let output = Command::new(python())
        .args(["-c", IMPORT])
        .arg(client.address())
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    client.load("imported").unwrap();
    super::wait("the rows are loaded", || {
        client.count("imported", "").unwrap() == ROWS as u64
    });
    assert_eq!(
        client.count("imported", "text like \"Text 1%\"").unwrap(),
        111
    );
    let mut queries = vec![0.0; D];
    vectors.read(999, &mut queries).unwrap();
    let hits = client.search(Search {
        collection: "imported".to_owned(),
        queries,
        dimensions: D,
        limit: 1,
        metric: "L2",
        parameters: "{}".to_owned(),
        columns: vec!["text".to_owned()],
    });
    let hits = hits.unwrap();
    assert_eq!(hits.ids, [999]);
    assert_eq!(
        hits.columns[0].values,
        Values::Text(vec!["Text 999, »quoted«\n and long".to_owned()])
    );
}

/// Addresses of further servers, separated by blanks, each with an optional token after a comma.
const SERVERS: &str = "SKERRY_TEST_MILVUS";

#[test]
fn servers_of_the_environment_are_like_flat() {
    let Ok(servers) = std::env::var(SERVERS) else {
        test_support::skip("no server of Milvus is named by SKERRY_TEST_MILVUS");
        return;
    };
    for server in servers.split_whitespace() {
        let (uri, token) = server.split_once(',').unwrap_or((server, ""));
        let dir = tempfile::tempdir().unwrap();
        embeddings(dir.path(), ROWS, D);
        let mut words = vec!["--backend", "milvus", "--uri", uri];
        if !token.is_empty() {
            words.extend(["--token", token]);
        }
        is_like_flat(dir.path(), &words, &METRICS, 0.9999);
        let graph = [&words[..], &["--milvus-index", "HNSW"]].concat();
        is_like_flat(dir.path(), &graph, &["l2"], 0.9);
    }
}
