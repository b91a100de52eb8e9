//! The stage from files to files.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{LargeStringArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use artifacts::{ClusterInfo, ClusterRow, Clusters, Documents, Embeddings, Footer, Topics};
use label::{Error, Label, Options, Report};
use stage::{Files, Hint, NoLocal, Progress, Seed, Silent, Stage};

const TEXTS: [&str; 7] = [
    "The central bank raises rates",
    "Rates: what the central bank said",
    "Why the central bank waits",
    "Ferries stay in port as crews strike",
    "Strike of ferry crews goes on",
    "Ferry strike ends after talks with crews",
    "A cat was elected stationmaster",
];
const CLUSTERS: [i32; 7] = [0, 0, 0, 1, 1, 1, -1];

fn documents(dir: &Path, texts: &[&str]) {
    let options = RecordBatchOptions::new().with_row_count(Some(texts.len()));
    let documents = Documents {
        text: LargeStringArray::from_iter_values(texts),
        source_row: (0..texts.len() as i64).collect(),
        copies: None,
        columns: RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
            .unwrap(),
    };
    documents
        .write(&dir.join("documents.parquet"), &Footer::default())
        .unwrap();
}

fn clusters(dir: &Path, cluster: &[i32]) {
    let clusters = Clusters {
        cluster: cluster.to_vec(),
        probability: vec![0.9, 0.5, 1.0, 0.2, 0.3, 0.3, 0.0],
        outlier_score: vec![0.0; cluster.len()],
        assigned: None,
        layers: Vec::new(),
    };
    clusters
        .write(&dir.join("clusters.parquet"), &Footer::default())
        .unwrap();
}

fn vectors(dir: &Path) {
    let values = vec![
        1.0, 0.0, 0.9, 0.1, 1.0, 0.05, 0.0, 1.0, 0.5, 1.0, 0.05, 1.0, 1.0, 1.0,
    ];
    Embeddings::new(2, values)
        .write(&dir.join("embeddings.parquet"), &Footer::default())
        .unwrap();
}

fn info(dir: &Path, sizes: [i64; 2]) {
    let row = |cluster: i32, exemplar_ids: Vec<i64>| ClusterRow {
        layer: -1,
        cluster,
        parent: -1,
        size: sizes[cluster as usize],
        persistence: 0.5,
        stability: None,
        exemplar_ids,
    };
    let rows = vec![row(0, vec![0]), row(1, vec![3, 5])];
    ClusterInfo { rows }
        .write(&dir.join("cluster_info.parquet"), &Footer::default())
        .unwrap();
}

fn run(dir: &Path, options: &Options) -> Result<Report, Error> {
    let files = Files::standard(dir, Label::INPUTS.iter().chain(Label::OUTPUTS));
    Label::run(&files, options, &NoLocal {}, Seed(42), &Silent)
}

/// Counts what a task says that it has done.
#[derive(Default)]
struct Count(AtomicU64);

