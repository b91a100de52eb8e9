//! Models by name: repositories of the Hugging Face hub.
//!
//! A model is taken from the cache of the hub, which Hugging Face's own client shares, and downloaded into it if it is not
//! there. What is in the cache is not looked up again, so that a name means the same files until they are removed. Only the
//! files that a model needs are downloaded (`listing`), each is checked with the hash that the hub gives, and a download that
//! broke off is continued (`download`). The environment variables are those of Hugging Face's client (`environment`).

pub(crate) mod cache;
mod client;
mod download;
pub(crate) mod environment;
mod error;
mod listing;
pub(crate) mod name;

use std::path::{Path, PathBuf};

use stage::{Bytes, Progress};

use self::cache::{HubCache, Snapshot};
use self::client::{Client, shown};
pub(crate) use self::client::{joined, origin};
use self::download::Download;
use self::environment::Environment;
pub use self::error::{Error, Fault};
use self::listing::Entry;
use self::name::Repo;
use crate::model_dir;
use crate::model2vec;
use crate::onnx::external_files;
use crate::options::Engine;
use crate::weights::{SAFETENSORS, WeightsFile, choose_in};

/// The directory of the model `repo` with the files that `engine` needs. Downloads what is missing if `progress` is given,
/// which receives what is downloaded and how large it is; else only the cache is used.
pub(crate) fn find(
    repo: &Repo,
    engine: Engine,
    progress: Option<&dyn Progress>,
) -> Result<PathBuf, Error> {
    let hub = Hub::new(Environment::of_process(), stage::cache_dir().ok());
    let found = hub.and_then(|hub| hub.find(repo, engine, progress));
    found.map_err(|fault| Error {
        repo: repo.to_string(),
        fault,
    })
}

struct Hub {
    environment: Environment,
    cache: HubCache,
}

impl Hub {
    fn new(environment: Environment, skerry: Option<PathBuf>) -> Result<Self, Fault> {
        let root = environment.cache.clone().ok_or(Fault::NoCache)?;
        let cache = HubCache::new(root, skerry);
        Ok(Self { environment, cache })
    }

    fn find(
        &self,
        repo: &Repo,
        engine: Engine,
        progress: Option<&dyn Progress>,
    ) -> Result<PathBuf, Fault> {
        let cached = self.cache.snapshot(repo);
        let state = match &cached {
            Some(snapshot) => self.state(repo, snapshot, engine)?,
            None => State::Absent,
        };
        let cache = || self.cache.root.clone();
        let Some(progress) = progress else {
            return match state {
                State::Complete(dir) | State::Unlisted(dir) => Ok(dir),
                State::Incomplete(_) | State::Absent => Err(Fault::NotCached { cache: cache() }),
            };
        };
        let download = || self.download(repo, cached.as_ref(), engine, progress);
        match state {
            State::Complete(dir) => Ok(dir),
            State::Unlisted(dir) if self.environment.offline => {
                progress.note(&format!(
                    "{repo} is used as it is in the cache of the hub; whether all of its files are there is not known offline"
                ));
                Ok(dir)
            }
            State::Incomplete(file) if self.environment.offline => Err(Fault::Incomplete { file }),
            State::Absent if self.environment.offline => Err(Fault::Offline { cache: cache() }),
            State::Unlisted(dir) => match download() {
                Err(fault) if fault.allows_cached() => {
                    progress.warn(&format!(
                        "{repo}: {fault}; the model is used as it is in the cache of the hub, where files may be missing"
                    ));
                    Ok(dir)
                }
                found => found,
            },
            State::Incomplete(_) | State::Absent => download(),
        }
    }

    /// What of the model is in the cache; a fault if the repository has nothing that `engine` can run.
    fn state(&self, repo: &Repo, snapshot: &Snapshot, engine: Engine) -> Result<State, Fault> {
        let dir = &snapshot.dir;
        let present = |path: &str| dir.join(path).is_file();
        let external = || missing_external(dir, engine);
        let Some(listing) = self.cache.listing(repo, &snapshot.commit) else {
            let usable = choose_in(dir, engine).is_ok()
                && (present("tokenizer.json") || present("vocab.txt"))
                && present("config.json")
                && external().is_none();
            return Ok(if usable {
                State::Unlisted(dir.clone())
            } else {
                State::Absent
            });
        };
        let mut wanted = listing.wanted(engine)?.into_iter();
        let missing = wanted.find(|file| !present(&file.path));
        let missing = missing.map(|file| file.path).or_else(external);
        Ok(missing.map_or_else(|| State::Complete(dir.clone()), State::Incomplete))
    }

