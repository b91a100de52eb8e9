//! Neighbors: exact and approximate engines, from a file of vectors to a file of neighbors.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::arena::{self, Usage};
use crate::contest::Contestant;
use crate::table::{mebibytes, table};
use crate::{Contest, venv};

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
    /// Rounds: in each, every contestant runs once, in turn.
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub rounds: usize,
    /// Threads of every contestant.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from), value_name = "N")]
    pub threads: usize,
    /// Only contestants whose name contains one of these.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub only: Vec<String>,
    /// Where the virtual environment, the vectors and the results are kept.
    #[arg(long, default_value = "target/peers", value_name = "DIR")]
    pub dir: PathBuf,
    /// Where our programs are [default: beside this one].
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// A file of vectors to use instead of made ones; `--rows` is then ignored.
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
}

/// What `score.py` says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Score {
    n: usize,
    d: usize,
    recall: f64,
}

/// One line of the results.
#[derive(Debug, Serialize)]
struct Line<'a> {
    contest: &'static str,
    contestant: &'a str,
    n: usize,
    d: usize,
    k: usize,
    threads: usize,
    round: usize,
    #[serde(flatten)]
    usage: Usage,
    recall: f64,
}

/// All runs of one contestant on one input.
struct Entry<'a> {
    contestant: &'a Contestant,
    runs: Vec<Usage>,
    score: Option<Score>,
    failed: Option<String>,
}

/// Runs the contest and prints its table.
pub fn run(options: &Options) -> Result<()> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let contest = Contest::read(&peers.join("knn.toml"))?;
    let chosen = contest.chosen(&options.only)?;
    let python = venv::python(&options.dir, &peers.join("requirements.txt"))?;
    let python = std::path::absolute(python)?;
    let programs = match &options.programs {
        Some(dir) => std::path::absolute(dir)?,
        None => std::env::current_exe()?
            .parent()
            .context("this program lies nowhere")?
            .to_owned(),
    };
    if !programs.join("skerry-knn").exists() {
        bail!(
            "{} is not there; build it with `cargo build --release -p knn`",
            programs.join("skerry-knn").display()
        );
    }
    let inputs = inputs(options, &python, &peers)?;
    let results = options.dir.join("knn.jsonl");
    let mut results = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&results)
        .with_context(|| format!("cannot write {}", results.display()))?;
    let mut rows = Vec::new();
    for input in &inputs {
        let arena = Arena {
            options,
            python: &python,
            peers: &peers,
            programs: &programs,
            input,
        };
        let entries = arena.compete(&chosen, &mut results)?;
        rows.extend(lines(&entries, options.k, input.rows));
    }
    let header = [
        "contestant",
        "n",
        "d",
        "k",
        "CPU s",
        "wall s",
        "peak MiB",
        "recall",
        "CPU to ours",
    ];
    let mut out = std::io::stdout().lock();
    write!(out, "{}", table(&header, &rows))?;
    Ok(())
}

/// A file of vectors and its true neighbors.
struct Input {
    rows: usize,
    vectors: PathBuf,
    truth: PathBuf,
}

