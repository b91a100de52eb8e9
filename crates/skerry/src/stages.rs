//! The stages behind one face, so that the pipeline can treat them alike.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::process::ExitCode;

use clap::{ArgMatches, Command};
use serde_json::Value;
use stage::{File, Files, Freshness, Hashes, Reach, Seed, Stage};

use crate::failure::Failure;

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

/// The stage of that name.
pub(crate) fn by_name(name: &str) -> Option<&'static dyn AnyStage> {
    ALL.into_iter().find(|stage| stage.name() == name)
}

/// A stage, whatever its types.
pub(crate) trait AnyStage: Sync {
    fn name(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn producer(&self) -> &'static str;
    fn inputs(&self) -> &'static [File];
    fn outputs(&self) -> &'static [File];
    fn takes_sources(&self) -> bool;
    /// The settings that reach outside the run.
    fn external(&self) -> &'static [(&'static str, Reach)];
    /// Its command line, under the name `name`.
    fn command(&self, name: &str) -> Command;
    /// Runs it in this process.
    fn execute(&self, matches: &ArgMatches) -> ExitCode;
    /// All its settings: those of `flags`, else of `table`, else the defaults.
    fn settings(
        &self,
        step: &str,
        table: &toml::Table,
        flags: &[OsString],
    ) -> Result<Vec<(String, Value)>, Failure>;
    /// The outputs that these settings bring forth.
    fn writes(&self, step: &str, table: &toml::Table) -> Result<Vec<&'static str>, Failure>;
    /// Whether these settings can be met at all, as far as that is known before anything is read.
    fn check(&self, step: &str, table: &toml::Table) -> Result<(), Failure>;
    /// Whether it would write what is there. With `unread`, a reason not to, nothing outside the run is looked at.
    fn freshness(
        &self,
        step: &str,
        table: &toml::Table,
        files: &Files,
        seed: Seed,
        hashes: &Hashes,
        unread: Option<&str>,
    ) -> Result<Freshness, Failure>;
}

struct Of<S>(PhantomData<fn() -> S>);

impl<S: Stage> AnyStage for Of<S> {
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

    fn command(&self, name: &str) -> Command {
        stage::cli::command::<S>(name)
    }

    fn execute(&self, matches: &ArgMatches) -> ExitCode {
        stage::cli::execute::<S>(matches)
    }

    fn settings(
        &self,
        step: &str,
        table: &toml::Table,
        flags: &[OsString],
    ) -> Result<Vec<(String, Value)>, Failure> {
        let line = std::iter::once(OsString::from("skerry run")).chain(flags.iter().cloned());
        let command = stage::cli::command::<S>("skerry run").arg_required_else_help(false);
        let matches = command
            .try_get_matches_from(line)
            .unwrap_or_else(|error| error.exit());
        let (options, local) = stage::settings::<S>(step, Some(table), Some(&matches))?;
        Ok(stage::settings_of::<S>(&options, &local))
    }

    fn writes(&self, step: &str, table: &toml::Table) -> Result<Vec<&'static str>, Failure> {
        Ok(S::writes(&stage::settings::<S>(step, Some(table), None)?.0))
    }

    fn check(&self, step: &str, table: &toml::Table) -> Result<(), Failure> {
        let (options, local) = stage::settings::<S>(step, Some(table), None)?;
        S::check(&options, &local).map_err(|error| Failure::of(&error).into_usage())
    }

    fn freshness(
        &self,
        step: &str,
        table: &toml::Table,
        files: &Files,
        seed: Seed,
        hashes: &Hashes,
        unread: Option<&str>,
    ) -> Result<Freshness, Failure> {
        let (options, local) = stage::settings::<S>(step, Some(table), None)?;
        Ok(stage::freshness::<S>(
            files, &options, &local, seed, hashes, unread,
        ))
    }
}
