//! Neighbors: exact and approximate engines, from a file of vectors to a file of neighbors.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::harness::{Common, Ground, Score, lay_out, peers};

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Numbers of rows, one table part each.
    #[arg(long, value_delimiter = ',', default_values_t = [5_000, 20_000, 100_000], value_name = "ROWS,...")]
    pub rows: Vec<usize>,
    /// Values a row.
    #[arg(long, default_value_t = 384, value_name = "D")]
    pub dimensions: usize,
    /// Neighbors a row.
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub k: usize,
    /// A file of vectors to use instead of made ones; `--rows` is then ignored.
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
    /// What every contest takes; 3 rounds if it says nothing.
    #[command(flatten)]
    pub common: Common,
}

/// What `score.py` says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Answer {
    n: usize,
    d: usize,
    k: usize,
    recall: f64,
}

impl Score for Answer {
    const TITLES: &'static [&'static str] = &["recall"];

    fn cells(&self) -> Vec<String> {
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

/// The size of a file of vectors, as `score.py` says it.
#[derive(Deserialize)]
struct Size {
    n: usize,
    d: usize,
}

/// Runs the contest and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("knn.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let ground = Ground::prepare(&options.common, 3)?;
    ground.program("skerry-knn")?;
    let mut parts = Vec::new();
    for input in inputs(options, &ground)? {
        let takers = chosen.iter().copied().filter(|one| one.takes(input.n));
        let entries = ground.compete("knn", &input.name, takers, |one| {
            let output = input.vectors.with_extension("neighbors.parquet");
            let places = BTreeMap::from([
                ("input", input.vectors.display().to_string()),
                ("output", output.display().to_string()),
                ("k", options.k.to_string()),
            ]);
            let usage = ground.measure(one, &places)?;
            let said = ground.script(
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
                serde_json::from_str(&said).context("score.py did not say a score")?;
            Ok((usage, score))
        })?;
        let cells = [input.n, input.d, options.k].map(|size| size.to_string());
        parts.push((cells.to_vec(), entries));
    }
    write!(std::io::stdout(), "{}", lay_out(&["n", "d", "k"], &parts))?;
    Ok(())
}

/// The files to search, made where they are not there yet.
fn inputs(options: &Options, ground: &Ground) -> Result<Vec<Input>> {
    let files = if let Some(file) = &options.embeddings {
        vec![std::path::absolute(file)?]
    } else {
        let made = |&rows: &usize| ground.vectors(rows, options.dimensions);
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
            let truth = ground.dir.join(format!("{name}_truth_{}.npz", options.k));
            let said = ground.script(
                "score.py",
                &[
                    "truth",
                    &vectors.display().to_string(),
                    &options.k.to_string(),
                    &truth.display().to_string(),
                ],
            )?;
            let size: Size =
                serde_json::from_str(&said).context("score.py did not say the size")?;
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
