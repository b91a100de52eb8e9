//! What the vector cache holds, by model.
//!
//! The names of the files of the vector cache are hashes, so each has a description beside it, `NAME.json`. Vectors of earlier
//! versions have none, and belong to an unknown model.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stage::{Bytes, thousands};

use super::{Error, table};
use crate::cache::{RECORD, eviction, lock};
use crate::model_dir;

/// The description of the vectors of one model with one set of settings.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    model: String,
    engine: String,
}

/// The model of vectors without a description.
const UNKNOWN: &str = "unknown";

/// The vectors of one model with one set of settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CachedVectors {
    /// The model, or "unknown".
    pub model: String,
    /// The engine that made them.
    pub engine: Option<String>,
    /// Number of vectors.
    pub rows: u64,
    /// Size on the disk.
    pub bytes: u64,
    /// The file of the index of the first segment.
    #[serde(serialize_with = "stage::lossy_path")]
    pub path: PathBuf,
    /// The files of the indexes of all segments.
    #[serde(serialize_with = "stage::lossy_paths")]
    pub segments: Vec<PathBuf>,
}

/// The report of `skerry models cache`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VectorReport {
    /// The directory.
    #[serde(serialize_with = "stage::lossy_path")]
    pub path: PathBuf,
    /// Whether the listed vectors were removed.
    pub cleared: bool,
    /// The vectors, by model.
    pub vectors: Vec<CachedVectors>,
}

/// Writes beside the index at `path` what its vectors are. Nothing but lists reads it, so a failure is ignored.
pub(crate) fn describe(path: &Path, model: &str, engine: &str) {
    let about = path.with_extension("json");
    if about.exists() {
        return;
    }
    // The first word: the processor's features are of no interest here.
    let engine = engine.split_whitespace().next().unwrap_or(engine);
    let engine = match engine {
        "skerry" | "endpoint" => engine,
        _ => "ort",
    };
    let text = serde_json::to_vec(&About {
        model: model.to_owned(),
        engine: engine.to_owned(),
    });
    let _ = artifacts::write_bytes(&about, &text.expect("it is plain data"));
}

/// The vectors in Skerry's cache, of `model` or of all models.
///
/// # Errors
///
/// If there are none of `model`.
pub fn vectors(cache: &Path, model: Option<&str>) -> Result<VectorReport, Error> {
    let path = cache.join("vectors");
    let mut vectors: BTreeMap<PathBuf, CachedVectors> = BTreeMap::new();
    for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
        let index = entry.path();
        if index.extension().is_none_or(|end| end != "index") {
            continue;
        }
        // The segments after the first have a number.
        let stem = index.with_extension("");
        let first = match stem.extension() {
            Some(_) => stem.with_extension("index"),
            None => index.clone(),
        };
        let len = |path: &Path| path.metadata().map_or(0, |about| about.len());
        let one = vectors
            .entry(first.clone())
            .or_insert_with(|| described(first));
        one.rows += len(&index) / RECORD as u64;
        one.bytes += len(&index) + len(&index.with_extension("vectors"));
        one.segments.push(index);
    }
    let mut vectors: Vec<CachedVectors> = vectors.into_values().collect();
    vectors.sort_by(|a, b| (&a.model, &a.path).cmp(&(&b.model, &b.path)));
    if let Some(model) = model {
        let mut known: Vec<String> = vectors.iter().map(|one| one.model.clone()).collect();
        known.dedup();
        vectors.retain(|one| one.model == model);
        if vectors.is_empty() {
            let name = model.to_owned();
            return Err(Error::NoVectors { name, known });
        }
    }
    Ok(VectorReport {
        path,
        cleared: false,
        vectors,
    })
}

/// The vectors whose first segment has the index `path`, without any segment yet.
fn described(path: PathBuf) -> CachedVectors {
    let about = model_dir::read(&path.with_extension("json")).ok();
    let about: Option<About> = about.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (model, engine) = match about {
        Some(about) => (about.model, Some(about.engine)),
        None => (UNKNOWN.to_owned(), None),
    };
    CachedVectors {
        model,
        engine,
        rows: 0,
        bytes: 0,
        path,
        segments: Vec::new(),
    }
}

/// Removes the vectors of `model`, or all of them. A run that uses them goes on with the files that it has open.
///
/// # Errors
///
/// If there are none of `model`, or if they cannot be removed.
pub fn clear(cache: &Path, model: Option<&str>) -> Result<VectorReport, Error> {
    let mut report = vectors(cache, model)?;
    let dir = report.path.clone();
    // Without the directory there is nothing to lock and to remove.
    let _lock = (dir.is_dir())
        .then(|| lock(&dir).map_err(Error::io("lock", &dir)))
        .transpose()?;
    for one in &report.vectors {
        for index in &one.segments {
            eviction::remove(index).map_err(Error::io("remove", index))?;
        }
        let about = one.path.with_extension("json");
        match std::fs::remove_file(&about) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", about)(error));
            }
            _ => {}
        }
    }
    report.cleared = true;
    Ok(report)
}

impl fmt::Display for VectorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: u64 = self.vectors.iter().map(|one| one.bytes).sum();
        let rows: u64 = self.vectors.iter().map(|one| one.rows).sum();
        if self.cleared {
            return write!(
                f,
                "removed {} vectors ({}) from {}",
                thousands(rows as usize),
                Bytes(bytes),
                self.path.display()
            );
        }
        if self.vectors.is_empty() {
            return write!(f, "no vectors are cached in {}", self.path.display());
        }
        let mut lines = vec![
            ["model", "engine", "vectors", "size"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for one in &self.vectors {
            lines.push(vec![
                one.model.clone(),
                one.engine.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
                thousands(one.rows as usize),
                Bytes(one.bytes).to_string(),
            ]);
        }
        write!(
            f,
            "{}\n{} in {}",
            table(&lines),
            Bytes(bytes),
            self.path.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{VectorCache, key};

    #[test]
    fn vectors_are_listed_and_cleared_by_model() {
        let cache = tempfile::tempdir().unwrap();
        assert!(vectors(cache.path(), None).unwrap().vectors.is_empty());
        for (identity, model) in [("a", Some("a/b")), ("b", Some("c/d")), ("c", None)] {
            let dir = cache.path().join("vectors");
            let mut store = VectorCache::open(&dir, identity, 2, 1 << 30, &[]).unwrap();
            store.append(&[key(identity)], &[0], &[1.0, 2.0]).unwrap();
            if let Some(model) = model {
                describe(&store.path(), model, "skerry 1 fp32");
            }
        }
        let names = |report: &VectorReport| -> Vec<String> {
            report.vectors.iter().map(|one| one.model.clone()).collect()
        };
        let all = vectors(cache.path(), None).unwrap();
        assert_eq!(names(&all), ["a/b", "c/d", "unknown"]);
        assert_eq!((all.vectors[0].rows, all.vectors[0].bytes), (1, 40));
        assert_eq!(all.vectors[0].engine.as_deref(), Some("skerry"));
        assert_eq!(names(&clear(cache.path(), Some("c/d")).unwrap()), ["c/d"]);
        let error = clear(cache.path(), Some("c/d")).unwrap_err();
        assert!(matches!(&error, Error::NoVectors { known, .. } if known == &["a/b", "unknown"]));
        clear(cache.path(), None).unwrap();
        let left = std::fs::read_dir(cache.path().join("vectors")).unwrap();
        assert_eq!(left.count(), 0);
    }
}
