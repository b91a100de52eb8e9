//! Clusters of a neighbor graph: from `neighbors.parquet` to labels.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::Contest;
use crate::harness::{Common, Ground, Score, lay_out, peers};
use crate::scores::clusters;
use test_support::adjusted_rand_index as ari;

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows, one table part each.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000, 100_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Values a row of the vectors that the graphs are made of.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Neighbors a row.
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub k: usize,
    /// The fewest points of a cluster.
    #[arg(long, default_value_t = 15, value_name = "POINTS")]
    pub min_cluster_size: usize,
    /// How many other points density is measured over.
    #[arg(long, default_value_t = 5, value_name = "POINTS")]
    pub min_samples: usize,
    /// What every contest takes; 3 rounds if it says nothing.
    #[command(flatten)]
    pub common: Common,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Found {
    n: usize,
    k: usize,
    clusters: usize,
    noise: f64,
    /// To the clusters of the first contestant, noise being one more cluster.
    ari_to_ours: f64,
}

impl Score for Found {
    const TITLES: &'static [&'static str] = &["clusters", "noise", "ARI to ours"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.clusters.to_string(),
            format!("{:.1} %", self.noise * 100.0),
            format!("{:.4}", self.ari_to_ours),
        ]
    }
}

/// Runs the contest and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("cluster.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let ground = Ground::prepare(&options.common, 3)?;
    ground.program("skerry-cluster")?;
    let mut parts = Vec::new();
    for &rows in &options.rows {
        let input = ground.graph(rows, options.dimensions, options.k)?;
        let name = input.file_name().unwrap_or_default().to_string_lossy();
        let places = BTreeMap::from([
            ("input", input.display().to_string()),
            ("min_cluster_size", options.min_cluster_size.to_string()),
            ("min_samples", options.min_samples.to_string()),
        ]);
        let first: OnceCell<Vec<i32>> = OnceCell::new();
        let takers = chosen.iter().copied().filter(|one| one.takes(rows));
        let entries = ground.compete("cluster", &name, takers, |one| {
            let usage = ground.measure(one, &places)?;
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
