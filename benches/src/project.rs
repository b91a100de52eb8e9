//! The layout of a neighbor graph: from `neighbors.parquet` to two dimensions.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::harness::{Common, Ground, Score, lay_out, peers};

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows, one table part each.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Values a row of the vectors that the graphs are made of.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Points in a neighborhood, the point itself counted.
    #[arg(long, default_value_t = 15, value_name = "N")]
    pub n_neighbors: usize,
    /// What every contest takes; 3 rounds if it says nothing.
    #[command(flatten)]
    pub common: Common,
}

/// Neighbors a row in the file: more than any layout takes, and those that it is judged by.
const K: usize = 50;

/// What `score_layout.py` says of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Layout {
    n: usize,
    kept: f64,
    trustworthiness: f64,
}

impl Score for Layout {
    const TITLES: &'static [&'static str] = &["15 nearest kept", "trustworthiness"];

    fn cells(&self) -> Vec<String> {
        vec![
            format!("{:.4}", self.kept),
            format!("{:.4}", self.trustworthiness),
        ]
    }
}

/// Runs the contest and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("project.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let ground = Ground::prepare(&options.common, 3)?;
    ground.program("skerry-project")?;
    let mut parts = Vec::new();
    for &rows in &options.rows {
        let input = ground.graph(rows, options.dimensions, K)?;
        let name = input.file_name().unwrap_or_default().to_string_lossy();
        let places = BTreeMap::from([
            ("input", input.display().to_string()),
            ("n_neighbors", options.n_neighbors.to_string()),
        ]);
        let takers = chosen.iter().copied().filter(|one| one.takes(rows));
        let entries = ground.compete("project", &name, takers, |one| {
            let usage = ground.measure(one, &places)?;
            let said = ground.script("score_layout.py", &[&places["input"]])?;
            let path = input.join("projection.parquet");
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            let layout: Layout =
                serde_json::from_str(&said).context("score_layout.py did not say a score")?;
            Ok((usage, layout))
        })?;
        parts.push((vec![rows.to_string()], entries));
    }
    write!(std::io::stdout(), "{}", lay_out(&["n"], &parts))?;
    Ok(())
}
