//! Clusters against labels that people gave: presets of the pipeline and peers, from the same vectors to clusters.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::Contest;
use crate::harness::{Common, Ground, lay_out, peers, said};
use crate::scores::{clusters, labels, of_labelled};

/// What to compare.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The directory of the labelled files that `labelled.toml` names; the sample of this project is there in any case.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Only files whose name contains one of these, also those that wait to be asked for.
    #[arg(long, value_delimiter = ',', value_name = "NAME,...")]
    pub files: Vec<String>,
    /// The first so many texts of each file; embedding is what takes long.
    #[arg(long, value_name = "ROWS")]
    pub first: Option<usize>,
    /// What every contest takes; 1 round if it says nothing.
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
    /// Lies in this project.
    #[serde(default)]
    shipped: bool,
    /// Runs only when named with `--files`.
    #[serde(default)]
    on_request: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    file: Vec<Source>,
}

/// Runs the contest and prints a table a file.
pub fn run(options: &Options) -> Result<()> {
    let contest = Contest::read(&peers().join("quality.toml"))?;
    let chosen = contest.chosen(&options.common.only)?;
    let ground = Ground::prepare(&options.common, 1)?;
    let skerry = ground.program("skerry")?;
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
                "skipped: {} is not there; `--data` names its directory",
                path.display()
            )?;
            continue;
        }
        let ready = embedded(options, &ground, &skerry, &source, &path)?;
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
        let entries = ground.compete("quality", &source.name, takers, |one| {
            let work = ready.with_extension("work");
            fresh_copy(&ready, &work)?;
            let found = work.join("clusters.parquet");
            let mut places = places.clone();
            places.insert("work", work.display().to_string());
            places.insert("output", found.display().to_string());
            let usage = ground.measure(one, &places)?;
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

/// The files whose name contains one of `wanted`, or those that run by default.
fn sources(wanted: &[String]) -> Result<Vec<Source>> {
    let path = peers().join("labelled.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let sources: Sources =
        toml::from_str(&text).with_context(|| format!("{} names no files", path.display()))?;
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
            "no file is called {}; there are: {}",
            wanted.join(" or "),
            names.join(", ")
        );
    }
    Ok(chosen)
}

/// The directory of a run in which the texts are read and embedded; what was done before is kept.
fn embedded(
    options: &Options,
    ground: &Ground,
    skerry: &Path,
    source: &Source,
    path: &Path,
) -> Result<PathBuf> {
    let first = options
        .first
        .map_or_else(|| "all".to_owned(), |rows| rows.to_string());
    let dir = ground
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
        said(command).with_context(|| format!("{} cannot be embedded", path.display()))?;
    }
    Ok(dir)
}

/// The files of `from` in `to`, and nothing else.
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

/// What the presets `topics` and `direct` choose for n documents, for the peers that have no choice of their own.
fn min_cluster_size(n: usize) -> usize {
    ((n as f64).sqrt() / 3.0).floor().max(5.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_get_the_size_of_our_default() {
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