    /// Downloads what is missing, at the commit that the cache has, if any.
    fn download(
        &self,
        repo: &Repo,
        cached: Option<&Snapshot>,
        engine: Engine,
        progress: &dyn Progress,
    ) -> Result<PathBuf, Fault> {
        let client = Client::new(&self.environment)?;
        let waiting = || progress.note(&format!("waiting for another download of {repo}"));
        let _lock = self.cache.lock(repo, "skerry", waiting)?;
        let revision = cached.map_or(repo.revision(), |snapshot| &snapshot.commit);
        let listing = client.listing(repo, revision)?;
        let pinned = cached.map(|snapshot| snapshot.commit.as_str());
        if let Some(asked) = pinned.or(repo.commit())
            && !listing.commit.eq_ignore_ascii_case(asked)
        {
            return Err(Fault::Commit {
                asked: asked.to_owned(),
                found: listing.commit,
            });
        }
        let wanted = listing.wanted(engine)?;
        if let Err(fault) = self.cache.keep_listing(repo, &listing) {
            // It only spares a request of the next run.
            progress.warn(&format!(
                "{repo}: the list of its files is not kept in Skerry's cache (SKERRY_CACHE): {fault}"
            ));
        }
        let snapshot = self.cache.at(repo, &listing.commit);
        let download = Download {
            client: &client,
            cache: &self.cache,
            repo,
            snapshot: &snapshot,
            progress,
        };
        let missing = |files: Vec<Entry>| -> Vec<Entry> {
            let missing = |file: &Entry| !snapshot.dir.join(&file.path).is_file();
            files.into_iter().filter(missing).collect()
        };
        self.fetch(&download, &missing(wanted))?;
        // The graph, now that it is here, names its external files.
        let external = external_of(&snapshot.dir, engine);
        let external = external
            .iter()
            .filter_map(|path| listing.get(path).cloned());
        self.fetch(&download, &missing(external.collect()))?;
        self.cache.set_revision(repo, &listing.commit)?;
        Ok(snapshot.dir)
    }

    fn fetch(&self, download: &Download<'_>, files: &[Entry]) -> Result<(), Fault> {
        let Some(largest) = files.iter().max_by_key(|file| file.size) else {
            return Ok(());
        };
        let sizes: Option<Vec<u64>> = files.iter().map(|file| file.size).collect();
        let sum = |sizes: Vec<u64>| sizes.into_iter().fold(0, u64::saturating_add);
        let total = sizes.map(sum);
        let which = match (files.len(), largest.size, total) {
            (1, Some(size), _) => format!("{} ({})", largest.path, Bytes(size)),
            (1, ..) => largest.path.clone(),
            (n, Some(size), Some(total)) => format!(
                "{} ({}) and {} more files, {} in all,",
                largest.path,
                Bytes(size),
                n - 1,
                Bytes(total)
            ),
            (n, ..) => format!("{n} files of unknown size"),
        };
        let progress = download.progress;
        progress.note(&format!(
            "{} (commit {}): downloading {which} from {} into {}",
            download.repo,
            &download.snapshot.commit[..12],
            shown(download.client.endpoint()),
            self.cache.root.display()
        ));
        progress.begin("downloading", total, "bytes");
        let result = files.iter().try_for_each(|file| download.file(file));
        progress.end();
        result
    }
}

/// What of a model is in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Too little to be used.
    Absent,
    /// Another program downloaded it into this directory: it can be used, but files that matter may be missing.
    Unlisted(PathBuf),
    /// This file is missing.
    Incomplete(String),
    /// All that is needed is in this directory.
    Complete(PathBuf),
}

/// The external files of the graph of the model in `dir`, or the weights of a static model, as paths in the model.
fn external_of(dir: &Path, engine: Engine) -> Vec<String> {
    // Only the configuration, now that it is here, tells that the graph is of no use.
    if model2vec::is_in(dir) {
        return vec![SAFETENSORS.to_owned()];
    }
    let Ok(WeightsFile::Graph(graph)) = choose_in(dir, engine) else {
        return Vec::new();
    };
    // A graph that cannot be read is reported when the model is opened.
    let found = model_dir::read(&dir.join(&graph)).ok();
    let found = found.and_then(|bytes| external_files(&bytes).ok());
    let folder = graph.rsplit_once('/').map(|(folder, _)| folder);
    let path = |file: String| match folder {
        Some(folder) => format!("{folder}/{file}"),
        None => file,
    };
    found.unwrap_or_default().into_iter().map(path).collect()
}

pub(crate) fn missing_external(dir: &Path, engine: Engine) -> Option<String> {
    let mut files = external_of(dir, engine).into_iter();
    files.find(|path| !dir.join(path).is_file())
}
