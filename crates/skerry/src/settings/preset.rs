//! Recipes: named lists of steps. A step is a stage with explicit files, so a recipe may use a stage twice.

use clap::{Arg, ValueEnum, value_parser};
use stage::Failure;
use toml::{Table, Value};

use super::StepTable;

/// A predefined recipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// Cluster in a space reduced to 5 dimensions, map the full one: most topics, least noise
    #[default]
    Topics,
    /// Cluster in the space of the embeddings, and map the same neighbors: more noise
    Direct,
    /// Settings of a common notebook: BGE-M3, Euclidean distance, `min_cluster_size` and `min_samples` 3, `n_neighbors` 80
    Notebook,
}

/// `--preset NAME`.
pub(crate) fn preset_arg() -> Arg {
    Arg::new("preset")
        .long("preset")
        .value_name("NAME")
        .value_parser(value_parser!(Preset))
        .default_value("topics")
        .help("Recipe to start from")
}

impl Preset {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Topics => "topics",
            Self::Direct => "direct",
            Self::Notebook => "notebook",
        }
    }

    /// The recipe as the text of a settings file.
    fn settings(self) -> Table {
        let text = match self {
            Self::Topics => TOPICS,
            Self::Direct => DIRECT,
            Self::Notebook => NOTEBOOK,
        };
        text.parse().expect("the presets are valid TOML")
    }

    /// The steps of the recipe with the settings of a file applied.
    pub(crate) fn steps(self, file: Option<&Table>) -> Result<Vec<StepTable>, Failure> {
        let mut settings = self.settings();
        for (name, value) in file.into_iter().flatten() {
            let Value::Table(table) = value else {
                let hint =
                    "settings are in tables, such as `[knn]`; `skerry config` prints all of them";
                return Err(Failure::usage(
                    format_args!("`{name}` is not a table of the settings file"),
                    hint,
                ));
            };
            let entry = settings
                .entry(name.clone())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(entry) = entry {
                entry.extend(table.clone());
            }
        }
        let run = settings
            .remove("run")
            .and_then(|run| run.try_into::<Table>().ok())
            .unwrap_or_default();
        let names = run.get("steps").and_then(Value::as_array).cloned();
        let names = names.ok_or_else(|| {
            Failure::usage("`steps` of `[run]` is not a list", "give a list of names")
        })?;
        if names.is_empty() {
            return Err(Failure::usage(
                "`steps` of `[run]` is empty",
                "give at least one step",
            ));
        }
        let mut steps = Vec::new();
        for name in names {
            let Some(name) = name.as_str() else {
                return Err(Failure::usage(
                    "`steps` of `[run]` contains a value that is not a name",
                    "give a list of names",
                ));
            };
            if steps.iter().any(|step: &StepTable| step.name == name) {
                return Err(Failure::usage(
                    format_args!("the step `{name}` occurs twice"),
                    "give each step its own name",
                ));
            }
            let table = settings
                .remove(name)
                .and_then(|table| table.try_into::<Table>().ok())
                .unwrap_or_default();
            steps.push(StepTable::new(name, table)?);
        }
        // The tables of omitted steps are dropped.
        let unknown = settings
            .into_iter()
            .find(|(name, _)| file.is_some_and(|file| file.contains_key(name)));
        if let Some((name, _)) = unknown {
            let known = steps
                .iter()
                .map(|step| step.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            let hint = format!("the steps of this recipe are {known}");
            return Err(Failure::usage(
                format_args!("the settings file has a table `[{name}]`, but no such step"),
                hint,
            ));
        }
        Ok(steps)
    }
}

const DIRECT: &str = r#"
[run]
steps = ["ingest", "embed", "knn", "cluster", "project", "label", "viz"]
"#;

// The notebook uses 50 neighbors from Milvus and 80 in UMAP, both including the point itself, and min_samples 3 in HDBSCAN,
// which does not count the point in a precomputed matrix. Its model is BGE-M3: dense vectors of 1024 dimensions, the first
// token, of length 1, as the model's own files say. Its faults are listed in docs/divergences.md.
const NOTEBOOK: &str = r#"
[run]
steps = ["ingest", "embed", "knn", "cluster", "project", "label", "viz"]

[embed]
model = "BAAI/bge-m3"

[knn]
metric = "l2"
k = 79

[cluster]
use_k = 49
min_samples = 3
min_cluster_size = 3

[project]
n_neighbors = 80
min_dist = 0.1
"#;

// BERTopic reduces to 5 dimensions with min_dist 0 and clusters there by Euclidean distance.
const TOPICS: &str = r#"
[run]
steps = ["ingest", "embed", "knn", "reduce", "reduced_knn", "cluster", "project", "label", "viz"]

[reduce]
stage = "project"
files = { projection = "reduced.parquet" }
components = 5
min_dist = 0.0

[reduced_knn]
stage = "knn"
files = { embeddings = "reduced.parquet", neighbors = "reduced_neighbors.parquet" }
metric = "l2"

[cluster]
files = { embeddings = "reduced.parquet", neighbors = "reduced_neighbors.parquet" }
"#;
