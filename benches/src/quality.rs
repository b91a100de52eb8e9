//! How well clusters agree with labels that people gave: `bench quality RUN ... --labels COLUMN`.
//!
//! For each run directory it compares a column of `clusters.parquet` with a column of the documents, once over the rows
//! that are in a cluster, and once over all rows with noise as one more cluster. The first alone flatters whoever calls
//! the hard rows noise, the second alone punishes who is honest about them: read them together with the noise share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use artifacts::{Clusters, Documents};
use serde::Serialize;

use crate::agreement::{ami, ari};
use crate::table::table;

/// What to compare.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Directories of runs, each with `documents.parquet` and `clusters.parquet`.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// The column of the documents with the true labels; `source_` is put before it where ingest did.
    #[arg(long, value_name = "COLUMN")]
    pub labels: String,

    /// The clusters to compare: `cluster`, `cluster_assigned` or a layer, `cluster_l0`.
    #[arg(long, default_value = "cluster", value_name = "COLUMN")]
    pub column: String,

    /// Print JSON lines instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// The scores of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The directory.
    pub run: String,
    /// Rows with a label.
    pub rows: usize,
    /// Distinct labels.
    pub labels: usize,
    /// Distinct clusters, noise not counted.
    pub clusters: usize,
    /// The share of rows that is noise.
    pub noise: f64,
    /// Adjusted Rand index over the rows in a cluster.
    pub ari: f64,
    /// Adjusted mutual information over the rows in a cluster.
    pub ami: f64,
    /// Adjusted Rand index over all rows, noise being one more cluster.
    pub ari_with_noise: f64,
    /// Adjusted mutual information over all rows, noise being one more cluster.
    pub ami_with_noise: f64,
}

/// Measures and prints.
#[expect(clippy::print_stdout, reason = "this is the output of the program")]
pub fn run(options: &Options) -> anyhow::Result<()> {
    let scores = options
        .runs
        .iter()
        .map(|dir| {
            let (truth, found) = read(dir, &options.labels, &options.column)?;
            Ok(score(&dir.display().to_string(), &truth, &found))
        })
        .collect::<anyhow::Result<Vec<Score>>>()?;
    if options.json {
        for score in &scores {
            println!("{}", serde_json::to_string(score)?);
        }
    } else {
        print!("{}", lay_out(&scores));
    }
    Ok(())
}

/// Compares `found` (-1 is noise) with `truth`.
pub fn score(run: &str, truth: &[i32], found: &[i32]) -> Score {
    let clustered: Vec<usize> = (0..found.len()).filter(|&row| found[row] >= 0).collect();
    let of = |labels: &[i32]| -> Vec<i32> { clustered.iter().map(|&row| labels[row]).collect() };
    let (inner_truth, inner_found) = (of(truth), of(found));
    Score {
        run: run.to_owned(),
        rows: truth.len(),
        labels: distinct(truth),
        clusters: distinct(&inner_found),
        noise: (truth.len() - clustered.len()) as f64 / truth.len().max(1) as f64,
        ari: ari(&inner_truth, &inner_found),
        ami: ami(&inner_truth, &inner_found),
        ari_with_noise: ari(truth, found),
        ami_with_noise: ami(truth, found),
    }
}

fn distinct(labels: &[i32]) -> usize {
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    labels.dedup();
    labels.len()
}

/// The true labels as numbers, and the clusters, of the rows that have a label.
fn read(dir: &Path, labels: &str, column: &str) -> anyhow::Result<(Vec<i32>, Vec<i32>)> {
    let documents = Documents::read(&dir.join("documents.parquet"))?;
    let clusters = Clusters::read(&dir.join("clusters.parquet"))?;
    if documents.len() != clusters.len() {
        bail!(
            "{}: {} documents, but {} rows of clusters",
            dir.display(),
            documents.len(),
            clusters.len()
        );
    }
    let truth = documents
        .columns
        .column_by_name(labels)
        .or_else(|| {
            documents
                .columns
                .column_by_name(&format!("source_{labels}"))
        })
        .with_context(|| {
            let names: Vec<String> = documents
                .columns
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            format!(
                "{}: the documents have no column `{labels}`; they have {}",
                dir.display(),
                names.join(", ")
            )
        })?;
    let layer = |name: &str| {
        name.strip_prefix("cluster_l")
            .and_then(|at| at.parse().ok())
            .and_then(|at: usize| clusters.layers.get(at))
    };
    let found = match column {
        "cluster" => &clusters.cluster,
        "cluster_assigned" => clusters
            .assigned
            .as_ref()
            .context("the clusters have no column `cluster_assigned`")?,
        other => layer(other).with_context(|| format!("the clusters have no column `{other}`"))?,
    };
    let format = ArrayFormatter::try_new(truth, &FormatOptions::default())?;
    let mut numbers: BTreeMap<String, i32> = BTreeMap::new();
    let labelled: Vec<usize> = (0..truth.len())
        .filter(|&row| truth.is_valid(row))
        .collect();
    let truth = labelled
        .iter()
        .map(|&row| {
            let next = numbers.len() as i32;
            *numbers.entry(format.value(row).to_string()).or_insert(next)
        })
        .collect();
    Ok((truth, labelled.into_iter().map(|row| found[row]).collect()))
}

fn lay_out(scores: &[Score]) -> String {
    let header = [
        "run",
        "rows",
        "labels",
        "clusters",
        "noise",
        "ARI",
        "AMI",
        "ARI, noise a cluster",
        "AMI, noise a cluster",
    ];
    let rows: Vec<Vec<String>> = scores
        .iter()
        .map(|score| {
            let mut row = vec![score.run.clone()];
            row.extend([score.rows, score.labels, score.clusters].map(|count| count.to_string()));
            row.push(format!("{:.1} %", score.noise * 100.0));
            row.extend(
                [
                    score.ari,
                    score.ami,
                    score.ari_with_noise,
                    score.ami_with_noise,
                ]
                .map(|score| format!("{score:.3}")),
            );
            row
        })
        .collect();
    table(&header, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_left_out_once_and_a_cluster_once() {
        let score = score("a", &[0, 0, 0, 1, 1, 1], &[0, 0, -1, 1, 1, -1]);
        assert_eq!((score.rows, score.labels, score.clusters), (6, 2, 2));
        assert_eq!((score.ari, score.ami), (1.0, 1.0));
        assert!((score.noise - 1.0 / 3.0).abs() < 1e-12);
        assert!(score.ari_with_noise < 0.5 && score.ari_with_noise > 0.0);
    }

    #[test]
    fn all_noise_scores_nothing_with_noise_counted() {
        let score = score("a", &[0, 0, 1, 1], &[-1; 4]);
        assert_eq!((score.clusters, score.noise), (0, 1.0));
        assert_eq!(score.ari_with_noise, 0.0);
    }
}
