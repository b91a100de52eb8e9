//! `manifest.json`: the log of a run. Footers decide what is stale; this is for people and scripts, and tells whether a
//! file is still the one that was written.

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
    /// What was read: absolute paths, patterns, or `-`.
    pub input: Vec<String>,
    /// The step at which the last run is at work, or at which it stopped; none where it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// In the order of the pipeline.
    pub steps: Vec<Record>,
}

/// What is known of one step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    /// Its name in the recipe.
    pub step: String,
    /// The stage that it is.
    pub stage: String,
    /// `done` in the last run, `kept` from one before, `stale` where the next one would do it again.
    pub status: String,
    /// Why it ran.
    pub reason: Option<String>,
    /// Program and version, as in the footers of its files.
    pub producer: String,
    /// What identifies the build of the program, where it was a development build of `skerry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The seed that it ran with.
    pub seed: u64,
    /// All of its settings.
    pub settings: BTreeMap<String, Value>,
    /// SHA-256 of what was read, by name.
    pub inputs: BTreeMap<String, String>,
    /// SHA-256 of what was written, by file.
    pub outputs: BTreeMap<String, String>,
    /// The report of the stage, with its notes and warnings.
    pub report: Value,
    /// What it took.
    pub usage: Usage,
}

impl Manifest {
    /// Its name in the directory of a run.
    pub const FILE: &'static str = "manifest.json";

    /// The log in directory `run`, an empty one where there is none; or what is wrong with it.
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

    /// What is known of the step of that name.
    pub fn record(&self, step: &str) -> Option<&Record> {
        self.steps.iter().find(|record| record.step == step)
    }
}
