//! The common part of all comparisons: the Python environment of the peers, running the contestants in turn, JSON lines and
//! tables of results.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::arena::{self, Usage};
use crate::contest::Contestant;
use crate::machine::Machine;
use crate::table::{mebibytes, table};
use crate::venv;

/// Options of every comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// Number of rounds; in each, every contestant runs once, in turn.
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Number of threads per contestant.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from), value_name = "N")]
    pub threads: usize,
    /// Run only contestants whose name contains one of these; optional ones need their full name.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub only: Vec<String>,
    /// Stop a contestant after this many CPU seconds and count it as failed.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub limit: u64,
    /// Directory of the virtual environment, the inputs and the results.
    #[arg(long, default_value = "target/peers", value_name = "DIR")]
    pub dir: PathBuf,
    /// Directory of Skerry's programs [default: the directory of this program].
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
}

/// The environment of the contestants, with absolute paths.
#[derive(Debug)]
pub struct Environment {
    /// The Python of the virtual environment.
    pub python: PathBuf,
    /// The directory of the peers' scripts.
    pub peers: PathBuf,
    /// The directory of Skerry's programs.
    pub programs: PathBuf,
    /// The directory of inputs and results.
    pub dir: PathBuf,
    /// Number of threads per contestant.
    pub threads: usize,
    /// Number of rounds.
    pub rounds: usize,
    limit: u64,
}

/// All runs of one contestant on one input.
#[derive(Debug)]
pub struct Entry<'a, S> {
    /// The contestant.
    pub contestant: &'a Contestant,
    /// Usage of each run.
    pub runs: Vec<Usage>,
    /// Score of the last result.
    pub score: Option<S>,
    /// Why it was stopped.
    pub failed: Option<String>,
}

/// One line of the results.
#[derive(Serialize)]
struct Line<'a, S> {
    contest: &'a str,
    input: &'a str,
    contestant: &'a str,
    threads: usize,
    #[serde(flatten)]
    machine: &'a Machine,
    /// The environment variables of the contestant, such as the forced kernel.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: &'a BTreeMap<String, String>,
    round: usize,
    #[serde(flatten)]
    usage: Option<Usage>,
    #[serde(flatten)]
    score: Option<&'a S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<&'a str>,
}

/// The directory of the peers' scripts and the TOML files.
pub fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

impl Environment {
    /// Creates the virtual environment if it is missing, and finds Skerry's programs.
    pub fn prepare(common: &Common, rounds: usize) -> Result<Self> {
        Self::with(common, rounds, "venv", "requirements.txt")
    }

    /// As [`prepare`](Self::prepare), for a comparison whose peers have an environment of their own.
    pub fn prepare_for(contest: &str, common: &Common, rounds: usize) -> Result<Self> {
        let (venv, list) = (
            format!("venv-{contest}"),
            format!("requirements-{contest}.txt"),
        );
        Self::with(common, rounds, &venv, &list)
    }

    fn with(common: &Common, rounds: usize, venv: &str, requirements: &str) -> Result<Self> {
        let peers = peers();
        let dir = std::path::absolute(&common.dir)?;
        let programs = match &common.programs {
            Some(dir) => std::path::absolute(dir)?,
            None => std::env::current_exe()?
                .parent()
                .context("this program has no directory")?
                .to_owned(),
        };
        Ok(Self {
            python: venv::python(&dir.join(venv), &peers.join(requirements))?,
            peers,
            programs,
            dir,
            threads: common.threads,
            rounds: common.rounds.unwrap_or(rounds),
            limit: common.limit,
        })
    }