/// The files to search, made where they are not there yet.
fn inputs(options: &Options, python: &Path, peers: &Path) -> Result<Vec<Input>> {
    let dir = std::path::absolute(&options.dir)?;
    let script = |name: &str, arguments: &[String]| -> Result<String> {
        let output = Command::new(python)
            .arg(peers.join(name))
            .args(arguments)
            .output()
            .context("cannot start Python")?;
        if !output.status.success() {
            bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let files: Vec<PathBuf> = if let Some(file) = &options.embeddings {
        vec![std::path::absolute(file)?]
    } else {
        let mut files = Vec::new();
        for rows in &options.rows {
            let file = dir.join(format!("vectors_{rows}x{}.parquet", options.dimensions));
            if !file.exists() {
                script(
                    "make_vectors.py",
                    &[
                        rows.to_string(),
                        options.dimensions.to_string(),
                        file.display().to_string(),
                    ],
                )?;
            }
            files.push(file);
        }
        files
    };
    files
        .into_iter()
        .map(|vectors| {
            let name = vectors
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let truth = dir.join(format!("{name}_truth_{}.npz", options.k));
            let arguments = [
                "truth".to_owned(),
                vectors.display().to_string(),
                options.k.to_string(),
                truth.display().to_string(),
            ];
            let rows = script("score.py", &arguments)?
                .parse()
                .context("score.py did not say how many rows there are")?;
            Ok(Input {
                rows,
                vectors,
                truth,
            })
        })
        .collect()
}

/// Where one input is searched.
struct Arena<'a> {
    options: &'a Options,
    python: &'a Path,
    peers: &'a Path,
    programs: &'a Path,
    input: &'a Input,
}

impl Arena<'_> {
    fn compete<'c>(
        &self,
        chosen: &[&'c Contestant],
        results: &mut impl std::io::Write,
    ) -> Result<Vec<Entry<'c>>> {
        let mut entries: Vec<Entry<'c>> = chosen
            .iter()
            .filter(|one| one.takes(self.input.rows))
            .map(|&contestant| Entry {
                contestant,
                runs: Vec::new(),
                score: None,
                failed: None,
            })
            .collect();
        for round in 1..=self.options.rounds {
            for entry in entries.iter_mut().filter(|entry| entry.failed.is_none()) {
                let mut stderr = std::io::stderr().lock();
                writeln!(
                    stderr,
                    "{} rows, round {round}: {}",
                    self.input.rows, entry.contestant.name
                )?;
                match self.once(entry.contestant) {
                    Ok((usage, score)) => {
                        let line = Line {
                            contest: "knn",
                            contestant: &entry.contestant.name,
                            n: score.n,
                            d: score.d,
                            k: self.options.k,
                            threads: self.options.threads,
                            round,
                            usage,
                            recall: score.recall,
                        };
                        writeln!(results, "{}", serde_json::to_string(&line)?)?;
                        entry.runs.push(usage);
                        entry.score = Some(score);
                    }
                    Err(error) => {
                        writeln!(stderr, "  {error:#}")?;
                        entry.failed = Some(error.to_string());
                    }
                }
            }
        }
        Ok(entries)
    }

    fn once(&self, contestant: &Contestant) -> Result<(Usage, Score)> {
        let output = self.input.vectors.with_extension("neighbors.parquet");
        let show = |path: &Path| path.display().to_string();
        let places = BTreeMap::from([
            ("programs", show(self.programs)),
            ("python", show(self.python)),
            ("peers", show(self.peers)),
            ("input", show(&self.input.vectors)),
            ("output", show(&output)),
            ("k", self.options.k.to_string()),
            ("threads", self.options.threads.to_string()),
        ]);
        let mut env = contestant.env.clone();
        for name in [
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "NUMBA_NUM_THREADS",
            "RAYON_NUM_THREADS",
        ] {
            env.entry(name.to_owned())
                .or_insert_with(|| self.options.threads.to_string());
        }
        let usage = arena::run(self.python, self.peers, &contestant.filled(&places)?, &env)?;
        let scored = Command::new(self.python)
            .arg(self.peers.join("score.py"))
            .arg("score")
            .args([&self.input.vectors, &output, &self.input.truth])
            .output()
            .context("cannot start Python")?;
        if !scored.status.success() {
            bail!(
                "the answer cannot be scored: {}",
                String::from_utf8_lossy(&scored.stderr)
            );
        }
        std::fs::remove_file(&output)
            .with_context(|| format!("cannot remove {}", output.display()))?;
        Ok((
            usage,
            serde_json::from_slice(&scored.stdout).context("score.py did not say a score")?,
        ))
    }
}

/// The rows of the table for one input; ratios are to the first contestant.
fn lines(entries: &[Entry<'_>], k: usize, rows: usize) -> Vec<Vec<String>> {
    let ours = entries
        .first()
        .and_then(|entry| arena::median(&entry.runs))
        .map(|usage| usage.cpu);
    entries
        .iter()
        .map(|entry| {
            let name = entry.contestant.name.clone();
            if let (Some(usage), Some(score)) = (arena::median(&entry.runs), entry.score) {
                vec![
                    name,
                    score.n.to_string(),
                    score.d.to_string(),
                    k.to_string(),
                    format!("{:.2}", usage.cpu),
                    format!("{:.2}", usage.wall),
                    mebibytes(usage.peak),
                    format!("{:.4}", score.recall),
                    ours.map_or_else(|| "-".to_owned(), |ours| format!("{:.2}", usage.cpu / ours)),
                ]
            } else {
                let why = if entry.failed.is_some() {
                    "failed"
                } else {
                    "did not run"
                };
                let mut line = vec![
                    name,
                    rows.to_string(),
                    String::new(),
                    k.to_string(),
                    why.to_owned(),
                ];
                line.resize(9, String::new());
                line
            }
        })
        .collect()
}
