//! `cargo xtask features`: tests the optional engines.

use anyhow::{Result, ensure};

use crate::process::{cargo, part, run};

/// The cargo features that add an engine, the crate of each, and what it needs.
const ENGINES: [(&str, &str, &str); 4] = [
    ("hnsw", "knn", "a C++ compiler"),
    ("faiss", "knn", "a C++ compiler, cmake and OpenBLAS"),
    ("umap-rs", "project", "a Rust compiler only"),
    ("polars", "ingest", "ten minutes"),
];

/// For each of the features `names`, by default all, builds the crate that has it and runs its tests.
///
/// Uses a separate target directory, because features of one crate change how others are built, which would invalidate the
/// builds of the workspace.
pub(crate) fn features(names: &[String]) -> Result<()> {
    for name in names {
        ensure!(
            ENGINES.iter().any(|(known, ..)| known == name),
            "`{name}` is not a feature with an engine; the features are {}",
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
