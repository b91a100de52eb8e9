//! Downloads files into the cache of the hub: resumed, checked, and in their place only when complete.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use sha1::{Digest as _, Sha1};
use stage::Progress;

use super::cache::{HubCache, Snapshot, create, link};
use super::client::Client;
use super::error::Fault;
use super::listing::{Entry, Hash};
use super::name::Repo;

/// Attempts without a new byte before a download is given up.
const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// A download into a snapshot.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client,
    pub(super) cache: &'a HubCache,
    pub(super) repo: &'a Repo,
    pub(super) snapshot: &'a Snapshot,
    pub(super) progress: &'a dyn Progress,
}

impl Download<'_> {
    /// Downloads the file of `entry` unless the cache has it, and links it into the snapshot.
    pub(super) fn file(&self, entry: &Entry) -> Result<(), Fault> {
        let entry = self
            .client
            .completed(self.repo, &self.snapshot.commit, entry.clone())?;
        let blobs = self.cache.folder(self.repo).join("blobs");
        create(&blobs)?;
        // Without a hash the name must still be that of this file alone.
        let of = format!("{} {}", self.snapshot.commit, entry.path);
        let name = entry.hash.as_ref().map_or_else(
            || artifacts::sha256_of(of.as_bytes()),
            |hash| hash.text().to_owned(),
        );
        let blob = blobs.join(&name);
        // Hugging Face's client holds the same lock.
        let waiting = || {
            self.progress.note(&format!(
                "waiting for another program that downloads {} of {}",
                entry.path, self.repo
            ));
        };
        let _lock = self.cache.lock(self.repo, &name, waiting)?;
        let whole = |path: &Path| path.is_file() && entry.size.is_none_or(|size| len(path) == size);
        if whole(&blob) {
            self.progress.advance(len(&blob));
        } else {
            self.fetch(&entry, &blob)?;
        }
        link(&blob, &self.snapshot.dir, &entry.path)
    }

    fn fetch(&self, entry: &Entry, blob: &Path) -> Result<(), Fault> {
        let name = blob.file_name().expect("a blob has a name");
        let part = blob.with_file_name(format!("{}.incomplete", name.to_string_lossy()));
        let mut resumed = len(&part) > 0;
        let mut counted = 0;
        loop {
            self.complete(entry, &part, &mut counted)?;
            let Some(hash) = &entry.hash else {
                self.progress.warn(&format!(
                    "{}: the hub gives no hash of {}, so it was not checked",
                    self.repo, entry.path
                ));
                break;
            };
            let found = hash_like(hash, &part)?;
            if found == hash.text() {
                break;
            }
            std::fs::remove_file(&part).map_err(Fault::io("remove", &part))?;
            // What was there before may be of another file.
            if !std::mem::take(&mut resumed) {
                return Err(Fault::Hash {
                    file: entry.path.clone(),
                    expected: hash.text().to_owned(),
                    found,
                });
            }
        }
        File::open(&part)
            .and_then(|file| file.sync_all())
            .map_err(Fault::io("write", &part))?;
        std::fs::rename(&part, blob).map_err(Fault::io("write", blob))
    }

    /// Downloads what is missing in `part`, again where the connection breaks. `counted` bytes are counted as progress.
    fn complete(&self, entry: &Entry, part: &Path, counted: &mut u64) -> Result<(), Fault> {
        let mut failures = 0;
        loop {
            let before = len(part);
            let fault = match self.attempt(entry, part, counted) {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            let message = match fault {
                // The hub may be up while the host of its large files is not.
                Fault::Unreachable { url, message } => match url.split_once("://") {
                    Some((_, rest)) => {
                        format!("{}: {message}", rest.split('/').next().unwrap_or(rest))
                    }
                    None => message,
                },
                Fault::Status { status, .. } if status == 429 || status >= 500 => {
                    format!("the hub answered {status}")
                }
                // The range lies behind the end: the file there is none of this size.
                Fault::Status { status: 416, .. } => {
                    std::fs::remove_file(part).map_err(Fault::io("remove", part))?;
                    "the hub does not continue it".to_owned()
                }
                fault => return Err(fault),
            };
            let after = len(part);
            failures = if after > before { 1 } else { failures + 1 };
            if failures >= ATTEMPTS {
                return Err(Fault::Interrupted {
                    file: entry.path.clone(),
                    got: after,
                    size: entry.size.unwrap_or(0),
                    message,
                });
            }
            self.progress.note(&format!(
                "{}: {message}; continuing at byte {after}",
                entry.path
            ));
            std::thread::sleep(FIRST_WAIT * (1 << failures));
        }
    }

    /// One request for the rest of `part`; [`Fault::Unreachable`] if it breaks off.
    fn attempt(&self, entry: &Entry, part: &Path, counted: &mut u64) -> Result<(), Fault> {
        let write = || Fault::io("write", part);
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(part)
            .map_err(write())?;
        let mut have = len(part);
        if entry.size.is_some_and(|size| have > size) {
            file.set_len(0).map_err(write())?;
            have = 0;
        }
        let count = |have: u64, counted: &mut u64| {
            self.progress.advance(have.saturating_sub(*counted));
            *counted = have.max(*counted);
        };
        count(have, counted);
        if entry.size == Some(have) && have > 0 {
            return Ok(());
        }
        let from = self
            .client
            .part(self.repo, &self.snapshot.commit, &entry.path, have)?;
        let broken = |message: String| Fault::Unreachable {
            // The connection was there: no address is at fault.
            url: String::new(),
            message,
        };
        if from.start != have {
            if from.start != 0 {
                return Err(broken(format!("the hub continues at byte {}", from.start)));
            }
            file.set_len(0).map_err(write())?;
            have = 0;
        }
        file.seek(std::io::SeekFrom::Start(have)).map_err(write())?;
        let mut body = from.body;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(broken(self.client.reading(&error))),
            };
            have += read as u64;
            if entry.size.is_some_and(|size| have > size) {
                file.set_len(0).map_err(write())?;
                return Err(broken(
                    "the hub sends more than the size of the file".to_owned(),
                ));
            }
            file.write_all(&buffer[..read]).map_err(write())?;
            count(have, counted);
        }
        match entry.size {
            Some(size) if have < size => Err(broken("the connection was closed".to_owned())),
            _ => Ok(()),
        }
    }
}

fn len(path: &Path) -> u64 {
    path.metadata().map_or(0, |about| about.len())
}

/// The hash of the file at `path`, of the kind of `hash`.
fn hash_like(hash: &Hash, path: &Path) -> Result<String, Fault> {
    let read = || Fault::io("read", path);
    if let Hash::Sha256(_) = hash {
        return artifacts::sha256(path).map_err(|error| read()(std::io::Error::other(error)));
    }
    // A Git object: its kind and size, then its bytes.
    let mut sha = Sha1::new();
    sha.update(format!("blob {}\0", len(path)));
    let mut file = File::open(path).map_err(read())?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(read())? {
            0 => break,
            n => sha.update(&buffer[..n]),
        }
    }
    let hash = sha.finalize();
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_git_and_of_lfs() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello\n").unwrap();
        // `git hash-object` and `sha256sum`.
        let git = Hash::Git(String::new());
        assert_eq!(
            hash_like(&git, file.path()).unwrap(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        let lfs = Hash::Sha256(String::new());
        assert_eq!(
            hash_like(&lfs, file.path()).unwrap(),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        );
    }
}
