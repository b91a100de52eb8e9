//! `manifest.json`: the log of a run, for people and scripts. Its hashes show whether a file is unchanged; staleness is decided
//! by footers.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Usage, boundary};

/// The log of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of Skerry that ran last.
    pub skerry: String,
    /// The recipe.
    pub preset: String,
    /// The seed of the last run.
    pub seed: u64,
    /// Sources: absolute paths, glob patterns, or `-`.
    pub input: Vec<String>,
    /// The current step of the last run, or the step at which it stopped; `None` if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The steps, in the order of the pipeline.
    pub steps: Vec<Record>,
}

/// The log of one step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    /// Its name in the recipe.
    pub step: String,
    /// Its stage.
    pub stage: String,
    /// `done` in the last run, `kept` from an earlier one, or `stale`: the next run would repeat it.
    pub status: String,
    /// Why it ran.
    pub reason: Option<String>,
    /// Program and version, as in the footers of its files.
    pub producer: String,
    /// Build id of the program, if it was a development build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// All of its settings.
    pub settings: BTreeMap<String, Value>,
    /// SHA-256 of the inputs, by name.
    pub inputs: BTreeMap<String, String>,
    /// SHA-256 of the outputs, by file.
    pub outputs: BTreeMap<String, String>,
    /// The report of the stage, with its notes and warnings.
    pub report: Value,
    /// Time and memory.
    pub usage: Usage,
}

impl Manifest {
    /// Its name in the directory of a run.
    pub const FILE: &'static str = "manifest.json";

    /// The log in directory `run`, empty if there is none.
    pub fn read(run: &Path) -> Result<Self, String> {
        let path = boundary::own_file(run, Self::FILE).map_err(|error| error.to_string())?;
        match crate::files::read_text(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes the log into directory `run`.
    pub fn write(&self, run: &Path) -> Result<(), artifacts::Error> {
        let text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        artifacts::write_bytes(&run.join(Self::FILE), (text + "\n").as_bytes())
    }

    /// The record of the step with this name.
    pub fn record(&self, step: &str) -> Option<&Record> {
        self.steps.iter().find(|record| record.step == step)
    }
}
