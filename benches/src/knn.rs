//! Neighbors: exact and approximate engines, from a file of vectors to a file of neighbors.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::arena::Usage;
use crate::harness::{Common, Environment, Score, lay_out, peers};

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows; each gives a part of the table.
    #[arg(long, value_delimiter = ',', default_values_t = [5_000, 20_000, 100_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Number of dimensions.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Number of neighbors per row.
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub k: usize,
    /// A file of vectors to use instead of generated ones; `--rows` is then ignored.
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
    /// Common options; 3 rounds by default.
    #[command(flatten)]
    pub common: Common,
}

/// The output of `score.py`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Answer {
    n: usize,
    d: usize,
    k: usize,
    recall: f64,
}

impl Score for Answer {
    const TITLES: &'static [&'static str] = &["recall"];

    fn cells(&self, _: &Usage) -> Vec<String> {
        vec![format!("{:.4}", self.recall)]
    }
}

/// A file of vectors and its true neighbors.
struct Input {
    name: String,
    n: usize,
    d: usize,
    vectors: PathBuf,
    truth: PathBuf,
}

/// The size of a file of vectors, from `score.py`.
#[derive(Deserialize)]
struct Size {
    n: usize,
    d: usize,
}

/// Runs the comparison and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("knn.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let environment = Environment::prepare(&options.common, 3)?;
    environment.program("skerry-knn")?;
    let mut parts = Vec::new();
    for input in inputs(options, &environment)? {
        let takers = chosen.iter().copied().filter(|one| one.takes(input.n));
        let entries = environment.compete("knn", &input.name, takers, |one| {
            let output = input.vectors.with_extension("neighbors.parquet");
            let places = BTreeMap::from([
                ("input", input.vectors.display().to_string()),
                ("output", output.display().to_string()),
                ("k", options.k.to_string()),
            ]);
            let usage = environment.measure(one, &places)?;
            let printed = environment.script(
                "score.py",
                &[
                    "score",
                    &places["input"],
                    &places["output"],
                    &input.truth.display().to_string(),
                ],
            )?;
            std::fs::remove_file(&output)
                .with_context(|| format!("cannot remove {}", output.display()))?;
            let score: Answer =
                serde_json::from_str(&printed).context("score.py printed no score")?;
            Ok((usage, score))
        })?;
        let cells = [input.n, input.d, options.k].map(|size| size.to_string());
        parts.push((cells.to_vec(), entries));
    }
    write!(std::io::stdout(), "{}", lay_out(&["n", "d", "k"], &parts))?;
    Ok(())
}

/// The files to search, generated if they are missing.
fn inputs(options: &Options, environment: &Environment) -> Result<Vec<Input>> {
    let files = if let Some(file) = &options.embeddings {
        vec![std::path::absolute(file)?]
    } else {
        let made = |&rows: &usize| environment.vectors(rows, options.dimensions);
        options.rows.iter().map(made).collect::<Result<_>>()?
    };
    files
        .into_iter()
        .map(|vectors| {
            let name = vectors
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let truth = environment
                .dir
                .join(format!("{name}_truth_{}.npz", options.k));
            let printed = environment.script(
                "score.py",
                &[
                    "truth",
                    &vectors.display().to_string(),
                    &options.k.to_string(),
                    &truth.display().to_string(),
                ],
            )?;
            let size: Size = serde_json::from_str(&printed).context("score.py printed no size")?;
            Ok(Input {
                name,
                n: size.n,
                d: size.d,
                vectors,
                truth,
            })
        })
        .collect()
}
