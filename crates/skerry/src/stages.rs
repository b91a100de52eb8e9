//! The stages as trait objects, so that the pipeline treats them uniformly.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::Value;
use stage::{Failure, File, Files, Hashes, Reach, Seed, Stage, StageStatus};
use toml::Table;

/// Every stage, in the order of the pipeline.
pub(crate) const ALL: [&dyn AnyStage; 7] = [
    &Of::<ingest::Ingest>(PhantomData),
    &Of::<embed::Embed>(PhantomData),
    &Of::<knn::Knn>(PhantomData),
    &Of::<cluster::Cluster>(PhantomData),
    &Of::<project::Project>(PhantomData),
    &Of::<label::Label>(PhantomData),
    &Of::<viz::Viz>(PhantomData),
];

/// The stage with this name.
pub(crate) fn by_name(name: &str) -> Option<&'static dyn AnyStage> {
    ALL.into_iter().find(|stage| stage.name() == name)
}

/// A type-erased stage.
pub(crate) trait AnyStage: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn producer(&self) -> &'static str;
    fn inputs(&self) -> &'static [File];
    fn outputs(&self) -> &'static [File];
    fn takes_sources(&self) -> bool;
    /// The settings that reach outside the run.
    fn external(&self) -> &'static [(&'static str, Reach)];
    /// What it sends to the addresses among them.
    fn sends(&self) -> &'static str;
    /// The settings that are secret.
    fn secrets(&self) -> &'static [&'static str];
    /// Its command line, under the name `name`.
    fn command(&self, name: &str) -> Command;
    /// Runs it in this process.
    fn execute(&self, matches: &ArgMatches) -> ExitCode;
    /// The settings of the step `step`: those of `flags`, else of `table`, else the defaults. Paths become absolute.
    fn resolve(
        &self,
        step: &str,
        table: &Table,
        flags: &[OsString],
    ) -> Result<Box<dyn Resolved>, Failure>;
}

/// The typed settings of one step.
pub(crate) trait Resolved {
    /// All settings by name, options first.
    fn values(&self) -> &[(String, Value)];
    /// The outputs that are written with these settings, by name.
    fn writes(&self) -> Vec<&'static str>;
    /// Checks the settings before anything is read.
    fn check(&self) -> Result<(), Failure>;
    /// Whether the outputs in `files` are stale. With `unread`, a reason, files outside the run are not read.
    fn staleness(
        &self,
        files: &Files,
        seed: Seed,
        hashes: &Hashes,
        unread: Option<&str>,
    ) -> StageStatus;
}

struct Of<S>(PhantomData<fn() -> S>);

impl<S: Stage + 'static> AnyStage for Of<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn about(&self) -> &'static str {
        S::ABOUT
    }

    fn producer(&self) -> &'static str {
        S::PRODUCER
    }

    fn inputs(&self) -> &'static [File] {
        S::INPUTS
    }

    fn outputs(&self) -> &'static [File] {
        S::OUTPUTS
    }

    fn takes_sources(&self) -> bool {
        S::SOURCES.is_some()
    }

    fn external(&self) -> &'static [(&'static str, Reach)] {
        S::EXTERNAL
    }

    fn sends(&self) -> &'static str {
        S::SENDS
    }

    fn secrets(&self) -> &'static [&'static str] {
        S::SECRETS
    }

    fn command(&self, name: &str) -> Command {
        stage::cli::command::<S>(name)
    }

    fn execute(&self, matches: &ArgMatches) -> ExitCode {
        stage::cli::execute::<S>(matches)
    }

    fn resolve(
        &self,
        step: &str,
        table: &Table,
        flags: &[OsString],
    ) -> Result<Box<dyn Resolved>, Failure> {
        let line = std::iter::once(OsString::from("skerry run")).chain(flags.iter().cloned());
        let command = stage::cli::command::<S>("skerry run").arg_required_else_help(false);
        let matches = command
            .try_get_matches_from(line)
            .unwrap_or_else(|error| error.exit());
        let (options, local) = stage::settings::<S>(step, Some(table), Some(&matches))?;
        let mut values = stage::settings_of::<S>(&options, &local);
        // The next command may have another working directory.
        let is_path = |key: &str, value: &str| {
            let mut external = S::EXTERNAL.iter();
            let reach = external
                .find(|(known, _)| *known == key)
                .map(|(_, reach)| reach);
            match reach {
                None | Some(Reach::Network) => false,
                Some(Reach::Model) => !embed::is_model_name(value),
                Some(Reach::Code | Reach::File) => true,
            }
        };
        for (key, value) in &mut values {
            if let Value::String(path) = value
                && is_path(key, path)
            {
                *path = absolute(path)?;
            }
        }
        let (options, local) = stage::settings::<S>(step, Some(&table_of(&values)), None)?;
        Ok(Box::new(Settings::<S> {
            options,
            local,
            values,
        }))
    }
}

struct Settings<S: Stage> {
    options: S::Options,
    local: S::Local,
    values: Vec<(String, Value)>,
}

impl<S: Stage + 'static> Resolved for Settings<S> {
    fn values(&self) -> &[(String, Value)] {
        &self.values
    }

    fn writes(&self) -> Vec<&'static str> {
        S::writes(&self.options)
    }

    fn check(&self) -> Result<(), Failure> {
        let checked = S::check(&self.options, &self.local);
        checked.map_err(|error| Failure::of(&error).into_usage())
    }

    fn staleness(
        &self,
        files: &Files,
        seed: Seed,
        hashes: &Hashes,
        unread: Option<&str>,
    ) -> StageStatus {
        stage::staleness::<S>(files, &self.options, &self.local, seed, hashes, unread)
    }
}

/// `path` as stored in the settings of a run (see [`stage::absolute`]).
pub(crate) fn absolute(path: &str) -> Result<String, Failure> {
    stage::absolute(path).map_err(Failure::io("find", std::path::Path::new(path)))
}

/// Settings as a table of a settings file. TOML has no null, so keys that are not set are left out.
pub(crate) fn table_of(values: &[(String, Value)]) -> Table {
    let set = values.iter().filter_map(|(key, value)| {
        let value = toml::Value::try_from(value).ok()?;
        Some((key.clone(), value))
    });
    set.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Table;

    #[test]
    fn the_name_of_a_model_is_no_path() {
        let mut stages = super::ALL.iter();
        let embed = stages.find(|stage| stage.name() == "embed").unwrap();
        let resolved = |model: &str| {
            let flags = ["--model".into(), model.into()];
            let resolved = embed.resolve("embed", &Table::new(), &flags);
            let Ok(resolved) = resolved else {
                panic!("{model} is refused");
            };
            let mut values = resolved.values().iter();
            let (_, value) = values.find(|(key, _)| key == "model").unwrap();
            value.as_str().unwrap().to_owned()
        };
        assert_eq!(resolved("multilingual"), "multilingual");
        assert_eq!(resolved("BAAI/bge-m3"), "BAAI/bge-m3");
        let path = resolved("./models/multilingual");
        assert!(std::path::Path::new(&path).is_absolute(), "{path}");
    }

    /// A setting and a file of the same name would share a flag.
    #[test]
    fn every_flag_of_a_stage_has_one_meaning() {
        for stage in super::ALL {
            let mut seen = BTreeSet::new();
            for argument in stage.command(stage.name()).get_arguments() {
                if let Some(flag) = argument.get_long() {
                    assert!(seen.insert(flag.to_owned()), "--{flag} of {}", stage.name());
                }
            }
        }
    }
}
