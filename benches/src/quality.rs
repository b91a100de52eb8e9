//! Clusters compared with human labels: presets of the pipeline and peers cluster the same vectors.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::Contest;
use crate::harness::{Common, Environment, lay_out, output_of, peers};
use crate::scores::{clusters, labels, of_labelled};

/// Options of the comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Directory of the labelled files in `labelled.toml`; the sample of this repository is always available.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Use only files whose name contains one of these, including optional ones.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub files: Vec<String>,
    /// Use only the first N texts of each file, because embedding takes long.
    #[arg(long, value_name = "ROWS")]
    pub first: Option<usize>,
    /// Common options; 1 round by default.
    #[command(flatten)]
    pub common: Common,
}

/// A table of texts with labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    text: String,
    labels: String,
    /// Whether the file is in this repository.
    #[serde(default)]
    shipped: bool,
    /// Used only if selected with `--files`.
    #[serde(default)]
    on_request: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    file: Vec<Source>,
}

/// Runs the comparison and prints a table per file.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("quality.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let environment = Environment::prepare(&options.common, 1)?;
    let skerry = environment.program("skerry")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data = options
        .data
        .clone()
        .unwrap_or_else(|| root.join("..").join("shared").join("data"));
    let mut out = std::io::stdout();
    for source in sources(&options.files)? {
        let path = if source.shipped {
            root.join("data").join(&source.name)
        } else {
            data.join(&source.name)
        };
        if !path.exists() {
            writeln!(
                std::io::stderr(),
                "skipped: {} does not exist; give its directory with `--data`",
                path.display()
            )?;
            continue;
        }
        let ready = embedded(options, &environment, &skerry, &source, &path)?;
        let documents = ready.join("documents.parquet");
        let truth = labels(&documents, &source.labels)?;
        let places = BTreeMap::from([
            (
                "embeddings",
                ready.join("embeddings.parquet").display().to_string(),
            ),
            (
                "min_cluster_size",
                min_cluster_size(truth.len()).to_string(),
            ),
        ]);
        let takers = chosen.iter().copied().filter(|one| one.takes(truth.len()));
        let entries = environment.compete("quality", &source.name, takers, |one| {
            let work = ready.with_extension("work");
            fresh_copy(&ready, &work)?;
            let found = work.join("clusters.parquet");
            let mut places = places.clone();
            places.insert("work", work.display().to_string());
            places.insert("output", found.display().to_string());
            let usage = environment.measure(one, &places)?;
            let agreement = of_labelled(&truth, &clusters(&found, "cluster")?)?;
            std::fs::remove_dir_all(&work)
                .with_context(|| format!("cannot remove {}", work.display()))?;
            Ok((usage, agreement))
        })?;
        let distinct: std::collections::BTreeSet<_> = truth.iter().flatten().collect();
        writeln!(
            out,
            "\n{}: {} texts, {} labels\n\n{}",
            source.name,
            truth.len(),
            distinct.len(),
            lay_out(&[], &[(Vec::new(), entries)])
        )?;
    }
    Ok(())
}

/// The files whose name contains one of `wanted`, or the default ones.
fn sources(wanted: &[String]) -> Result<Vec<Source>> {
    let path = peers().join("labelled.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let sources: Sources = toml::from_str(&text)
        .with_context(|| format!("{} is not a valid list of files", path.display()))?;
    let names: Vec<String> = sources.file.iter().map(|one| one.name.clone()).collect();
    let chosen: Vec<Source> = sources
        .file
        .into_iter()
        .filter(|one| {
            if wanted.is_empty() {
                !one.on_request
            } else {
                wanted.iter().any(|part| one.name.contains(part.as_str()))
            }
        })
        .collect();
    if chosen.is_empty() {
        bail!(
            "there is no file {}; the files are: {}",
            wanted.join(" or "),
            names.join(", ")
        );
    }
    Ok(chosen)
}

/// The directory of a run with the embedded texts; existing results are reused.
fn embedded(
    options: &Options,
    environment: &Environment,
    skerry: &Path,
    source: &Source,
    path: &Path,
) -> Result<PathBuf> {
    let first = options
        .first
        .map_or_else(|| "all".to_owned(), |rows| rows.to_string());
    let dir = environment
        .dir
        .join("labelled")
        .join(format!("{}-{first}", source.name));
    for step in ["ingest", "embed"] {
        let mut command = Command::new(skerry);
        command.arg("run").arg(path).args(["--text", &source.text]);
        command
            .arg("--out")
            .arg(&dir)
            .args(["--only", step, "--quiet"]);
        if let Some(rows) = options.first {
            command.args(["--limit", &rows.to_string()]);
        }
        output_of(command).with_context(|| format!("cannot embed {}", path.display()))?;
    }
    Ok(dir)
}

/// Makes `to` a copy of the directory `from`.
fn fresh_copy(from: &Path, to: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        if to.exists() {
            std::fs::remove_dir_all(to)?;
        }
        std::fs::create_dir_all(to)?;
        for entry in std::fs::read_dir(from)? {
            let path = entry?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                std::fs::copy(&path, to.join(name))?;
            }
        }
        Ok(())
    };
    copy().with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// The default of the presets `topics` and `direct` for n documents, for peers without a default of their own.
fn min_cluster_size(n: usize) -> usize {
    ((n as f64).sqrt() / 3.0).floor().max(5.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_get_the_default_cluster_size() {
        // As the help of `skerry cluster` says.
        assert_eq!([660, 7_600, 100_000].map(min_cluster_size), [8, 29, 105]);
        assert_eq!(min_cluster_size(10), 5);
    }

    #[test]
    fn contest_and_files_are_readable() {
        let contest = Contest::read(&peers().join("quality.toml")).expect("a contest");
        assert!(contest.contestant[0].name.contains("topics"));
        assert!(sources(&[]).expect("files").iter().any(|one| one.shipped));
        assert!(sources(&["nothing of the kind".to_owned()]).is_err());
    }
}
