//! One step of a recipe: a stage with its files and settings.

use std::ffi::OsString;

use stage::{External, Failure};
use toml::{Table, Value};

use crate::stages::{self, AnyStage, Resolved};

/// A step as defined by a recipe and a settings file.
#[derive(Clone)]
pub(crate) struct StepTable {
    /// Its name, unique in the recipe: the table of `pipeline.toml`.
    pub(crate) name: String,
    pub(crate) stage: &'static dyn AnyStage,
    /// Non-standard file names: name in the contract, path within the run directory.
    files: Vec<(&'static str, String)>,
    /// Non-default settings, and the keys `stage`, `files` and `command`.
    pub(crate) table: Table,
    /// A custom command that replaces the stage.
    command: Option<String>,
}

/// A step with all its settings.
pub(crate) struct Step {
    /// Its name, unique in the recipe: the table of `pipeline.toml`.
    pub(crate) name: String,
    pub(crate) stage: &'static dyn AnyStage,
    /// Non-standard file names: name in the contract, path within the run directory.
    pub(crate) files: Vec<(&'static str, String)>,
    /// A custom command that replaces the stage.
    pub(crate) command: Option<String>,
    /// Its settings.
    pub(crate) settings: Box<dyn Resolved>,
    /// Flags of its stage that apply to this run alone and are not kept in its settings file.
    pub(crate) only_now: Vec<OsString>,
    /// Untrusted settings: they reach outside the run and come from its own directory.
    pub(crate) untrusted: Vec<External>,
}

impl StepTable {
    pub(crate) fn new(name: &str, table: Table) -> Result<Self, Failure> {
        // Names are printed in messages and in the log, so they must not be able to imitate other text.
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
            let hint = format!("set `stage = \"...\"` in `[{name}]` to one of {known}");
            return Err(Failure::usage(
                format_args!("the stage `{stage_name}` of the step `{name}` does not exist"),
                hint,
            ));
        };
        let misfit = |key: &str, hint: &str| {
            let fact = format!("`{key}` of `[{name}]` is invalid");
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
                    format_args!("`files` of `[{name}]` has an invalid entry `{file}`"),
                    hint,
                ));
            };
            // The user allows the command, which a file name must not extend.
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
            if command.is_some() && !path.chars().all(plain) {
                return Err(Failure::usage(
                    format_args!("`files` of `[{name}]`, which has a command, names {path:?}"),
                    "with a command, use letters, digits, `.`, `_`, `-` and `/` alone",
                ));
            }
            files.push((known.name, path.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            stage,
            files,
            table,
            command,
        })
    }

    /// The step with all settings: `flags` override the table, and the table overrides the defaults.
    pub(crate) fn resolve(self, flags: &[OsString]) -> Result<Step, Failure> {
        let settings = self.stage.resolve(&self.name, &self.table, flags)?;
        Ok(Step {
            name: self.name,
            stage: self.stage,
            files: self.files,
            command: self.command,
            settings,
            only_now: Vec::new(),
            untrusted: Vec::new(),
        })
    }
}

impl Step {
    /// The value of the setting `key`; `None` if it is not set.
    pub(crate) fn value(&self, key: &str) -> Option<&serde_json::Value> {
        let mut values = self.settings.values().iter();
        let (_, value) = values.find(|(known, _)| known == key)?;
        Some(value).filter(|value| !value.is_null())
    }

    /// Overrides settings with `flags` in this run alone.
    pub(crate) fn override_now(&mut self, flags: &[&str]) -> Result<(), Failure> {
        let table = stages::table_of(self.settings.values());
        let flags = flags.iter().map(OsString::from);
        self.only_now.extend(flags);
        self.settings = self.stage.resolve(&self.name, &table, &self.only_now)?;
        Ok(())
    }

    /// The path of its file `file` within the run directory.
    pub(crate) fn file_name(&self, file: &stage::File) -> &str {
        let renamed = self.files.iter().find(|(name, _)| *name == file.name);
        renamed.map_or(file.file, |(_, path)| path)
    }

    /// The settings that reach outside the run.
    pub(crate) fn external(&self) -> Vec<External> {
        let command = self
            .command
            .iter()
            .map(|line| External::setting(&self.name, "command", line.clone(), stage::Reach::Code));
        let settings = self.stage.external().iter().filter_map(|&(key, reach)| {
            let value = self.value(key)?.as_str()?;
            Some(External::setting(&self.name, key, value.to_owned(), reach))
        });
        command.chain(settings).collect()
    }