impl Progress for Count {
    fn begin(&self, _: &str, _: Option<u64>, _: &'static str) {}
    fn advance(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
    fn end(&self) {}
    fn note(&self, _: &str) {}
    fn warn(&self, _: &str) {}
}

fn topics(dir: &Path) -> artifacts::Stored<Topics> {
    Topics::read(&dir.join("topics.parquet")).unwrap()
}

#[test]
fn every_text_that_is_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    documents(dir.path(), &TEXTS);
    clusters(dir.path(), &CLUSTERS);
    let files = Files::standard(dir.path(), Label::INPUTS.iter().chain(Label::OUTPUTS));
    let count = Count::default();
    Label::run(&files, &Options::default(), &NoLocal {}, Seed(42), &count).unwrap();
    assert_eq!(count.0.into_inner(), TEXTS.len() as u64);
}

#[test]
fn topics_are_named_with_keywords_sizes_and_exemplars() {
    let dir = tempfile::tempdir().unwrap();
    documents(dir.path(), &TEXTS);
    clusters(dir.path(), &CLUSTERS);
    vectors(dir.path());
    info(dir.path(), [3, 3]);
    let report = run(
        dir.path(),
        &Options {
            exemplars: 2,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(
        (report.topics, report.noise, report.documents, report.layers),
        (2, 1, 7, 1)
    );
    assert_eq!(report.exemplars_by, "vectors");

    let topics = topics(dir.path());
    assert_eq!(topics.rows.len(), 2);
    assert!(
        topics.rows[0].name.starts_with("central bank"),
        "{topics:?}"
    );
    assert!(
        topics.rows[1]
            .keywords
            .iter()
            .any(|keyword| keyword == "strike"),
        "{topics:?}"
    );
    assert_eq!(topics.rows[0].size, 3);
    // The core of cluster 0 is row 0: row 2 is nearer to it than row 1.
    assert_eq!(topics.rows[0].exemplar_ids, [0, 2]);
    let footer = topics.footer.as_ref().unwrap();
    assert_eq!(
        footer.inputs.keys().collect::<Vec<_>>(),
        ["cluster_info", "clusters", "documents", "embeddings"]
    );
}

#[test]
fn documents_and_clusters_are_enough() {
    let dir = tempfile::tempdir().unwrap();
    documents(dir.path(), &TEXTS);
    clusters(dir.path(), &CLUSTERS);
    let report = run(
        dir.path(),
        &Options {
            exemplars: 1,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(report.exemplars_by, "probability");
    assert!(report.to_string().contains("ranked by probability"));
    let topics = topics(dir.path());
    assert_eq!(topics.rows[0].exemplar_ids, [2]);
    assert_eq!(
        topics.rows[1].exemplar_ids,
        [4],
        "of equal probability the smaller row comes first"
    );
}

#[test]
fn a_topic_without_words_is_named_by_a_text() {
    let dir = tempfile::tempdir().unwrap();
    let texts = ["?!", "?!", "?!", TEXTS[3], TEXTS[4], TEXTS[5], TEXTS[6]];
    documents(dir.path(), &texts);
    clusters(dir.path(), &CLUSTERS);
    let report = run(dir.path(), &Options::default()).unwrap();
    assert_eq!((report.named_by_text, report.without_words), (1, 3));
    assert_eq!(topics(dir.path()).rows[0].name, "?!");
}

#[test]
fn texts_that_stand_in_for_names_can_be_read_and_told_apart() {
    let named = |a: &str, b: &str| {
        let dir = tempfile::tempdir().unwrap();
        documents(dir.path(), &[a, a, a, b, b, b, TEXTS[6]]);
        clusters(dir.path(), &CLUSTERS);
        let report = run(dir.path(), &Options::default()).unwrap();
        let labels: Vec<String> = topics(dir.path())
            .rows
            .iter()
            .map(|topic| topic.name.clone())
            .collect();
        (labels, report.made_distinct)
    };
    let (labels, numbered) = named("see https://t.co/1?x and https://t.co/2", "?!");
    assert_eq!(labels, ["see t.co/1 and t.co/2", "?!"]);
    assert_eq!(numbered, 0);
    let (labels, numbered) = named("!!\u{fe0f}", " !!\u{fe0f} ");
    assert_eq!(labels, ["!!\u{fe0f}", "!!\u{fe0f} (2)"]);
    assert_eq!(numbered, 1);
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
    let (labels, _) = named(family, " \u{200d}\n\u{fe0f}");
    assert_eq!(labels, [family, "cluster 1"]);
    let (labels, _) = named(&format!("!{}", family.repeat(9)), "?!");
    assert!(
        labels[0].ends_with("…") && !labels[0].contains("\u{200d}…"),
        "{labels:?}"
    );
}

#[test]
fn the_bytes_are_the_same_at_any_number_of_threads() {
    let bytes = |threads| {
        let dir = tempfile::tempdir().unwrap();
        documents(dir.path(), &TEXTS);
        clusters(dir.path(), &CLUSTERS);
        vectors(dir.path());
        info(dir.path(), [3, 3]);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| run(dir.path(), &Options::default()))
            .unwrap();
        std::fs::read(dir.path().join("topics.parquet")).unwrap()
    };
    assert_eq!(bytes(1), bytes(2));
}

#[test]
fn files_of_different_runs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    documents(dir.path(), &TEXTS[..5]);
    clusters(dir.path(), &CLUSTERS);
    let error = run(dir.path(), &Options::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has 7 rows, but there are 5 documents"),
        "{error}"
    );
    assert!(error.hint().is_some());

    documents(dir.path(), &TEXTS);
    info(dir.path(), [4, 3]);
    let error = run(dir.path(), &Options::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("cluster 0 of layer -1 has 4 documents here and 3 in the clusters"),
        "{error}"
    );
}

#[test]
fn options_out_of_range_are_refused_with_their_range() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |options: Options| run(dir.path(), &options).unwrap_err().to_string();
    assert_eq!(
        refused(Options {
            phrases: 0,
            ..Options::default()
        }),
        "--phrases is 0; it must be 1 or more"
    );
    assert_eq!(
        refused(Options {
            max_ngram: 4,
            ..Options::default()
        }),
        "--max-ngram is 4; it must be 1, 2 or 3"
    );
    assert_eq!(
        refused(Options {
            diversity: 1.5,
            ..Options::default()
        }),
        "--diversity is 1.5; it must be from 0 to 1"
    );
    let unknown = Options {
        language: "xx".to_owned(),
        ..Options::default()
    };
    let unknown = Label::check(&unknown, &NoLocal {}).unwrap_err();
    assert!(unknown.hint().unwrap().contains("en, de, fr"));
}
