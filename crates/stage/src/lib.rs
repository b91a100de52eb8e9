//! The common part of all stages: command line, settings, seeds, progress and reports.
//!
//! A stage is a type that implements [`Stage`]: it declares its files and options and has a function `run`. [`cli::main`] is
//! its program.

pub mod boundary;
mod build_id;
mod bytes;
mod cache;
pub mod cli;
mod config;
mod failure;
mod files;
mod flag_names;
mod hint;
mod lineage;
mod lock;
mod lossy;
mod manifest;
pub mod packages;
mod progress;
mod staleness;
mod terminal;
pub mod trust;
mod usage;

use std::collections::BTreeMap;
use std::fmt::Display;

use clap::ArgMatches;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use boundary::BoundaryError;
pub use build_id::build_id;
pub use bytes::Bytes;
pub use cache::{NoCache, cache_dir};
pub use config::{ConfigError, STEP_KEYS, read_settings, settings, settings_of};
pub use failure::{Failure, signal_status};
pub use files::{File, Files, absolute, place};
pub use flag_names::{FLAG_NAME, FlagNames};
pub use hint::Hint;
pub use lock::{LockError, RunLock};
pub use lossy::{lossy_optional_path, lossy_path, lossy_paths};
pub use manifest::{Manifest, Record};
pub use progress::{Progress, Silent};
pub use random_streams::{Seed, Stream};
pub use staleness::{Hashes, StageStatus, staleness};
pub use terminal::{Terminal, one_line, say};
use terminal::{printable, printable_json};
pub use trust::{External, Reach, Trust, Untrusted};
pub use usage::Usage;

/// One stage of the pipeline.
pub trait Stage {
    /// Its name: the subcommand, and the table in `pipeline.toml`.
    const NAME: &'static str;
    /// Description in one line; text after a blank line is shown by `--help` only.
    const ABOUT: &'static str;
    /// Program and version in footers: `skerry-knn 0.1.0`.
    const PRODUCER: &'static str;
    /// Input files.
    const INPUTS: &'static [File];
    /// Output files. The first one is always written, and last: its footer is the record of the run.
    const OUTPUTS: &'static [File];
    /// Description of the positional arguments, if there are any.
    const SOURCES: Option<&'static str> = None;
    /// Inputs that are read only if needed: a footer without them is not stale.
    const LAZY: &'static [&'static str] = &[];

    /// Settings for a program, a library, a file or an address outside the run, by key. They are not trusted if they come from the
    /// settings file in the run directory (see [`trust`]).
    const EXTERNAL: &'static [(&'static str, Reach)] = &[];

    /// What it sends to the addresses among them, such as "the vectors".
    const SENDS: &'static str = "data";

    /// Local settings that are secret, by key. They are in no settings file and are never printed.
    const SECRETS: &'static [&'static str] = &[];

    /// The settings that `-h` lists, by key; `--help` lists all.
    const SHORT_HELP: &'static [&'static str] = &[];

    /// Settings that, with inputs and seed, determine the bytes of the output. A flat struct: field, flag and key of
    /// `pipeline.toml` have the same name. Recorded in footers.
    type Options: clap::Args + Serialize + DeserializeOwned + Default;
    /// Settings that do not change the output: paths, limits, addresses. Never in a footer.
    type Local: clap::Args + Serialize + DeserializeOwned + Default;
    /// The report.
    type Report: Serialize + Display;
    /// The error.
    type Error: std::error::Error + Hint + Send + Sync + 'static;

    /// The step whose files, and settings of the same names, this stage uses if it is run alone in a run directory.
    const FILES_OF: &'static str = Self::NAME;

    /// The inputs that are not read with these options; their lineage is not checked.
    fn unread(_options: &Self::Options) -> &'static [&'static str] {
        &[]
    }

    /// Checks the options before anything is read.
    fn check(_options: &Self::Options, _local: &Self::Local) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The outputs that are written with these options, by name.
    fn writes(_options: &Self::Options) -> Vec<&'static str> {
        Self::OUTPUTS
            .iter()
            .filter(|file| file.required)
            .map(|file| file.name)
            .collect()
    }

    /// Takes [`Self::SECRETS`] from the flags or the environment: they are not serialized, unlike all other settings.
    fn take_secrets(_local: &mut Self::Local, _flags: &ArgMatches) {}

    /// Hashes of the inputs that are not files of the contract: the source, the model.
    fn fingerprints(
        _files: &Files,
        _options: &Self::Options,
        _local: &Self::Local,
    ) -> Result<BTreeMap<String, String>, Self::Error> {
        Ok(BTreeMap::new())
    }

    /// Runs the stage.
    fn run(
        files: &Files,
        options: &Self::Options,
        local: &Self::Local,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Self::Report, Self::Error>;
}

/// For a stage without local settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args, Serialize, serde::Deserialize)]
pub struct NoLocal {}

/// The footer for the outputs of `S`, without inputs, which are recorded when they are read.
pub fn footer<S: Stage>(options: &S::Options, seed: Seed) -> artifacts::Footer {
    let options = serde_json::to_value(options).expect("options are plain data");
    artifacts::Footer::new(S::PRODUCER, options, seed.0)
}

/// The default seed.
pub const DEFAULT_SEED: u64 = 42;

/// A number with thousands separators: `12340` as `12,340`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect();
    parts.join(",")
}

/// A number and what it counts: `1 row`, `12,340 rows`.
pub fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(number))
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_thing_is_singular() {
        assert_eq!(
            [0, 1, 2_000].map(|number| super::counted(number, "row")),
            ["0 rows", "1 row", "2,000 rows"]
        );
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            [0, 12, 999, 1000, 12_340, 1_000_000].map(super::thousands),
            ["0", "12", "999", "1,000", "12,340", "1,000,000"]
        );
    }
}
