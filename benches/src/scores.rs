//! Agreement of clusters with human labels. For finished runs: `bench agreement RUN ... --labels COLUMN`.
//!
//! A column of clusters is compared with a column of the documents, once over the rows that are in a cluster, and once over
//! all rows with noise as one more cluster. The first figure favors methods that leave difficult rows as noise, the second
//! penalizes them: read both together with the share of noise.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use artifacts::{Clusters, Documents};
use serde::Serialize;
use test_support::adjusted_rand_index as ari;

use crate::agreement::ami;
use crate::arena::Usage;
use crate::harness;
use crate::table::table;

/// Options of the comparison.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Directories of runs, each with `documents.parquet` and `clusters.parquet`.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// The column of the documents with the true labels, with or without the prefix `source_` that ingest may have added.
    #[arg(long, value_name = "COLUMN")]
    pub labels: String,

    /// The clusters to compare: `cluster`, `cluster_assigned` or a layer, `cluster_l0`.
    #[arg(long, default_value = "cluster", value_name = "COLUMN")]
    pub column: String,

    /// Print JSON lines instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Agreement of clusters with labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Number of rows with a label.
    pub rows: usize,
    /// Number of distinct labels.
    pub labels: usize,
    /// Number of clusters, noise not counted.
    pub clusters: usize,
    /// Share of rows that are noise.
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

impl harness::Score for Agreement {
    const TITLES: &'static [&'static str] = &[
        "clusters",
        "noise",
        "ARI",
        "AMI",
        "ARI, noise a cluster",
        "AMI, noise a cluster",
    ];

    fn cells(&self, _: &Usage) -> Vec<String> {
        let scores = [self.ari, self.ami, self.ari_with_noise, self.ami_with_noise];
        let mut cells = vec![
            self.clusters.to_string(),
            format!("{:.1} %", self.noise * 100.0),
        ];
        cells.extend(scores.map(|score| format!("{score:.3}")));
        cells
    }
}

/// The score of one run.
#[derive(Serialize)]
struct Line<'a> {
    run: &'a str,
    #[serde(flatten)]
    agreement: &'a Agreement,
}

/// Scores runs and prints.
pub fn run(options: &Options) -> Result<()> {
    let mut out = std::io::stdout();
    let mut rows = Vec::new();
    for dir in &options.runs {
        let truth = labels(&dir.join("documents.parquet"), &options.labels)?;
        let found = clusters(&dir.join("clusters.parquet"), &options.column)?;
        let agreement = of_labelled(&truth, &found)
            .with_context(|| format!("the files of {} do not belong together", dir.display()))?;
        let run = dir.display().to_string();
        if options.json {
            let line = Line {
                run: &run,
                agreement: &agreement,
            };
            writeln!(out, "{}", serde_json::to_string(&line)?)?;
        } else {
            let mut row = vec![
                run,
                agreement.rows.to_string(),
                agreement.labels.to_string(),
            ];
            row.extend(harness::Score::cells(&agreement, &Usage::default()));
            rows.push(row);
        }
    }
    if !options.json {
        let mut header = vec!["run", "rows", "labels"];
        header.extend(<Agreement as harness::Score>::TITLES);
        write!(out, "{}", table(&header, &rows))?;
    }
    Ok(())
}

/// Compares the clusters of the rows that have a label.
pub fn of_labelled(truth: &[Option<i32>], found: &[i32]) -> Result<Agreement> {
    if truth.len() != found.len() {
        bail!(
            "there are {} documents, but {} rows of clusters",
            truth.len(),
            found.len()
        );
    }
    let (truth, found): (Vec<i32>, Vec<i32>) = truth
        .iter()
        .zip(found)
        .filter_map(|(label, &cluster)| label.map(|label| (label, cluster)))
        .unzip();
    Ok(score(&truth, &found))
}

/// Compares `found` (-1 is noise) with `truth`.
pub fn score(truth: &[i32], found: &[i32]) -> Agreement {
    let clustered: Vec<usize> = (0..found.len()).filter(|&row| found[row] >= 0).collect();
    let of = |labels: &[i32]| -> Vec<i32> { clustered.iter().map(|&row| labels[row]).collect() };
    let (inner_truth, inner_found) = (of(truth), of(found));
    Agreement {
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

/// A column of the documents as category codes; `None` for null.
pub fn labels(documents: &Path, column: &str) -> Result<Vec<Option<i32>>> {
    let stored = Documents::read(documents)?;
    let values = [column, &format!("source_{column}")]
        .into_iter()
        .find_map(|name| stored.columns.column_by_name(name))
        .with_context(|| {
            let schema = stored.columns.schema();
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            format!(
                "{} has no column `{column}`; it has {}",
                documents.display(),
                names.join(", ")
            )
        })?;
    let format = ArrayFormatter::try_new(values, &FormatOptions::default())?;
    let mut numbers: BTreeMap<String, i32> = BTreeMap::new();
    Ok((0..values.len())
        .map(|row| {
            values.is_valid(row).then(|| {
                let next = numbers.len() as i32;
                *numbers.entry(format.value(row).to_string()).or_insert(next)
            })
        })
        .collect())
}

/// A column of clusters.
pub fn clusters(path: &Path, column: &str) -> Result<Vec<i32>> {
    let stored = Clusters::read(path)?;
    let layer = |name: &str| {
        name.strip_prefix("cluster_l")
            .and_then(|at| at.parse().ok())
            .and_then(|at: usize| stored.layers.get(at))
    };
    let found = match column {
        "cluster" => Some(&stored.cluster),
        "cluster_assigned" => stored.assigned.as_ref(),
        other => layer(other),
    };
    found
        .cloned()
        .with_context(|| format!("{} has no column `{column}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_scored_with_and_without() {
        let score = score(&[0, 0, 0, 1, 1, 1], &[0, 0, -1, 1, 1, -1]);
        assert_eq!((score.rows, score.labels, score.clusters), (6, 2, 2));
        assert_eq!((score.ari, score.ami), (1.0, 1.0));
        assert!((score.noise - 1.0 / 3.0).abs() < 1e-12);
        assert!(score.ari_with_noise < 0.5 && score.ari_with_noise > 0.0);
    }

    #[test]
    fn all_noise_scores_nothing_with_noise_counted() {
        let score = score(&[0, 0, 1, 1], &[-1; 4]);
        assert_eq!((score.clusters, score.noise), (0, 1.0));
        assert_eq!(score.ari_with_noise, 0.0);
    }

    #[test]
    fn rows_without_a_label_do_not_count() {
        let truth = [Some(0), None, Some(0), Some(1), Some(1), None];
        let with = of_labelled(&truth, &[0, 5, 0, 1, 1, -1]).expect("of one length");
        assert_eq!(with, score(&[0, 0, 1, 1], &[0, 0, 1, 1]));
        assert!(of_labelled(&truth, &[0]).is_err());
    }
}
