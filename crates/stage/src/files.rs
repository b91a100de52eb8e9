//! Which files a stage reads and writes in this run.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use artifacts::Footer;

use crate::Hashes;

/// A file of a stage, as its command line names it.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Flag and key: `embeddings` for `--embeddings`.
    pub name: &'static str,
    /// Its name in a run directory.
    pub file: &'static str,
    /// An input without which the stage cannot run; an output that is always written.
    pub required: bool,
    /// What the help says of it.
    pub help: &'static str,
}

impl File {
    /// Its flag, without the dashes in front.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// The files of one run of a stage.
#[derive(Debug, Clone, Default)]
pub struct Files {
    paths: BTreeMap<&'static str, PathBuf>,
    sources: Vec<String>,
    hashes: Hashes,
}

impl Files {
    /// The standard names in the directory `run`, for all of `files`.
    pub fn standard(run: &Path, files: impl IntoIterator<Item = &'static File>) -> Self {
        let paths = files
            .into_iter()
            .map(|file| (file.name, run.join(file.file)))
            .collect();
        Self {
            paths,
            ..Self::default()
        }
    }

    /// Sets the path of `name`.
    #[must_use]
    pub fn with(mut self, name: &'static str, path: impl Into<PathBuf>) -> Self {
        self.paths.insert(name, path.into());
        self
    }

    /// Sets the positional arguments.
    #[must_use]
    pub fn with_sources(mut self, sources: Vec<String>) -> Self {
        self.sources = sources;
        self
    }

    /// The path of a required input.
    ///
    /// # Panics
    ///
    /// If the stage does not declare `name` as required: the command line makes sure of the rest.
    pub fn input(&self, name: &str) -> &Path {
        self.paths
            .get(name)
            .unwrap_or_else(|| panic!("`{name}` is a required input, checked on the command line"))
    }

    /// The path of an optional input, if it was named or stands in the run directory, and is there.
    pub fn optional(&self, name: &str) -> Option<&Path> {
        self.paths
            .get(name)
            .map(PathBuf::as_path)
            .filter(|path| path.exists())
    }

    /// The path of an output, unless it was not asked for.
    pub fn output(&self, name: &str) -> Option<&Path> {
        self.paths.get(name).map(PathBuf::as_path)
    }

    /// Whether there is an input `name`.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.optional(name).is_some()
    }

    /// The SHA-256 of the input `name`, which is taken once.
    ///
    /// # Panics
    ///
    /// Like [`Self::input`].
    pub fn hash(&self, name: &str) -> Result<String, artifacts::Error> {
        self.hashes.of(self.input(name))
    }

    /// Records in `footer` that the input `name` was read.
    ///
    /// # Panics
    ///
    /// Like [`Self::input`].
    pub fn record(&self, name: &str, footer: &mut Footer) -> Result<(), artifacts::Error> {
        footer.record(name, self.input(name), self.hash(name)?);
        Ok(())
    }

    /// The positional arguments.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }
}

/// The most bytes that the settings or the log of a run may have. Ours have some tens of KiB.
const MOST_TEXT: u64 = 64 << 20;

/// The text of a settings file or a log: UTF-8, and not so long that reading it takes all memory.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(MOST_TEXT + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MOST_TEXT {
        let fault = format!("it is longer than {} MiB", MOST_TEXT >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
    }
    Ok(text)
}

/// `path` from the root and without `..`, so that a run goes on from wherever the next command is given. Links stay as they
/// are, but for those that a `..` follows, which would lead elsewhere without them.
///
/// # Errors
///
/// If the current directory or a link on the way cannot be read, or the path is not UTF-8.
pub fn absolute(path: &str) -> io::Result<String> {
    let whole = std::path::absolute(path)?;
    let mut plain = PathBuf::new();
    for component in whole.components() {
        if component != Component::ParentDir {
            plain.push(component);
            continue;
        }
        if plain.is_symlink() {
            plain = plain.canonicalize()?;
        }
        plain.pop();
    }
    plain.into_os_string().into_string().map_err(|path| {
        let text = format!("{} is not UTF-8", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::absolute;

    #[test]
    fn detours_are_left_out_and_links_are_not_skipped() {
        assert_eq!(
            absolute("/a/b/../c/./d.csv").expect("it is one"),
            "/a/c/d.csv"
        );
        assert_eq!(absolute("/../a/*.csv").expect("it is one"), "/a/*.csv");
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path().canonicalize().expect("it is there");
        std::fs::create_dir_all(root.join("deep/er")).expect("it can be made");
        std::os::unix::fs::symlink("deep/er", root.join("link")).expect("a link");
        let path = |name: &str| root.join(name).display().to_string();
        // As the system resolves it: above what the link leads to.
        assert_eq!(
            absolute(&path("link/../x.csv")).expect("it is one"),
            path("deep/x.csv")
        );
        assert_eq!(
            absolute(&path("link/x.csv")).expect("it is one"),
            path("link/x.csv")
        );
    }
}
