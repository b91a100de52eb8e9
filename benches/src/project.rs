//! The layout of a neighbor graph: from `neighbors.parquet` to two dimensions.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::arena::Usage;
use crate::harness::{Common, Environment, Score, lay_out, peers};

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows; each gives a part of the table.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Number of dimensions of the vectors.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Number of neighbors per point, counting the point itself.
    #[arg(long, default_value_t = 15, value_name = "N")]
    pub n_neighbors: usize,
    /// Common options; 3 rounds by default.
    #[command(flatten)]
    pub common: Common,
}

/// Number of neighbors per row in the file: more than any layout uses, because scoring needs them too.
const K: usize = 50;

/// The output of `score_layout.py`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Layout {
    n: usize,
    kept: f64,
    trustworthiness: f64,
}

impl Score for Layout {
    const TITLES: &'static [&'static str] = &["15 nearest kept", "trustworthiness"];

    fn cells(&self, _: &Usage) -> Vec<String> {
        vec![
            format!("{:.4}", self.kept),
            format!("{:.4}", self.trustworthiness),
        ]
    }
}

/// Runs the comparison and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("project.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let environment = Environment::prepare(&options.common, 3)?;
    environment.program("skerry-project")?;
    let mut parts = Vec::new();
    for &rows in &options.rows {
        let input = environment.graph(rows, options.dimensions, K)?;
        let name = input.file_name().unwrap_or_default().to_string_lossy();
        let places = BTreeMap::from([
            ("input", input.display().to_string()),
            ("n_neighbors", options.n_neighbors.to_string()),
        ]);
        let takers = chosen.iter().copied().filter(|one| one.takes(rows));
        let entries = environment.compete("project", &name, takers, |one| {
            let usage = environment.measure(one, &places)?;
            let printed = environment.script("score_layout.py", &[&places["input"]])?;
            let path = input.join("projection.parquet");
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            let layout: Layout =
                serde_json::from_str(&printed).context("score_layout.py printed no score")?;
            Ok((usage, layout))
        })?;
        parts.push((vec![rows.to_string()], entries));
    }
    write!(std::io::stdout(), "{}", lay_out(&["n"], &parts))?;
    Ok(())
}
