//! `cargo xtask features`: the optional backends of the neighbor search, held to the contract of all backends.

use anyhow::{Result, ensure};

use crate::process::{cargo, part, run};

/// The cargo features of `knn` that bring a backend, and what each needs beside Rust.
const BACKENDS: [(&str, &str); 2] = [
    ("hnsw", "a C++ compiler"),
    ("faiss", "a C++ compiler, cmake and OpenBLAS"),
];

/// Builds `knn` with each of the features `names`, all if there are none, and runs its tests.
///
/// In a directory of their own: the C++ libraries take minutes, and features of one crate alone change how others are
/// built, so the builds of the workspace would be lost.
pub(crate) fn features(names: &[String]) -> Result<()> {
    for name in names {
        ensure!(
            BACKENDS.iter().any(|(known, _)| known == name),
            "`{name}` is no feature with a backend; there are {}",
            BACKENDS.map(|(known, _)| known).join(" and ")
        );
    }
    for (name, needs) in BACKENDS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            part(&format!("backend {name} (it needs {needs})"), || {
                run(cargo(&[
                    "test",
                    "--release",
                    "--locked",
                    "--package",
                    "knn",
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
