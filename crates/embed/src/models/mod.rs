//! The models on this machine: the default model, those in the cache of the hub, and the vectors cached for them.

mod error;
mod vectors;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use stage::{Bytes, packages};

pub use self::error::Error;
pub(crate) use self::vectors::describe as describe_vectors;
pub use self::vectors::{CachedVectors, VectorReport, clear, vectors};
use crate::hub::cache::HubCache;
use crate::hub::environment::Environment;
use crate::hub::missing_external;
use crate::hub::name::Repo;
use crate::model_dir;
use crate::model2vec;
use crate::options::Engine;
use crate::setup::{self, DEFAULT_MODEL};
use crate::weights::{NoWeights, choose_in};

/// A model on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// The value of `--model`.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Its directory.
    #[serde(serialize_with = "stage::lossy_path")]
    pub path: PathBuf,
    /// Its size on the disk.
    pub bytes: u64,
    /// The engines that can run it.
    pub engines: Vec<&'static str>,
    /// Why there is none, if there is none.
    pub unusable: Option<String>,
}

/// Where a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In Skerry's cache.
    Skerry,
    /// In the cache of the hub.
    Hub,
}

/// The report of `skerry models list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List {
    /// The name of the default model.
    pub default: &'static str,
    /// Skerry's cache.
    #[serde(serialize_with = "stage::lossy_path")]
    pub cache: PathBuf,
    /// The cache of the hub, if there is one.
    #[serde(serialize_with = "stage::lossy_optional_path")]
    pub hub: Option<PathBuf>,
    /// The models.
    pub models: Vec<Installed>,
}

/// The report of `skerry models remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The model.
    pub name: String,
    /// What was removed.
    #[serde(serialize_with = "stage::lossy_path")]
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether vectors of it are still cached.
    pub has_vectors: bool,
}

/// The models in Skerry's cache and in the cache of the hub. Reads names, sizes and configurations, not weights, except for
/// graphs, whose external files are looked for.
pub fn list(cache: &Path) -> List {
    let mut models = Vec::new();
    let dir = setup::model_dir(cache);
    if dir.is_dir() {
        models.push(installed(DEFAULT_MODEL.to_owned(), Place::Skerry, dir));
    }
    let hub = hub(cache);
    for repo in hub.iter().flat_map(HubCache::repos) {
        let hub = hub.as_ref().expect("it has repositories");
        let folder = hub.folder(&repo);
        let main = hub.snapshot(&repo);
        let snapshot = main.or_else(|| hub.snapshots(&repo).pop());
        // Without any snapshot, the folder holds what an interrupted download left.
        let mut model = installed(
            repo.id.clone(),
            Place::Hub,
            snapshot.map_or_else(|| folder.clone(), |snapshot| snapshot.dir),
        );
        model.bytes = size(&folder);
        model.path = folder;
        models.push(model);
    }
    List {
        default: DEFAULT_MODEL,
        cache: cache.to_owned(),
        hub: hub.map(|hub| hub.root),
        models,
    }
}

/// Removes the model `name` of Skerry's cache or the cache of the hub; calls `waiting` if another program downloads it.
///
/// # Errors
///
/// If there is no such model, or if it cannot be removed.
pub fn remove(cache: &Path, name: &str, waiting: impl FnOnce()) -> Result<Removed, Error> {
    let unknown = || {
        let known = list(cache).models.into_iter().map(|model| model.name);
        Error::Unknown {
            name: name.to_owned(),
            known: known.collect(),
        }
    };
    let (dir, beside, _lock) = if name == DEFAULT_MODEL {
        let dir = setup::model_dir(cache);
        if !dir.is_dir() {
            return Err(unknown());
        }
        (dir, Vec::new(), packages::lock(cache)?)
    } else {
        if name.contains('@') {
            return Err(Error::Revision {
                name: name.to_owned(),
            });
        }
        let repo = Repo::parse(name).ok_or_else(unknown)?;
        let hub = hub(cache).ok_or_else(unknown)?;
        let dir = hub.folder(&repo);
        if !dir.is_dir() {
            return Err(unknown());
        }
        let lock = hub
            .lock(&repo, "skerry", waiting)
            .map_err(|fault| Error::Locked {
                name: name.to_owned(),
                message: fault.to_string(),
            })?;
        let beside = hub.lists_of(&repo).into_iter().chain([hub.locks_of(&repo)]);
        (dir, beside.collect(), lock)
    };
    let bytes = size(&dir);
    std::fs::remove_dir_all(&dir).map_err(Error::io("remove", &dir))?;
    for beside in beside {
        // Lists and locks without the model are harmless.
        let _ = std::fs::remove_dir_all(beside);
    }
    Ok(Removed {
        name: name.to_owned(),
        path: dir,
        bytes,
        has_vectors: vectors(cache, Some(name)).is_ok(),
    })
}

