//! Encoders: from a table of texts to a file of vectors, with the same model.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::Contest;
use crate::arena::Usage;
use crate::harness::{Common, Environment, Score, lay_out, output_of, peers};

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Directory of the files of texts.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Use only files whose name contains one of these.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub files: Vec<String>,
    /// Use only the first N texts of each file.
    #[arg(long, value_name = "ROWS")]
    pub first: Option<usize>,
    /// Common options; 1 round by default.
    #[command(flatten)]
    pub common: Common,
}

/// A file of texts with labels.
#[derive(Debug)]
struct Source {
    file: &'static str,
    /// Columns of the text.
    text: &'static str,
    /// Column of the labels.
    labels: &'static str,
    /// The number of texts to use, unless `--first` says otherwise.
    first: usize,
}

/// News, and longer texts: the first 300 characters of abstracts, with their titles.
const SOURCES: [Source; 2] = [
    Source {
        file: "agnews_test_7600.csv",
        text: "title,description",
        labels: "label",
        first: 7_600,
    },
    Source {
        file: "arxiv_112k_short.csv.gz",
        text: "title,description",
        labels: "label",
        first: 4_000,
    },
];

/// The name of the model in `skerry models list`.
const MODEL: &str = "all-MiniLM-L6-v2";

/// The vectors of a contestant, from `score_embeddings.py`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Quality {
    /// Cosine to the vectors of ONNX Runtime in fp32; `None` for vectors of other dimensions.
    #[serde(default)]
    cosine_mean: Option<f64>,
    /// Its first percentile.
    #[serde(default)]
    cosine_p1: Option<f64>,
    /// The largest difference of a value from theirs.
    #[serde(default)]
    largest_difference: Option<f64>,
    /// Share of the 15 nearest neighbors that are those of the reference.
    overlap: f64,
    /// Adjusted mutual information of k-means clusters with the labels.
    ami: f64,
}

/// The score of a contestant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Found {
    #[serde(flatten)]
    count: Count,
    #[serde(flatten)]
    quality: Quality,
}

impl Score for Found {
    const TITLES: &'static [&'static str] = &[
        "texts per CPU s",
        "tokens per CPU s",
        "cosine mean",
        "1st percentile",
        "15-NN overlap",
        "k-means AMI",
    ];

    fn cells(&self, usage: &Usage) -> Vec<String> {
        let number = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.5}"))
        };
        vec![
            format!("{:.0}", self.count.texts as f64 / usage.cpu),
            format!("{:.0}", self.count.tokens as f64 / usage.cpu),
            number(self.quality.cosine_mean),
            number(self.quality.cosine_p1),
            format!("{:.3}", self.quality.overlap),
            format!("{:.3}", self.quality.ami),
        ]
    }
}

/// The size of a file, from `embed.py`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Count {
    texts: usize,
    tokens: usize,
}

