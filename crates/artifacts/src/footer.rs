//! The footer of a file: kind, version, producer, options, seed, and the hashes of the files that it was made from.
//!
//! The footer is one JSON object under the key `skerry` of the Parquet metadata. It decides whether a file is
//! stale. It holds no path, time, thread count or machine, so that equal runs give equal bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::facts::{self, Facts};
use crate::file::{self, sha256};

/// The key of the footer in the Parquet metadata.
pub(crate) const FOOTER_KEY: &str = "skerry";

/// SHA-256 of files, by their names in the contract.
pub type Lineage = BTreeMap<String, BTreeSet<String>>;

/// Facts as JSON. Use [`Footer::facts`] and [`Footer::set_facts`] to read and write them as structs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawFacts(pub(crate) Map<String, Value>);

/// The footer of one file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Footer {
    /// The kind of file (`neighbors`); set on writing.
    pub kind: String,
    /// The version of the kind's columns; set on writing.
    pub version: u32,
    /// The program that wrote the file, with its version: `skerry-knn 0.1.0`.
    pub producer: String,
    /// All options of the stage, including defaults.
    pub options: Value,
    /// The seed of the run.
    pub seed: u64,
    /// The metric of the distances in the file, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// SHA-256 of each input, by name.
    pub inputs: BTreeMap<String, String>,
    /// SHA-256 of each file that the inputs were made from, directly or indirectly, by name. A name can have several hashes:
    /// a layout is of kind `embeddings` and made from `embeddings`. `None` if unknown: an input is foreign, or of a version
    /// that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancestors: Option<Lineage>,
    /// Facts recorded by the producer.
    #[serde(default)]
    pub facts: RawFacts,
}

impl Footer {
    /// A footer of `producer` run with `options` and `seed`, with no inputs yet.
    pub fn new(producer: &str, options: Value, seed: u64) -> Self {
        Self {
            producer: producer.to_owned(),
            options,
            seed,
            ancestors: Some(Lineage::new()),
            ..Self::default()
        }
    }

    /// Records that the file at `path` was read as the input `name`. Reads the whole file for its hash.
    pub fn reads(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        self.record(name, path, sha256(path)?);
        Ok(())
    }

    /// Records the file at `path`, whose SHA-256 is `hash`, and its lineage as the input `name`.
    pub fn record(&mut self, name: &str, path: &Path, hash: String) {
        self.inputs.insert(name.to_owned(), hash);
        let footer = Self::read(path).ok().flatten();
        let more = footer.filter(|footer| footer.ancestors.is_some());
        self.ancestors = self.ancestors.take().zip(more).map(|(mut all, footer)| {
            for (name, hashes) in footer.lineage() {
                all.entry(name).or_default().extend(hashes);
            }
            all
        });
    }

    /// The inputs and their lineage, if it is known.
    pub fn lineage(&self) -> Lineage {
        let mut all = self.ancestors.clone().unwrap_or_default();
        for (name, hash) in &self.inputs {
            all.entry(name.clone()).or_default().insert(hash.clone());
        }
        all
    }

    /// The facts of the file; missing ones are `None`.
    pub fn facts<F: Facts>(&self) -> F {
        serde_json::from_value(Value::Object(self.facts.0.clone())).unwrap_or_default()
    }

    /// Replaces the facts.
    pub fn set_facts<F: Facts>(&mut self, facts: &F) {
        self.facts = RawFacts(facts::object(facts));
    }

    pub(crate) fn key_value(&self, kind: &str, version: u32) -> KeyValue {
        let whole = Self {
            kind: kind.to_owned(),
            version,
            ..self.clone()
        };
        let json = serde_json::to_string(&whole).expect("a footer is made of JSON values");
        KeyValue::new(FOOTER_KEY.to_owned(), json)
    }

    /// The footer of the file at `path`, or `None` for a foreign file or Arrow IPC.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        if file::is_arrow_ipc(path) {
            return Ok(None);
        }
        file::guarded(path, || {
            let file = crate::checksum::Checked::open(path)?;
            let reader = parquet::file::metadata::ParquetMetaDataReader::new()
                .parse_and_finish(&file)
                .map_err(Error::parquet(path))?;
            Self::from_key_values(path, reader.file_metadata().key_value_metadata())
        })
    }

    pub(crate) fn from_key_values(
        path: &Path,
        pairs: Option<&Vec<KeyValue>>,
    ) -> Result<Option<Self>, Error> {
        let json = pairs
            .into_iter()
            .flatten()
            .find(|pair| pair.key == FOOTER_KEY)
            .and_then(|pair| pair.value.as_ref());
        json.map(|json| serde_json::from_str(json).map_err(Error::parquet(path)))
            .transpose()
    }
}