fn hub(cache: &Path) -> Option<HubCache> {
    let root = Environment::of_process().cache?;
    Some(HubCache::new(root, Some(cache.to_owned())))
}

fn installed(name: String, place: Place, dir: PathBuf) -> Installed {
    let checks = [("ort", Engine::Ort), ("skerry", Engine::Skerry)]
        .map(|(name, engine)| (name, runs(&dir, engine)));
    let unusable = checks.iter().find_map(|(_, check)| check.clone().err());
    let engines: Vec<&str> = checks
        .iter()
        .filter(|(_, check)| check.is_ok())
        .map(|(name, _)| *name)
        .collect();
    Installed {
        name,
        place,
        bytes: size(&dir),
        unusable: unusable.filter(|_| engines.is_empty()),
        engines,
        path: dir,
    }
}

/// Whether `engine` can run the model in `dir`, as far as its files tell; else why not.
fn runs(dir: &Path, engine: Engine) -> Result<(), String> {
    match choose_in(dir, engine) {
        Ok(_) => {}
        Err(NoWeights::Neither) => {
            return Err("it has neither an ONNX graph nor model.safetensors".to_owned());
        }
        Err(NoWeights::NoGraph) => return Err("it has no ONNX graph".to_owned()),
        Err(NoWeights::ManyGraphs(names)) => {
            return Err(format!("it has several graphs ({names})"));
        }
    }
    let has = |name: &str| dir.join(name).is_file();
    if !has("tokenizer.json") && !has("vocab.txt") {
        return Err("it has no tokenizer".to_owned());
    }
    if let Some(file) = missing_external(dir, engine) {
        return Err(format!("{file} is missing"));
    }
    if engine == Engine::Skerry && !model2vec::is_in(dir) {
        let bytes = model_dir::read(&dir.join("config.json")).map_err(|error| error.to_string())?;
        let config: text_encoder::Config =
            serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Bytes of the files in `dir`; links are not followed, so that a file counts once.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let size_of = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |about| about.len()),
        _ => 0,
    };
    entries.map(size_of).sum()
}