    /// The placeholders that a custom command may use.
    pub(crate) fn placeholders(&self) -> Vec<&'static str> {
        let files = self.stage.inputs().iter().chain(self.stage.outputs());
        let sources = self.stage.takes_sources().then_some("input");
        sources
            .into_iter()
            .chain(files.map(|file| file.name))
            .chain(["seed", "threads"])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::any::TypeId;
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;

    fn step(name: &str, table: &str, flags: &[&str]) -> Step {
        let table = table.parse().expect("it is TOML");
        let flags: Vec<OsString> = flags.iter().map(OsString::from).collect();
        let step = StepTable::new(name, table).and_then(|step| step.resolve(&flags));
        step.unwrap_or_else(|failure| panic!("{failure:?}"))
    }

    #[test]
    fn flags_override_the_table_and_the_table_overrides_defaults() {
        let k = |table: &str, flags: &[&str]| step("knn", table, flags).value("k").cloned();
        let default = k("", &[]);
        assert_eq!(default, Some(json!(knn::Options::default().k)));
        assert_eq!(k("k = 7", &[]), Some(json!(7)));
        assert_eq!(k("k = 7", &["--k=9"]), Some(json!(9)));
        assert_eq!(k("", &["--k=9"]), Some(json!(9)));
        // What is not set has no value, also where there is such a setting.
        assert_eq!(step("ingest", "", &[]).value("where"), None);
        assert_eq!(step("ingest", "", &[]).value("no_such_setting"), None);
    }

    #[test]
    fn resolved_settings_give_outputs_and_are_checked() {
        let cluster = step("cluster", "", &[]);
        assert!(cluster.settings.writes().contains(&"clusters"));
        assert!(cluster.settings.check().is_ok());
        let wrong = step("cluster", "min_cluster_size = 1", &[]);
        assert!(wrong.settings.check().is_err());
    }

    #[test]
    fn paths_are_stored_absolute_and_reach_outside() {
        let here = std::env::current_dir().expect("there is one");
        let model = here.join("m").display().to_string();
        for embed in [
            step("embed", "model = \"m\"", &[]),
            step("embed", "", &["--model=m"]),
        ] {
            assert_eq!(embed.value("model"), Some(&json!(model)));
            let found: Vec<_> = embed
                .external()
                .into_iter()
                .map(|found| (found.key, found.value))
                .collect();
            assert_eq!(found, [("model".to_owned(), model.clone())]);
        }
        // A name is no path.
        for name in ["BAAI/bge-m3@main", "all-MiniLM-L6-v2"] {
            let embed = step("embed", "", &["--model", name]);
            assert_eq!(embed.value("model"), Some(&json!(name)));
            assert_eq!(embed.external().len(), 1);
        }
    }

    #[test]
    fn every_path_setting_is_declared_external() {
        for stage in stages::ALL {
            let command = stage.command(stage.name());
            let settings = command
                .get_arguments()
                .filter(|arg| arg.get_help_heading() == Some(stage::cli::SETTINGS));
            for arg in settings {
                let path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
                let address = arg
                    .get_value_names()
                    .is_some_and(|names| names.iter().any(|name| *name == "URL" || *name == "URI"));
                let key = arg.get_id().as_str();
                let declared = stage.external().iter().any(|(known, _)| *known == key);
                assert_eq!(path || address, declared, "`{key}` of {}", stage.name());
            }
        }
    }

    #[test]
    fn step_names_are_restricted_to_letters_digits_and_dashes() {
        for name in ["", "a b", "x]", "é", "a\nb", "../x"] {
            assert!(StepTable::new(name, Table::new()).is_err(), "{name:?}");
        }
        assert!(StepTable::new("knn", Table::new()).is_ok());
    }

    #[test]
    fn file_names_cannot_inject_into_a_command() {
        let knn = |path: &str, command: &str| {
            let table = format!("{command}\nfiles = {{ neighbors = '{path}' }}");
            StepTable::new("knn", table.parse().expect("it is TOML")).is_ok()
        };
        let command = "command = \"sh -c 'search > {neighbors}'\"";
        for path in [
            "x$(id)", "x;id", "a b", "x|id", "x`id`", "x&", "x\"y", "x\\y", "x>y", "é",
        ] {
            assert!(!knn(path, command), "{path}");
        }
        assert!(knn("sub/n-2_b.parquet", command));
        assert!(knn("a b", ""));
    }
}
