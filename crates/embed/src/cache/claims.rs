//! Which texts a process is embedding, so that others do not embed them too.
//!
//! A claim is a file `NAME.RANDOM.claim` of the vector cache with the keys of the texts, which the process holds locked and
//! removes in the end. The operating system releases the lock when the process ends in any way: a file that is not locked
//! claims nothing. Claims are made and read under the lock of the cache.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Key;

const SUFFIX: &str = ".claim";

/// The claim of this process; dropping it gives the texts back.
pub(crate) struct Claim {
    _file: NamedTempFile,
}

impl Claim {
    /// Claims the texts with these keys in the cache `name`.
    pub(crate) fn new(dir: &Path, name: &str, keys: impl Iterator<Item = Key>) -> io::Result<Self> {
        let mut file = tempfile::Builder::new()
            .prefix(&format!("{name}."))
            .suffix(SUFFIX)
            .tempfile_in(dir)?;
        file.write_all(&keys.flatten().collect::<Vec<u8>>())?;
        // Shared, so that others can read the file on systems where a lock forbids that.
        file.as_file().lock_shared()?;
        Ok(Self { _file: file })
    }
}

/// The keys of the texts that running processes have claimed in the cache `name`. Removes the claims of processes that ended.
pub(crate) fn of_others(dir: &Path, name: &str) -> io::Result<HashSet<Key>> {
    let mut keys = HashSet::new();
    for path in claims(dir, name)? {
        match File::open(&path) {
            // It was given back.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(file) => match file.try_lock() {
                Ok(()) => {
                    drop(file);
                    let _ = std::fs::remove_file(path);
                }
                Err(TryLockError::WouldBlock) => {
                    let mut bytes = Vec::new();
                    (&file).read_to_end(&mut bytes)?;
                    keys.extend(bytes.as_chunks::<16>().0);
                }
                Err(TryLockError::Error(error)) => return Err(error),
            },
        }
    }
    Ok(keys)
}

fn claims(dir: &Path, name: &str) -> io::Result<Vec<PathBuf>> {
    let prefix = format!("{name}.");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_string_lossy();
        if file.starts_with(&prefix) && file.ends_with(SUFFIX) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}