/// Rows of a table with aligned columns, the last one ragged.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    // Names of models and reasons come from files of others.
    let one_line = |row: &Vec<String>| row.iter().map(|cell| stage::one_line(cell)).collect();
    let rows: &[Vec<String>] = &rows.iter().map(one_line).collect::<Vec<_>>();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        line.join("  ").trim_end().to_owned()
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    lines.join("\n")
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![
            ["model", "size", "engines", "place"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for model in &self.models {
            let place = match model.place {
                Place::Skerry if model.name == self.default => "Skerry's cache (default model)",
                Place::Skerry => "Skerry's cache",
                Place::Hub => "cache of the hub",
            };
            let engines = match &model.unusable {
                Some(_) => "none".to_owned(),
                None => model.engines.join(", "),
            };
            let reason = model.unusable.as_ref().map(|reason| format!(": {reason}"));
            rows.push(vec![
                model.name.clone(),
                Bytes(model.bytes).to_string(),
                engines,
                format!("{place}{}", reason.unwrap_or_default()),
            ]);
        }
        if self.models.is_empty() {
            write!(f, "there are no models on this machine")?;
        } else {
            f.write_str(&table(&rows))?;
        }
        if !self.models.iter().any(|model| model.name == self.default) {
            write!(
                f,
                "\n{} (default) is not installed: `skerry setup`",
                self.default
            )?;
        }
        let shown = |path: &Path| stage::one_line(&path.display().to_string());
        write!(f, "\nSkerry's cache: {}", shown(&self.cache))?;
        if let Some(hub) = &self.hub {
            write!(f, "\ncache of the hub: {}", shown(hub))?;
        }
        Ok(())
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "removed {} ({}) from {}",
            self.name,
            Bytes(self.bytes),
            self.path.display()
        )?;
        if self.has_vectors {
            write!(
                f,
                "; the vectors that were cached with it are kept (`skerry models cache {} --clear`)",
                self.name
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_a_model_is_told_by_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let engines = || installed("a/b".to_owned(), Place::Hub, dir.path().to_owned());
        assert!(engines().unusable.unwrap().contains("neither"));
        write("model.safetensors", "12345");
        write("tokenizer.json", "{}");
        write("config.json", r#"{"model_type":"bert"}"#);
        assert_eq!(engines().engines, ["skerry"]);
        assert_eq!(engines().bytes, 5 + 2 + 21);
        write("config.json", r#"{"model_type":"llama"}"#);
        assert!(engines().engines.is_empty());
        write("model.onnx", "\x3a\x00");
        assert_eq!(engines().engines, ["ort"]);
        assert_eq!(engines().unusable, None);
        std::fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
        assert_eq!(engines().unusable.as_deref(), Some("it has no tokenizer"));
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_not_utf8_are_reported_as_json() {
        use std::os::unix::ffi::OsStringExt as _;
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"/h\xff".to_vec()));
        let list = List {
            default: DEFAULT_MODEL,
            cache: path.clone(),
            hub: Some(path.clone()),
            models: vec![installed("a/b".to_owned(), Place::Hub, path.clone())],
        };
        let removed = Removed {
            name: "a/b".to_owned(),
            path: path.clone(),
            bytes: 0,
            has_vectors: false,
        };
        let vectors = VectorReport {
            path: path.clone(),
            cleared: false,
            vectors: vec![CachedVectors {
                model: "a/b".to_owned(),
                engine: None,
                rows: 0,
                bytes: 0,
                path: path.clone(),
                segments: vec![path.clone()],
            }],
        };
        let set_up = setup::Report {
            cache: path.clone(),
            downloaded: Vec::new(),
            present: Vec::new(),
            onnxruntime: Some(path.clone()),
            model: path,
        };
        for json in [
            serde_json::to_value(list).unwrap(),
            serde_json::to_value(removed).unwrap(),
            serde_json::to_value(vectors).unwrap(),
            serde_json::to_value(set_up).unwrap(),
        ] {
            let text = json.to_string();
            let paths = text.matches("/h\u{fffd}").count();
            assert!(paths > 0, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("model");
        std::fs::create_dir(&model).unwrap();
        for (name, text) in [("model.safetensors", "1"), ("tokenizer.json", "{}")] {
            std::fs::write(model.join(name), text).unwrap();
        }
        let config = model.join("config.json");
        let made = std::process::Command::new("mkfifo").arg(&config).status();
        assert!(made.unwrap().success());
        let listed = || installed("a/b".to_owned(), Place::Hub, model.clone());
        assert!(listed().unusable.is_some());
        std::fs::remove_file(&config).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &config).unwrap();
        assert!(listed().unusable.is_some());

        let cached = dir.path().join("vectors");
        std::fs::create_dir(&cached).unwrap();
        std::fs::write(cached.join("dd.index"), "").unwrap();
        let about = cached.join("dd.json");
        let made = std::process::Command::new("mkfifo").arg(&about).status();
        assert!(made.unwrap().success());
        let found = vectors(dir.path(), None).unwrap();
        assert_eq!(found.vectors[0].model, "unknown");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "bbb"], ["cc", ""]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "a   bbb\ncc");
        let forged = [["a\nb", "c"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&forged), "a\\nb  c");
    }
}