/// Runs the comparison and prints a table per file.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("embed.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let environment = Environment::prepare_for("embed", &options.common, 1)?;
    environment.program("skerry-embed")?;
    let model = prepared(&environment)?;
    let data = match &options.data {
        Some(data) => data.clone(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    let mut out = std::io::stdout();
    for source in SOURCES {
        let wanted = |part: &String| source.file.contains(part.as_str());
        if !options.files.is_empty() && !options.files.iter().any(wanted) {
            continue;
        }
        let path = data.join(source.file);
        if !path.exists() {
            writeln!(
                std::io::stderr(),
                "skipped: {} does not exist; give its directory with `--data`",
                path.display()
            )?;
            continue;
        }
        let first = options.first.unwrap_or(source.first);
        let dir = read(&environment, &source, &path, first)?;
        let documents = dir.join("documents.parquet").display().to_string();
        let counted = environment.script("embed.py", &["count", &model, &documents])?;
        let count: Count = serde_json::from_str(&counted).context("embed.py printed no counts")?;
        let reference = dir.join("reference.parquet").display().to_string();
        let threads = environment.threads.to_string();
        environment.script(
            "embed.py",
            &[
                "onnxruntime",
                &model,
                &documents,
                &reference,
                &threads,
                "model.onnx",
            ],
        )?;
        let output = dir.join("embeddings.parquet").display().to_string();
        let places = BTreeMap::from([
            ("model", model.clone()),
            ("documents", documents.clone()),
            ("output", output.clone()),
        ]);
        let takers = chosen.iter().copied();
        let entries = environment.compete("embed", source.file, takers, |one| {
            let usage = environment.measure(one, &places)?;
            let printed = environment.script(
                "score_embeddings.py",
                &[&reference, &output, &documents, source.labels],
            )?;
            std::fs::remove_file(&output).with_context(|| format!("cannot remove {output}"))?;
            let quality: Quality =
                serde_json::from_str(&printed).context("score_embeddings.py printed no score")?;
            Ok((usage, Found { count, quality }))
        })?;
        let absent: Vec<String> = entries
            .iter()
            .filter_map(|entry| {
                Some((
                    &entry.contestant.name,
                    entry.failed.as_ref()?.lines().last()?,
                ))
            })
            .map(|(name, reason)| format!("{name} did not run: {reason}\n"))
            .collect();
        writeln!(
            out,
            "\n{}: {} texts of {:.1} tokens\n\n{}{}",
            source.file,
            count.texts,
            count.tokens as f64 / count.texts.max(1) as f64,
            lay_out(&[], &[(Vec::new(), entries)]),
            absent.concat()
        )?;
    }
    Ok(())
}

/// The directory of the model in the forms that the peers read; made once.
fn prepared(environment: &Environment) -> Result<String> {
    #[derive(Deserialize)]
    struct List {
        models: Vec<Installed>,
    }
    #[derive(Deserialize)]
    struct Installed {
        name: String,
        path: String,
    }
    let mut list = Command::new(environment.program("skerry")?);
    list.args(["models", "list", "--json"]);
    let list: List = serde_json::from_str(&output_of(list)?).context("cannot list the models")?;
    let Some(model) = list.models.into_iter().find(|model| model.name == MODEL) else {
        bail!("{MODEL} is not set up; run `skerry setup`");
    };
    let to = environment.dir.join(MODEL).display().to_string();
    if !Path::new(&to).exists() {
        environment.script("embed.py", &["prepare", &model.path, &to])?;
    }
    Ok(to)
}

/// A directory with the documents of a file. The model is calibrated on the way, which is done once for a machine.
fn read(environment: &Environment, source: &Source, path: &Path, first: usize) -> Result<PathBuf> {
    let dir = environment
        .dir
        .join("texts")
        .join(format!("{}-{first}", source.file));
    let ingest = |dir: &Path, rows: usize| {
        let mut command = Command::new(environment.program("skerry-ingest")?);
        command.arg(path).args(["--text", source.text, "--quiet"]);
        command
            .args(["--limit", &rows.to_string(), "--run"])
            .arg(dir);
        output_of(command).with_context(|| format!("cannot read {}", path.display()))
    };
    ingest(&dir, first)?;
    let few = dir.join("few");
    std::fs::create_dir_all(&few).with_context(|| format!("cannot create {}", few.display()))?;
    ingest(&few, 10)?;
    let mut command = Command::new(environment.program("skerry-embed")?);
    command
        .args(["--engine", "skerry", "--no-cache", "--quiet", "--run"])
        .arg(&few);
    output_of(command).context("cannot calibrate the model")?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_shown_run() {
        let found = Found {
            count: Count {
                texts: 100,
                tokens: 5_000,
            },
            quality: serde_json::from_str(r#"{"overlap": 0.5, "ami": 0.25}"#).expect("a score"),
        };
        let usage = Usage {
            cpu: 2.0,
            wall: 1.0,
            peak: 0,
        };
        assert_eq!(
            found.cells(&usage),
            ["50", "2500", "-", "-", "0.500", "0.250"]
        );
    }

    #[test]
    fn the_contest_is_readable() {
        let contest = Contest::read(&peers().join("embed.toml")).expect("a contest");
        assert_eq!(contest.contestant[0].name, "skerry int8");
    }
}
