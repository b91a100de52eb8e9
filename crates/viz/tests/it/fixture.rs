//! The files of a small run, to draw from and to spoil.

use std::path::Path;

use arrow::array::{LargeStringArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use artifacts::{Clusters, Documents, Footer, Projection, Topic, Topics};
use stage::{Files, Seed, Silent, Stage};
use viz::{Error, Local, Options, Report, Viz};

/// A footer that names no inputs.
pub fn footer() -> Footer {
    Footer::new("fixture 1", serde_json::json!({}), 7)
}

/// Writes documents, clusters and places: one document for each of `cluster`.
pub fn write(dir: &Path, cluster: &[i32]) {
    let n = cluster.len();
    let columns = RecordBatch::try_new_with_options(
        Schema::empty().into(),
        Vec::new(),
        &RecordBatchOptions::new().with_row_count(Some(n)),
    );
    Documents {
        text: LargeStringArray::from_iter_values((0..n).map(|row| format!("text {row}"))),
        source_row: (0..n as i64).collect(),
        copies: None,
        columns: columns.unwrap(),
    }
    .write(&dir.join("documents.parquet"), &footer())
    .unwrap();
    clusters(dir, cluster);
    Projection {
        x: (0..n).map(|row| (row % 10) as f32).collect(),
        y: (0..n).map(|row| (row / 10) as f32).collect(),
        preserved: None,
    }
    .write(&dir.join("projection.parquet"), &footer())
    .unwrap();
}

/// Writes only the clusters.
pub fn clusters(dir: &Path, cluster: &[i32]) {
    layered(dir, cluster, &[]);
}

/// Writes the clusters and coarser layers of them.
pub fn layered(dir: &Path, cluster: &[i32], layers: &[Vec<i32>]) {
    Clusters {
        cluster: cluster.to_vec(),
        probability: vec![1.0; cluster.len()],
        outlier_score: vec![0.0; cluster.len()],
        assigned: None,
        layers: layers.to_vec(),
    }
    .write(&dir.join("clusters.parquet"), &footer())
    .unwrap();
}

/// Writes names: cluster, size, name.
pub fn topics(dir: &Path, footer: &Footer, rows: &[(i32, i64, &str)]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|&(cluster, size, label)| (-1, cluster, size, label))
        .collect();
    topics_of_layers(dir, footer, &rows);
}

/// Writes names: layer, cluster, size, name.
pub fn topics_of_layers(dir: &Path, footer: &Footer, rows: &[(i32, i32, i64, &str)]) {
    let topic = |&(layer, cluster, size, label): &(i32, i32, i64, &str)| Topic {
        layer,
        cluster,
        parent: -1,
        name: label.to_owned(),
        keywords: vec![label.to_owned()],
        size,
        exemplar_ids: Vec::new(),
    };
    let rows = rows.iter().map(topic).collect();
    Topics { rows }
        .write(&dir.join("topics.parquet"), footer)
        .unwrap();
}

/// Draws what lies in `dir`.
pub fn draw(dir: &Path) -> Result<Report, Error> {
    let files = Files::standard(dir, Viz::INPUTS.iter().chain(Viz::OUTPUTS));
    Viz::run(
        &files,
        &Options::default(),
        &Local::default(),
        Seed(42),
        &Silent,
    )
}

/// A file of `dir` as text.
pub fn text(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).unwrap()
}
