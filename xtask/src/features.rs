//! `cargo xtask features`: the optional engines, tested against those that every build has.

use anyhow::{Result, ensure};

use crate::process::{cargo, part, run};

/// The cargo features that add an engine, the crate of each, and what it needs.
const ENGINES: [(&str, &str, &str); 4] = [
    ("hnsw", "knn", "a C++ compiler"),
    ("faiss", "knn", "a C++ compiler, cmake and OpenBLAS"),
    ("umap-rs", "project", "a Rust compiler only"),
    ("polars", "ingest", "ten minutes"),
];

/// Builds with each of the features `names`, all if there are none, the crate that has it, and runs its tests.
///
/// In a directory of their own: the engines take minutes, and features of one crate alone change how others are built, so
/// the builds of the workspace would be lost.
pub(crate) fn features(names: &[String]) -> Result<()> {
    for name in names {
        ensure!(
            ENGINES.iter().any(|(known, ..)| known == name),
            "`{name}` is no feature with an engine; there are {}",
            ENGINES.map(|(known, ..)| known).join(", ")
        );
    }
    for (name, package, needs) in ENGINES {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            part(&format!("engine {name} (it needs {needs})"), || {
                run(cargo(&[
                    "test",
                    "--release",
                    "--locked",
                    "--package",
                    package,
                    "--features",
                    name,
                    "--target-dir",
                    "target/features",
                ]))
            })?;
        }
    }
    Ok(())
}
