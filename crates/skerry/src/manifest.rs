//! `manifest.json`: the log of a run. Footers decide what is stale; this is for people and scripts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stage::Usage;

use crate::failure::Failure;

pub(crate) const FILE: &str = "manifest.json";

/// The log of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The version of Skerry that ran last.
    pub(crate) skerry: String,
    pub(crate) preset: String,
    pub(crate) seed: u64,
    pub(crate) input: Vec<String>,
    /// In the order of the pipeline.
    pub(crate) steps: Vec<Record>,
}

/// What is known of one step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) step: String,
    pub(crate) stage: String,
    /// `done` in the last run, `kept` from one before, `stale` where the next one would do it again.
    pub(crate) status: String,
    /// Why it ran.
    pub(crate) reason: Option<String>,
    pub(crate) producer: String,
    pub(crate) seed: u64,
    pub(crate) settings: BTreeMap<String, Value>,
    /// SHA-256 of what was read, by name.
    pub(crate) inputs: BTreeMap<String, String>,
    /// SHA-256 of what was written, by file.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The report of the stage, with its notes and warnings.
    pub(crate) report: Value,
    pub(crate) usage: Usage,
}

impl Manifest {
    /// The log in directory `run`, an empty one where there is none; or what is wrong with it.
    pub(crate) fn read(run: &Path) -> Result<Self, String> {
        match std::fs::read_to_string(run.join(FILE)) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn write(&self, run: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        Ok(artifacts::write_bytes(
            &run.join(FILE),
            (text + "\n").as_bytes(),
        )?)
    }

    pub(crate) fn record(&self, step: &str) -> Option<&Record> {
        self.steps.iter().find(|record| record.step == step)
    }
}
