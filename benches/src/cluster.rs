//! Clusters of a neighbor graph: from `neighbors.parquet` to labels.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::Contest;
use crate::arena::Usage;
use crate::harness::{Common, Environment, Score, lay_out, peers};
use crate::scores::clusters;
use test_support::adjusted_rand_index as ari;

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows; each gives a part of the table.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000, 100_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Number of dimensions of the vectors.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Number of neighbors per row.
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub k: usize,
    /// Minimum number of points per cluster.
    #[arg(long, default_value_t = 15, value_name = "POINTS")]
    pub min_cluster_size: usize,
    /// Neighbors used for the core distance.
    #[arg(long, default_value_t = 5, value_name = "POINTS")]
    pub min_samples: usize,
    /// Common options; 3 rounds by default.
    #[command(flatten)]
    pub common: Common,
}

/// The clusters of a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Found {
    n: usize,
    k: usize,
    clusters: usize,
    noise: f64,
    /// Adjusted Rand index to the first contestant, noise counting as a cluster.
    ari_to_ours: f64,
}

impl Score for Found {
    const TITLES: &'static [&'static str] = &["clusters", "noise", "ARI to ours"];

    fn cells(&self, _: &Usage) -> Vec<String> {
        vec![
            self.clusters.to_string(),
            format!("{:.1} %", self.noise * 100.0),
            format!("{:.4}", self.ari_to_ours),
        ]
    }
}

/// Runs the comparison and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("cluster.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let environment = Environment::prepare(&options.common, 3)?;
    environment.program("skerry-cluster")?;
    let mut parts = Vec::new();
    for &rows in &options.rows {
        let input = environment.graph(rows, options.dimensions, options.k)?;
        let name = input.file_name().unwrap_or_default().to_string_lossy();
        let places = BTreeMap::from([
            ("input", input.display().to_string()),
            ("min_cluster_size", options.min_cluster_size.to_string()),
            ("min_samples", options.min_samples.to_string()),
        ]);
        let first: OnceCell<Vec<i32>> = OnceCell::new();
        let takers = chosen.iter().copied().filter(|one| one.takes(rows));
        let entries = environment.compete("cluster", &name, takers, |one| {
            let usage = environment.measure(one, &places)?;
            let path = input.join("clusters.parquet");
            let labels = clusters(&path, "cluster")?;
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            let noise = labels.iter().filter(|&&label| label < 0).count();
            let found = Found {
                n: labels.len(),
                k: options.k,
                clusters: labels
                    .iter()
                    .max()
                    .map_or(0, |&last| (last + 1).max(0) as usize),
                noise: noise as f64 / labels.len().max(1) as f64,
                ari_to_ours: ari(first.get_or_init(|| labels.clone()), &labels),
            };
            Ok((usage, found))
        })?;
        let cells = [rows, options.k].map(|size| size.to_string());
        parts.push((cells.to_vec(), entries));
    }
    write!(std::io::stdout(), "{}", lay_out(&["n", "k"], &parts))?;
    Ok(())
}
