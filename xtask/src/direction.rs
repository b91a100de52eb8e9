//! Checks the direction of dependencies: programs to stages, stages to the crates below them, never stage to stage. Below the stages
//! are the files (`artifacts`, `stage`) and the method crates, which hold only a method: no stage, no file format, no command
//! line, no progress bar. `test-support` may be used by the tests of every crate, and by nothing that is shipped.
//!
//! All kinds of dependencies in the manifests are checked: normal, dev, build, optional, and of one platform.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::process::root;

/// The crates that hold a method, each with the crates of the workspace that it may use.
const METHODS: [(&str, &[&str]); 11] = [
    ("random-streams", &[]),
    ("exact-knn", &[]),
    ("html-text", &[]),
    ("milvus-client", &[]),
    ("text-encoder", &[]),
    ("topic-names", &["html-text"]),
    ("knn-graph", &[]),
    (
        "hdbscan-graph",
        &["random-streams", "exact-knn", "knn-graph"],
    ),
    ("umap-layout", &["random-streams", "exact-knn", "knn-graph"]),
    ("leiden", &["random-streams"]),
    (
        "communities",
        &[
            "random-streams",
            "exact-knn",
            "knn-graph",
            "hdbscan-graph",
            "umap-layout",
            "leiden",
        ],
    ),
];

/// What a method crate may not use, except in its tests: file formats, command line and progress.
const NOT_IN_METHODS: [&str; 6] = [
    "arrow",
    "parquet",
    "polars",
    "clap",
    "indicatif",
    "serde_json",
];

/// Crates that stages, tests and benches may use in addition to the method crates.
const BELOW_STAGES: &[&str] = &["artifacts", "stage"];

/// The shared test code: a dev-dependency of any crate, and a normal dependency only of development tools.
const FOR_TESTS: &str = "test-support";
const DEVELOPMENT_TOOLS: [&str; 2] = ["pipeline-tests", "pipeline-benches"];

/// The crates of the workspace that a crate other than a stage may use.
const BELOW: [(&str, &[&str]); 7] = [
    (FOR_TESTS, &[]),
    ("artifacts", &["knn-graph"]),
    ("stage", &["artifacts", "random-streams"]),
    ("xtask", &[]),
    ("pipeline-tests", &["artifacts", "stage", "viz"]),
    ("pipeline-benches", &["artifacts"]),
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

pub(crate) fn check() -> Result<()> {
    let crates = manifests()?;
    ensure!(
        crates.len() > BELOW.len() + METHODS.len(),
        "the crates were not found"
    );
    for (name, manifest) in &crates {
        let is_method = METHODS.iter().any(|(method, _)| method == name);
        for (table, used) in dependencies(manifest) {
            let ours = crates.iter().any(|(other, _)| *other == used);
            ensure!(
                !is_method
                    || table == "dev-dependencies"
                    || !NOT_IN_METHODS.contains(&used.as_str()),
                "`{name}` depends on `{used}`: a method crate knows no files and no terminal (docs/architecture.md)"
            );
            if used == FOR_TESTS {
                ensure!(
                    table == "dev-dependencies" || DEVELOPMENT_TOOLS.contains(&name.as_str()),
                    "`{name}` depends on `{used}` outside of its tests: write it under [dev-dependencies]"
                );
                continue;
            }
            ensure!(
                !ours || may_use(name, &used),
                "`{name}` depends on `{used}`: dependencies point one way (docs/architecture.md)"
            );
        }
    }
    Ok(())
}

/// Whether the crate `name` may use the crate `used`, both of the workspace.
fn may_use(name: &str, used: &str) -> bool {
    let listed = BELOW
        .iter()
        .chain(&METHODS)
        .find(|(other, _)| *other == name);
    match listed {
        Some((_, below)) => below.contains(&used),
        // A stage.
        None => BELOW_STAGES.contains(&used) || METHODS.iter().any(|(method, _)| *method == used),
    }
}

/// The name and the manifest of each crate of the workspace.
fn manifests() -> Result<Vec<(String, String)>> {
    let mut folders = vec![
        root().join("xtask"),
        root().join("tests"),
        root().join("benches"),
    ];
    let crates = root().join("crates");
    let entries = std::fs::read_dir(&crates).with_context(|| crates.display().to_string())?;
    for entry in entries {
        folders.push(entry?.path());
    }
    folders.sort();
    let found = folders
        .iter()
        .filter(|folder| folder.join("Cargo.toml").exists());
    found.map(|folder| manifest(folder)).collect()
}

fn manifest(folder: &Path) -> Result<(String, String)> {
    let path = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .with_context(|| format!("{} has no name", path.display()))?
        .to_owned();
    // A dependency by path could have another name.
    ensure!(
        !text.contains("path = \"../"),
        "{} has a dependency on a crate of the workspace by path: write `name.workspace = true`",
        path.display()
    );
    Ok((name, text))
}

/// The names in every table of dependencies, each after the kind of its table: `dependencies`, `dev-dependencies` or
/// `build-dependencies`.
fn dependencies(manifest: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut inside = None;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            // `[target.'cfg(unix)'.dependencies]`, `[dependencies.name]`
            let mut parts = table.rsplit('.');
            let (last, before) = (parts.next(), parts.next());
            inside = last.filter(|last| last.ends_with("dependencies"));
            if let (Some(name), Some(kind)) = (last, before)
                && kind.ends_with("dependencies")
            {
                found.push((kind, name.to_owned()));
            }
        } else if let Some(kind) = inside
            && !line.starts_with('#')
            && let Some(name) = line
                .split(['.', ' ', '='])
                .next()
                .filter(|name| !name.is_empty())
        {
            found.push((kind, name.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kind_of_dependency_is_seen() {
        let manifest = "[package]\nname = \"a\"\n\n[dependencies]\nb.workspace = true\n# c = 1\nd = { workspace = true, optional = true }\n\n\
                        [dev-dependencies]\ne = \"1\"\n[target.'cfg(unix)'.build-dependencies]\nf.workspace = true\n\
                        [dependencies.g]\nworkspace = true\n[features]\nh = []\n";
        let found = super::dependencies(manifest);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(kind, name)| (*kind, name.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("dependencies", "b"),
                ("dependencies", "d"),
                ("dev-dependencies", "e"),
                ("build-dependencies", "f"),
                ("dependencies", "g")
            ]
        );
    }

    #[test]
    fn method_crates_use_only_method_crates() {
        assert!(super::may_use("hdbscan-graph", "knn-graph"));
        assert!(super::may_use("cluster", "hdbscan-graph"));
        for used in ["artifacts", "stage", "cluster", "umap-layout"] {
            assert!(!super::may_use("hdbscan-graph", used), "{used}");
        }
        assert!(!super::may_use("cluster", "project"));
    }

    #[test]
    fn the_workspace_points_one_way() {
        super::check().unwrap();
    }
}