    /// The path of a program of Skerry.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self
            .programs
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if !path.exists() {
            bail!(
                "{} does not exist; build it with `cargo build --release --workspace --bins`",
                path.display()
            );
        }
        Ok(path)
    }

    /// The output of a script in the peers' directory.
    pub fn script(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.python);
        command.arg(self.peers.join(name)).args(arguments);
        output_of(command).with_context(|| format!("{name} {}", arguments.join(" ")))
    }

    /// Generated vectors, `rows` x `dimensions`; generated once.
    pub fn vectors(&self, rows: usize, dimensions: usize) -> Result<PathBuf> {
        let file = self
            .dir
            .join(format!("vectors_{rows}x{dimensions}.parquet"));
        if !file.exists() {
            let (rows, dimensions) = (rows.to_string(), dimensions.to_string());
            self.script(
                "make_vectors.py",
                &[&rows, &dimensions, &file.display().to_string()],
            )?;
        }
        Ok(file)
    }

    /// A directory with generated `embeddings.parquet` and their `neighbors.parquet`, k neighbors by cosine; generated once.
    pub fn graph(&self, rows: usize, dimensions: usize, k: usize) -> Result<PathBuf> {
        let dir = self.dir.join(format!("graph_{rows}x{dimensions}_{k}"));
        let (embeddings, neighbors) = (
            dir.join("embeddings.parquet"),
            dir.join("neighbors.parquet"),
        );
        if !neighbors.exists() {
            std::fs::create_dir_all(&dir)
                .with_context(|| format!("cannot create {}", dir.display()))?;
            let made = self.vectors(rows, dimensions)?;
            std::fs::copy(&made, &embeddings)
                .with_context(|| format!("cannot copy {}", made.display()))?;
            let mut search = Command::new(self.program("skerry-knn")?);
            search.arg("--run").arg(&dir);
            search.args(["--k", &k.to_string(), "--quiet"]);
            output_of(search).context("cannot compute the neighbor graph")?;
        }
        Ok(dir)
    }

    /// Runs all steps of a contestant once and returns the usage. `places` are additional placeholders.
    pub fn measure(
        &self,
        contestant: &Contestant,
        places: &BTreeMap<&str, String>,
    ) -> Result<Usage> {
        let mut places = places.clone();
        places.extend([
            ("programs", self.programs.display().to_string()),
            ("python", self.python.display().to_string()),
            ("peers", self.peers.display().to_string()),
            ("threads", self.threads.to_string()),
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
                .or_insert_with(|| self.threads.to_string());
        }
        let mut all = Usage::default();
        for command in contestant.commands(&places)? {
            all += arena::run(&self.python, &self.peers, self.limit, &command, &env)?;
        }
        Ok(all)
    }

    /// Runs every contestant once per round. `turn` runs one and returns its usage and score.
    pub fn compete<'c, S: Serialize>(
        &self,
        contest: &str,
        input: &str,
        chosen: impl IntoIterator<Item = &'c Contestant>,
        turn: impl Fn(&Contestant) -> Result<(Usage, S)>,
    ) -> Result<Vec<Entry<'c, S>>> {
        let path = self.dir.join(format!("{contest}.jsonl"));
        let mut results = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let mut entries: Vec<Entry<'c, S>> = chosen
            .into_iter()
            .map(|contestant| Entry {
                contestant,
                runs: Vec::new(),
                score: None,
                failed: None,
            })
            .collect();
        let machine = Machine::this();
        let mut stderr = std::io::stderr().lock();
        for round in 1..=self.rounds {
            for entry in entries.iter_mut().filter(|entry| entry.failed.is_none()) {
                let name = &entry.contestant.name;
                writeln!(stderr, "{input}, round {round}: {name}")?;
                let usage = match turn(entry.contestant) {
                    Ok((usage, score)) => {
                        entry.runs.push(usage);
                        entry.score = Some(score);
                        Some(usage)
                    }
                    Err(error) => {
                        writeln!(stderr, "  {error:#}")?;
                        entry.failed = Some(format!("{error:#}"));
                        None
                    }
                };
                let line = Line {
                    contest,
                    input,
                    contestant: name,
                    threads: self.threads,
                    machine: &machine,
                    env: &entry.contestant.env,
                    round,
                    usage,
                    score: usage.and(entry.score.as_ref()),
                    failed: entry.failed.as_deref(),
                };
                writeln!(results, "{}", serde_json::to_string(&line)?)?;
            }
        }
        Ok(entries)
    }
}

/// The standard output of a command; its standard error is the error if it fails.
pub fn output_of(mut command: Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The score of a result, as shown in a table.
pub trait Score {
    /// Column titles.
    const TITLES: &'static [&'static str];

    /// Cells, for the run with this usage.
    fn cells(&self, usage: &Usage) -> Vec<String>;
}

/// The table of one or more inputs, whose own cells have the titles `input`. Rows show the run with the median CPU time;
/// ratios are to the first contestant on the same input. Below the table is the machine.
pub fn lay_out<S: Score>(input: &[&str], parts: &[(Vec<String>, Vec<Entry<'_, S>>)]) -> String {
    let mut header = vec!["contestant"];
    header.extend(input);
    header.extend(["CPU s", "wall s", "peak MiB"]);
    header.extend(S::TITLES);
    header.push("CPU to ours");
    let mut rows = Vec::new();
    for (cells, entries) in parts {
        let ours = entries
            .first()
            .and_then(|entry| arena::median(&entry.runs))
            .map(|usage| usage.cpu);
        for entry in entries {
            let mut row = vec![entry.contestant.name.clone()];
            row.extend(cells.iter().cloned());
            if let (Some(usage), Some(score), None) =
                (arena::median(&entry.runs), &entry.score, &entry.failed)
            {
                row.push(format!("{:.2}", usage.cpu));
                row.push(format!("{:.2}", usage.wall));
                row.push(mebibytes(usage.peak));
                row.extend(score.cells(&usage));
                row.push(
                    ours.map_or_else(|| "-".to_owned(), |ours| format!("{:.2}", usage.cpu / ours)),
                );
            } else {
                row.push("failed".to_owned());
                row.resize(header.len(), String::new());
            }
            rows.push(row);
        }
    }
    format!("{}\n{}\n", table(&header, &rows), Machine::this())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Found(f64);

    impl Score for Found {
        const TITLES: &'static [&'static str] = &["recall"];

        fn cells(&self, _: &Usage) -> Vec<String> {
            vec![format!("{:.2}", self.0)]
        }
    }

    #[test]
    fn ratios_refer_to_the_first_and_failures_are_shown() {
        let one = |name: &str| Contestant {
            name: name.to_owned(),
            ..Contestant::default()
        };
        let (ours, slow, broken) = (one("ours"), one("slow"), one("broken"));
        let usage = |cpu| Usage {
            cpu,
            wall: cpu,
            peak: 1 << 20,
        };
        let entry = |contestant, cpu: Option<f64>| Entry {
            contestant,
            runs: cpu.map(usage).into_iter().collect(),
            score: cpu.map(|_| Found(1.0)),
            failed: cpu.is_none().then(|| "it broke".to_owned()),
        };
        let entries = vec![
            entry(&ours, Some(2.0)),
            entry(&slow, Some(5.0)),
            entry(&broken, None),
        ];
        let text = lay_out(&["n"], &[(vec!["7".to_owned()], entries)]);
        let expected = "| contestant |  n |  CPU s | wall s | peak MiB | recall | CPU to ours |\n\
             | ---------- | -: | -----: | -----: | -------: | -----: | ----------: |\n\
             | ours       |  7 |   2.00 |   2.00 |        1 |   1.00 |        1.00 |\n\
             | slow       |  7 |   5.00 |   5.00 |        1 |   1.00 |        2.50 |\n\
             | broken     |  7 | failed |        |          |        |             |\n";
        assert_eq!(text, format!("{expected}\n{}\n", Machine::this()));
    }
}
