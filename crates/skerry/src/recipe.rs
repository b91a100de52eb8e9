//! Recipes: named lists of steps. A step is a stage with explicit files, so a stage may stand twice.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use stage::{External, Reach};
use toml::{Table, Value};

use crate::failure::Failure;
use crate::run::absolute;
use crate::stages::{self, AnyStage};

/// A ready recipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// Cluster in a space reduced to 5 dimensions, map the full one: most topics, least noise
    #[default]
    Topics,
    /// Cluster and map the same neighbors, in the space of the embeddings: the strictest
    Direct,
    /// The settings of the well-known notebook: L2, 3 and 3, UMAP over 80 neighbors
    Notebook,
}

/// One step of a run.
pub(crate) struct Step {
    /// Its name, unique in the recipe: the table of `pipeline.toml`.
    pub(crate) name: String,
    pub(crate) stage: &'static dyn AnyStage,
    /// Files that differ from the standard names: name in the contract, path within the run directory.
    pub(crate) files: Vec<(&'static str, String)>,
    /// Its table: settings that differ from the defaults, so far; all of them once resolved.
    pub(crate) table: Table,
    /// All settings in the order of the stage's command line, once resolved.
    pub(crate) settings: Vec<(String, serde_json::Value)>,
    /// A program to run in its place.
    pub(crate) command: Option<String>,
    /// Settings that reach outside the run and come from its own directory, where nobody vouches for them.
    pub(crate) untrusted: Vec<External>,
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

    /// The steps of the recipe with the settings of a file laid over them.
    pub(crate) fn steps(self, file: Option<&Table>) -> Result<Vec<Step>, Failure> {
        let mut settings = self.settings();
        for (name, value) in file.into_iter().flatten() {
            let Value::Table(table) = value else {
                let hint =
                    "settings stand in tables, such as `[knn]`; `skerry config` prints them all";
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
            Failure::usage("`steps` of `[run]` is no list", "give a list of names")
        })?;
        let mut steps = Vec::new();
        for name in names {
            let Some(name) = name.as_str() else {
                return Err(Failure::usage(
                    "`steps` of `[run]` holds something that is no name",
                    "give a list of names",
                ));
            };
            if steps.iter().any(|step: &Step| step.name == name) {
                return Err(Failure::usage(
                    format_args!("the step `{name}` stands twice"),
                    "give each step its own name",
                ));
            }
            let table = settings
                .remove(name)
                .and_then(|table| table.try_into::<Table>().ok())
                .unwrap_or_default();
            steps.push(Step::new(name, table)?);
        }
        // Steps that the file leaves out take their tables along.
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

impl Step {
    fn new(name: &str, table: Table) -> Result<Self, Failure> {
        // Names stand in messages and in the log: they must not pass for anything else there.
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(Failure::usage(
                format_args!("{name:?} is not a name for a step"),
                "use letters, digits, `_` and `-`",
            ));
        }
        let stage_name = table.get("stage").and_then(Value::as_str).unwrap_or(name);
        let Some(stage) = stages::by_name(stage_name) else {
            let known = stages::ALL
                .iter()
                .map(|stage| stage.name())
                .collect::<Vec<_>>()
                .join(", ");
            let hint = format!("`stage = \"...\"` in `[{name}]` may be one of {known}");
            return Err(Failure::usage(
                format_args!("the step `{name}` has no stage called `{stage_name}`"),
                hint,
            ));
        };
        let misfit = |key: &str, hint: &str| {
            let fact = format!("`{key}` of `[{name}]` does not fit");
            Failure::usage(fact, hint)
        };
        let command = match table.get("command") {
            None => None,
            Some(Value::String(line)) => Some(line.clone()),
            Some(_) => return Err(misfit("command", "give a command line as a text")),
        };
        let renamed = match table.get("files") {
            None => None,
            Some(Value::Table(files)) => Some(files),
            Some(_) => {
                return Err(misfit(
                    "files",
                    "give a table: `files = { neighbors = \"n.parquet\" }`",
                ));
            }
        };
        let mut files = Vec::new();
        for (file, path) in renamed.into_iter().flatten() {
            let known = stage
                .inputs()
                .iter()
                .chain(stage.outputs())
                .find(|known| known.name == file);
            let (Some(known), Some(path)) = (known, path.as_str()) else {
                let hint = format!("see `skerry {stage_name} --help` for its files");
                return Err(Failure::usage(
                    format_args!("`files` of `[{name}]` has a wrong entry `{file}`"),
                    hint,
                ));
            };
            files.push((known.name, path.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            stage,
            files,
            table,
            settings: Vec::new(),
            command,
            untrusted: Vec::new(),
        })
    }

    /// The name of its file `file` within the run directory.
    pub(crate) fn file_name(&self, file: &stage::File) -> &str {
        let renamed = self.files.iter().find(|(name, _)| *name == file.name);
        renamed.map_or(file.file, |(_, path)| path)
    }

    /// What reaches outside the run, of the settings as they stand.
    pub(crate) fn external(&self) -> Vec<External> {
        let command = self.command.iter().map(|_| ("command", Reach::Code));
        command
            .chain(self.stage.external().iter().copied())
            .filter_map(|(key, reach)| {
                Some(External {
                    step: self.name.clone(),
                    key: key.to_owned(),
                    value: self.table.get(key)?.as_str()?.to_owned(),
                    reach,
                })
            })
            .collect()
    }

    /// Completes the settings: `flags` before the table, the table before the defaults.
    pub(crate) fn resolve(&mut self, flags: &[OsString]) -> Result<(), Failure> {
        self.settings = self.stage.settings(&self.name, &self.table, flags)?;
        let command = self.stage.command(self.stage.name());
        let is_path = |key: &str| {
            let arg = command.get_arguments().find(|arg| arg.get_id() == key);
            arg.is_some_and(|arg| arg.get_value_parser().type_id() == TypeId::of::<PathBuf>())
        };
        for (key, value) in &mut self.settings {
            if let serde_json::Value::String(path) = value
                && is_path(key)
            {
                *path = absolute(path)?;
            }
        }
        for (key, value) in &self.settings {
            match Value::try_from(value) {
                Ok(value) => self.table.insert(key.clone(), value),
                // TOML has no word for "not set".
                Err(_) => self.table.remove(key),
            };
        }
        Ok(())
    }
}

const DIRECT: &str = r#"
[run]
steps = ["ingest", "embed", "knn", "cluster", "project", "label", "viz"]
"#;

// The notebook asks Milvus for 50 neighbors and UMAP for 80, both with the point itself among them, and HDBSCAN for
// min_samples 3, which its precomputed matrix counts without the point. Its faults are listed in docs/divergences.md.
const NOTEBOOK: &str = r#"
[run]
steps = ["ingest", "embed", "knn", "cluster", "project", "label", "viz"]

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_is_a_path_is_known_to_reach_outside() {
        for stage in stages::ALL {
            let command = stage.command(stage.name());
            let settings = command
                .get_arguments()
                .filter(|arg| arg.get_help_heading() == Some(stage::cli::SETTINGS));
            for arg in settings {
                let path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
                let address = arg
                    .get_value_names()
                    .is_some_and(|names| names.iter().any(|name| *name == "URL"));
                let key = arg.get_id().as_str();
                let declared = stage.external().iter().any(|(known, _)| *known == key);
                assert_eq!(path || address, declared, "`{key}` of {}", stage.name());
            }
        }
    }

    #[test]
    fn names_of_steps_are_plain() {
        for name in ["", "a b", "x]", "é", "a\nb", "../x"] {
            assert!(Step::new(name, Table::new()).is_err(), "{name:?}");
        }
        assert!(Step::new("knn", Table::new()).is_ok());
    }
}
