//! The SHA-256 of the files of a model, kept in the cache as long as a file does not change: hashing a model of 2 GB takes
//! seconds, also where all vectors are cached.
//!
//! A file is unchanged if its size, its times of modification and of status change, and its file number are. On systems
//! without status times and file numbers, size and time of modification decide.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::cache_files;

/// Smaller files are hashed each time.
const MIN_BYTES: u64 = 1 << 20;

/// A file that changed more recently than this may change again within the resolution of its times.
const SETTLED: Duration = Duration::from_secs(2);

/// The SHA-256 of the file at `path`, as 64 hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> Result<String, artifacts::Error> {
    let Some((key, state)) = state(path) else {
        return artifacts::sha256(path);
    };
    if let Some(known) = cache_files::read("hashes", &key)
        && let Some((known, hash)) = known.split_once('\n')
        && known == state
        && hash.len() == 64
    {
        return Ok(hash.to_owned());
    }
    let hash = artifacts::sha256(path)?;
    cache_files::write("hashes", &key, format!("{state}\n{hash}").as_bytes());
    Ok(hash)
}

/// A key for the file and the state of it; `None` if it is small, or changed just now.
fn state(path: &Path) -> Option<(String, String)> {
    let path = path.canonicalize().ok()?;
    let about = path.metadata().ok()?;
    let changed = about.modified().ok()?;
    let settled = SystemTime::now().duration_since(changed).ok()? > SETTLED;
    (about.len() >= MIN_BYTES && settled && is_settled(&about)).then(|| {
        let key = artifacts::sha256_of(path.as_os_str().as_encoded_bytes());
        let since = changed.duration_since(SystemTime::UNIX_EPOCH);
        (key, format!("{} {since:?} {}", about.len(), status(&about)))
    })
}

#[cfg(unix)]
fn is_settled(about: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.is_ok_and(|now| now.as_secs() as i64 - about.ctime() > SETTLED.as_secs() as i64)
}

#[cfg(not(unix))]
fn is_settled(_: &Metadata) -> bool {
    true
}

/// The time of the last change of status, which no program can set, and the number of the file.
#[cfg(unix)]
fn status(about: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!(
        "{}.{:09} {}:{}",
        about.ctime(),
        about.ctime_nsec(),
        about.dev(),
        about.ino()
    )
}

#[cfg(not(unix))]
fn status(_: &Metadata) -> String {
    String::new()
}
