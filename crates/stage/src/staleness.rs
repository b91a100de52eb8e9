//! Decides whether a step is stale, by its footers: options, seed, producer, and the hashes of the inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use artifacts::Footer;
use serde_json::Value;

use crate::{Files, Seed, Stage};

/// The answer, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageStatus {
    /// The outputs are up to date.
    UpToDate,
    /// The outputs are stale, for this reason.
    Stale(String),
    /// The outputs are up to date, but some inputs could not be checked, for this reason.
    Unchecked(String),
}

/// A cache of the SHA-256 of files, valid while size and modification time are unchanged.
#[derive(Debug, Clone, Default)]
pub struct Hashes(Arc<Mutex<Known>>);

type Known = BTreeMap<PathBuf, (Stamp, String)>;

/// Size and modification time of a file.
type Stamp = (u64, Option<SystemTime>);

impl Hashes {
    /// The hash of the file at `path`.
    pub fn of(&self, path: &Path) -> Result<String, artifacts::Error> {
        if let Some(hash) = self.known_of(path) {
            return Ok(hash);
        }
        // Read the stamp first, so that a file that is written meanwhile is hashed again.
        let stamp = stamp(path);
        let hash = artifacts::sha256(path)?;
        self.known().insert(path.to_owned(), (stamp, hash.clone()));
        Ok(hash)
    }

    /// The cached hash of the file at `path`.
    pub fn known_of(&self, path: &Path) -> Option<String> {
        let known = self.known();
        let (of, hash) = known.get(path)?;
        (*of == stamp(path)).then(|| hash.clone())
    }

    /// Caches `hash` for the file at `path`.
    pub(crate) fn insert(&self, path: &Path, hash: String) {
        self.known().insert(path.to_owned(), (stamp(path), hash));
    }

    /// Removes the hash of a file that is being rewritten.
    pub fn forget(&self, path: &Path) {
        self.known().remove(path);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // The cache is valid even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = path.metadata();
    found.map_or((0, None), |data| (data.len(), data.modified().ok()))
}

/// Whether the outputs of `S` with these settings are stale. With `unread`, a reason, files outside the run (source, model) are
/// not read.
pub fn staleness<S: Stage>(
    files: &Files,
    options: &S::Options,
    local: &S::Local,
    seed: Seed,
    hashes: &Hashes,
    unread: Option<&str>,
) -> StageStatus {
    let stale = StageStatus::Stale;
    let expected = crate::footer::<S>(options, seed);
    for name in S::writes(options) {
        let Some(path) = files.output(name) else {
            continue;
        };
        if !path.exists() {
            return stale(format!("there is no {}", file_name(path)));
        }
    }
    let primary = S::OUTPUTS.first().expect("a stage writes something");
    let Some(path) = files.output(primary.name) else {
        return stale("there are no outputs".to_owned());
    };
    let footer = match Footer::read(path) {
        Ok(Some(footer)) => footer,
        Ok(None) => {
            return stale(format!(
                "{} was not written by this program",
                file_name(path)
            ));
        }
        Err(error) => return stale(error.to_string()),
    };
    if footer.producer != expected.producer {
        return stale(format!("it was written by {}", footer.producer));
    }
    if footer.seed != expected.seed {
        return stale(format!("its seed was {}", footer.seed));
    }
    let changed = differences(&footer.options, &expected.options);
    if !changed.is_empty() {
        return stale(format!("changed: {changed}"));
    }
    for file in S::INPUTS {
        let recorded = footer.inputs.get(file.name);
        let Some(path) = files.optional(file.name) else {
            if recorded.is_some() {
                return stale(format!("{} is missing", file.file));
            }
            continue;
        };
        match recorded {
            None if S::LAZY.contains(&file.name) => {}
            None => return stale(format!("{} was missing before", file.file)),
            Some(recorded) => match hashes.of(path) {
                Ok(hash) if hash == *recorded => {}
                Ok(_) => return stale(format!("{} has changed", file.file)),
                Err(error) => return stale(error.to_string()),
            },
        }
    }
    if let Some(reason) = unread {
        return StageStatus::Unchecked(reason.to_owned());
    }
    match S::fingerprints(files, options, local) {
        Ok(prints) => {
            let other = prints
                .iter()
                .find(|(name, print)| footer.inputs.get(*name) != Some(print));
            match other {
                Some((name, _)) => stale(format!("another {name}")),
                None => StageStatus::UpToDate,
            }
        }
        Err(error) => StageStatus::Unchecked(error.to_string()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The names of the options that differ. A missing option equals one without a value, so that a new, unused option makes
/// nothing stale.
fn differences(old: &Value, new: &Value) -> String {
    let value =
        |options: &Value, name: &str| options.get(name).filter(|value| !value.is_null()).cloned();
    let names: BTreeSet<&str> = [old, new]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(|options| options.keys().map(String::as_str))
        .collect();
    let changed: Vec<&str> = names
        .into_iter()
        .filter(|name| value(old, name) != value(new, name))
        .collect();
    changed.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changed_options_are_named_and_unset_ones_ignored() {
        let old = json!({"k": 10, "metric": "cosine", "index": null, "gone": 1});
        let new = json!({"k": 12, "metric": "cosine", "limit": null, "come": true});
        assert_eq!(differences(&old, &new), "come, gone, k");
        assert_eq!(differences(&old, &old), "");
        assert_eq!(
            differences(&json!({"k": 10}), &json!({"k": 10, "limit": null})),
            ""
        );
        assert_eq!(differences(&json!(null), &json!({"k": 10})), "k");
    }
}
