//! How a stage runs: the same command line, settings, seeds, progress and report for all of them.
//!
//! A stage is a type that implements [`Stage`]: it names its files and options and has one function, `run`.
//! [`cli::main`] makes a program of it.

pub mod boundary;
mod bytes;
mod cache;
pub mod cli;
mod config;
mod files;
mod hint;
mod lineage;
mod lock;
mod manifest;
mod progress;
mod staleness;
mod terminal;
pub mod trust;
mod usage;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use boundary::BoundaryError;
pub use bytes::Bytes;
pub use cache::{NoCache, cache_dir};
pub use config::{ConfigError, STEP_KEYS, read_settings, settings, settings_of};
pub use files::{File, Files, absolute, place};
pub use hint::{Hint, explain};
pub use lock::{LockError, RunLock};
pub use manifest::{Manifest, Record};
pub use progress::{Progress, Silent};
pub use random_streams::{Seed, Stream};
pub use staleness::{Freshness, Hashes, freshness};
pub use terminal::{Terminal, one_line, say};
use terminal::{printable, printable_json};
pub use trust::{External, Reach, Trust, Untrusted};
pub use usage::Usage;

/// One stage of the pipeline.
pub trait Stage {
    /// Its name: the subcommand, and the table in `pipeline.toml`.
    const NAME: &'static str;
    /// What it does, in one line; what follows a blank line is for `--help` alone.
    const ABOUT: &'static str;
    /// Program and version, as footers name them: `skerry-knn 0.1.0`.
    const PRODUCER: &'static str;
    /// The files it reads.
    const INPUTS: &'static [File];
    /// The files it writes. The first one is written last and is always there: its footer says what was done.
    const OUTPUTS: &'static [File];
    /// What the positional arguments are, where it takes any.
    const SOURCES: Option<&'static str> = None;
    /// Inputs that are opened only when needed: a footer that does not name one is not stale for it.
    const LAZY: &'static [&'static str] = &[];

    /// Settings that name a program, a library, a file or an address outside the run, by key. They are not taken from a
    /// settings file that merely lies in the run directory (see [`trust`]).
    const EXTERNAL: &'static [(&'static str, Reach)] = &[];

    /// The settings that `-h` lists, by key; `--help` lists all.
    const SHORT_HELP: &'static [&'static str] = &[];

    /// What decides the bytes of the output, beside inputs and seed. A flat structure: field, flag and key of
    /// `pipeline.toml` are one name. It goes into footers whole.
    type Options: clap::Args + Serialize + DeserializeOwned + Default;
    /// Settings of this machine that change no byte of the output: paths, limits, addresses. Never in a footer.
    type Local: clap::Args + Serialize + DeserializeOwned + Default;
    /// What was done, counted.
    type Report: Serialize + Display;
    /// What went wrong.
    type Error: std::error::Error + Hint + Send + Sync + 'static;

    /// The step of a pipeline whose files this stage takes when it is run alone in the directory of a run, and whose
    /// settings it takes where they have the same names.
    const FILES_OF: &'static str = Self::NAME;

    /// Whether the options can be met at all, as far as that is known before anything is read.
    fn check(_options: &Self::Options, _local: &Self::Local) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The outputs that these options bring forth, by name.
    fn writes(_options: &Self::Options) -> Vec<&'static str> {
        Self::OUTPUTS
            .iter()
            .filter(|file| file.required)
            .map(|file| file.name)
            .collect()
    }

    /// Hashes of the inputs that are no files of the contract: the source, the model.
    fn fingerprints(
        _files: &Files,
        _options: &Self::Options,
        _local: &Self::Local,
    ) -> Result<BTreeMap<String, String>, Self::Error> {
        Ok(BTreeMap::new())
    }

    /// Does the work.
    fn run(
        files: &Files,
        options: &Self::Options,
        local: &Self::Local,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Self::Report, Self::Error>;
}

/// For a stage without settings of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::Args, Serialize, serde::Deserialize)]
pub struct NoLocal {}

/// The footer for what `S` writes: all but the inputs, which are recorded as they are read.
pub fn footer<S: Stage>(options: &S::Options, seed: Seed) -> artifacts::Footer {
    let options = serde_json::to_value(options).expect("options are plain data");
    artifacts::Footer::new(S::PRODUCER, options, seed.0)
}

/// The seed of a run where none is given.
pub const DEFAULT_SEED: u64 = 42;

/// A count as people read it: `12340` as `12,340`.
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

#[cfg(test)]
mod tests {
    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            [0, 12, 999, 1000, 12_340, 1_000_000].map(super::thousands),
            ["0", "12", "999", "1,000", "12,340", "1,000,000"]
        );
    }
}
