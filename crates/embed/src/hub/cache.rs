//! The cache of the hub, in the layout of Hugging Face's own client, which shares it.
//!
//! ```text
//! models--OWNER--NAME/refs/REVISION                the commit of a branch or tag
//! models--OWNER--NAME/snapshots/COMMIT/PATH        links to blobs
//! models--OWNER--NAME/blobs/HASH                   the files; HASH.incomplete while they arrive
//! .locks/models--OWNER--NAME/HASH.lock             held while a file arrives
//! ```
//!
//! Skerry keeps the list of all files of a commit in its own cache (`hub/models--OWNER--NAME/COMMIT.json`): a snapshot of another
//! program may lack files that Skerry needs, and without the list nobody could tell.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::Fault;
use super::listing::{Listing, is_inside};
use super::name::{Repo, is_commit};
use crate::model_dir;

/// The cache of the hub.
#[derive(Debug, Clone)]
pub(crate) struct HubCache {
    /// Its directory.
    pub(crate) root: PathBuf,
    /// The directory of the lists of files.
    lists: Option<PathBuf>,
}

/// The files of a model at a commit, as far as they are in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) commit: String,
    pub(crate) dir: PathBuf,
}

impl HubCache {
    pub(crate) fn new(root: PathBuf, skerry: Option<PathBuf>) -> Self {
        let lists = skerry.map(|cache| cache.join("hub"));
        Self { root, lists }
    }

    pub(crate) fn folder(&self, repo: &Repo) -> PathBuf {
        self.root.join(repo.folder())
    }

    /// The snapshot of `repo` at its revision, if there is one.
    pub(crate) fn snapshot(&self, repo: &Repo) -> Option<Snapshot> {
        let commit = if let Some(commit) = repo.commit() {
            commit.to_owned()
        } else {
            let path = self.folder(repo).join("refs").join(repo.revision());
            let commit = String::from_utf8(model_dir::read(&path).ok()?).ok()?;
            commit.trim().to_owned()
        };
        let snapshot = is_commit(&commit).then(|| self.at(repo, &commit))?;
        snapshot.dir.is_dir().then_some(snapshot)
    }

    /// The place of the snapshot of `repo` at `commit`.
    pub(crate) fn at(&self, repo: &Repo, commit: &str) -> Snapshot {
        Snapshot {
            commit: commit.to_owned(),
            dir: self.folder(repo).join("snapshots").join(commit),
        }
    }

    /// Records that the revision of `repo` is `commit`.
    pub(crate) fn set_revision(&self, repo: &Repo, commit: &str) -> Result<(), Fault> {
        if repo.commit().is_some() {
            return Ok(());
        }
        let path = self.folder(repo).join("refs").join(repo.revision());
        create(path.parent().expect("it is in refs"))?;
        artifacts::write_bytes(&path, commit.as_bytes())
            .map_err(|error| Fault::io("write", path)(std::io::Error::other(error)))
    }

    /// The list of files of `repo` at `commit`, if Skerry has downloaded from it.
    pub(crate) fn listing(&self, repo: &Repo, commit: &str) -> Option<Listing> {
        let bytes = model_dir::read(&self.list(repo, commit)?).ok()?;
        let listing: Listing = serde_json::from_slice(&bytes).ok()?;
        let plain = listing.files.iter().all(|file| is_inside(&file.path));
        (plain && listing.commit == commit).then_some(listing)
    }

    pub(crate) fn keep_listing(&self, repo: &Repo, listing: &Listing) -> Result<(), Fault> {
        let Some(path) = self.list(repo, &listing.commit) else {
            return Ok(());
        };
        create(path.parent().expect("it has a folder"))?;
        let text = serde_json::to_vec_pretty(listing).expect("it is plain data");
        artifacts::write_bytes(&path, &text)
            .map_err(|error| Fault::io("write", path)(std::io::Error::other(error)))
    }

    fn list(&self, repo: &Repo, commit: &str) -> Option<PathBuf> {
        let folder = self.lists.as_ref()?.join(repo.folder());
        Some(folder.join(format!("{commit}.json")))
    }

    /// The folder of Skerry's lists of `repo`.
    pub(crate) fn lists_of(&self, repo: &Repo) -> Option<PathBuf> {
        Some(self.lists.as_ref()?.join(repo.folder()))
    }

    /// The folder of the locks of `repo`.
    pub(crate) fn locks_of(&self, repo: &Repo) -> PathBuf {
        self.root.join(".locks").join(repo.folder())
    }

    /// The lock `name` of `repo`; calls `waiting` if somebody else holds it.
    pub(crate) fn lock(
        &self,
        repo: &Repo,
        name: &str,
        waiting: impl FnOnce(),
    ) -> Result<File, Fault> {
        let folder = self.locks_of(repo);
        create(&folder)?;
        let path = folder.join(format!("{name}.lock"));
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = open.map_err(Fault::io("create", &path))?;
        if file.try_lock().is_err() {
            waiting();
            file.lock().map_err(Fault::io("lock", &path))?;
        }
        Ok(file)
    }

    /// The repositories in the cache, by name.
    pub(crate) fn repos(&self) -> Vec<Repo> {
        let entries = std::fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .flatten();
        let mut repos: Vec<Repo> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| Repo::of_folder(entry.file_name().to_str()?))
            .collect();
        repos.sort_by(|a, b| a.id.cmp(&b.id));
        repos
    }

    /// The snapshots of `repo`.
    pub(crate) fn snapshots(&self, repo: &Repo) -> Vec<Snapshot> {
        let folder = self.folder(repo).join("snapshots");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let commits = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut commits: Vec<String> = commits.filter(|name| is_commit(name)).collect();
        commits.sort_unstable();
        commits.iter().map(|commit| self.at(repo, commit)).collect()
    }
}

pub(crate) fn create(dir: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(dir).map_err(Fault::io("create", dir))
}

/// Makes `link`, in the snapshot `dir`, lead to `blob`, or a copy where there are no links.
pub(crate) fn link(blob: &Path, dir: &Path, name: &str) -> Result<(), Fault> {
    let link = dir.join(name);
    let folder = link.parent().expect("it is in the snapshot");
    create(folder)?;
    let _ = std::fs::remove_file(&link);
    // snapshots/COMMIT and the folders of the name.
    let up = "../".repeat(2 + name.matches('/').count());
    let file = blob.file_name().expect("a blob has a name");
    let relative = Path::new(&up).join("blobs").join(file);
    symlink(&relative, &link)
        .or_else(|_| std::fs::hard_link(blob, &link))
        .or_else(|_| std::fs::copy(blob, &link).map(|_| ()))
        .map_err(Fault::io("create", link))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}
