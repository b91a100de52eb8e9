//! Dependencies point one way: programs to stages, stages to the five crates below them, never stage to stage.

use anyhow::{Context, Result, ensure};

use crate::process::cargo;

const STAGES: [&str; 7] = [
    "ingest", "embed", "knn", "cluster", "project", "label", "viz",
];

/// Which crates of the workspace a crate may use.
const BELOW: [(&str, &[&str]); 7] = [
    ("artifacts", &[]),
    ("vectors", &[]),
    ("graph", &[]),
    ("entities", &[]),
    ("stage", &["artifacts"]),
    ("xtask", &[]),
    (
        "skerry",
        &[
            "artifacts",
            "stage",
            "ingest",
            "embed",
            "knn",
            "cluster",
            "project",
            "label",
            "viz",
        ],
    ),
];

/// What any stage may use.
const BELOW_STAGES: &[&str] = &["artifacts", "stage", "graph", "vectors", "entities"];

pub(crate) fn check() -> Result<()> {
    let all: Vec<&str> = BELOW.iter().map(|(name, _)| *name).chain(STAGES).collect();
    for name in &all {
        let allowed = BELOW
            .iter()
            .find(|(other, _)| other == name)
            .map_or(BELOW_STAGES, |(_, below)| below);
        let tree = [
            "tree",
            "--package",
            name,
            "--depth",
            "1",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ];
        let output = cargo(&tree).output().context("cannot start cargo tree")?;
        ensure!(
            output.status.success(),
            "cargo tree failed for {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout);
        for used in text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next())
        {
            let ours = all.contains(&used);
            ensure!(
                !ours || allowed.contains(&used),
                "`{name}` depends on `{used}`: dependencies point one way (docs/architecture.md)"
            );
        }
    }
    Ok(())
}
