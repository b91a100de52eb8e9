//! The files that a stage reads and writes in a run.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use artifacts::Footer;

use crate::{Hashes, boundary};

/// An input or output file of a stage.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Name, which gives the flag and key: `embeddings` for `--embeddings`.
    pub name: &'static str,
    /// Standard file name in a run directory.
    pub file: &'static str,
    /// Whether the stage needs this input, or always writes this output.
    pub required: bool,
    /// Description in the help.
    pub help: &'static str,
}

impl File {
    /// Its flag, without leading dashes.
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
    /// All `files` with their standard names in the directory `run`.
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

    /// Without the files `names`.
    #[must_use]
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.paths.retain(|name, _| !names.contains(name));
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
    /// If the stage does not declare `name` as required; required inputs are checked on the command line.
    pub fn input(&self, name: &str) -> &Path {
        self.paths
            .get(name)
            .unwrap_or_else(|| panic!("`{name}` is a required input, checked on the command line"))
    }

    /// The path of an optional input, if it exists.
    pub fn optional(&self, name: &str) -> Option<&Path> {
        self.paths
            .get(name)
            .map(PathBuf::as_path)
            .filter(|path| path.exists())
    }

    /// The path of an output, if it was requested.
    pub fn output(&self, name: &str) -> Option<&Path> {
        self.paths.get(name).map(PathBuf::as_path)
    }

    /// Whether there is an input `name`.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.optional(name).is_some()
    }

    /// The SHA-256 of the input `name`, computed once.
    ///
    /// # Panics
    ///
    /// Like [`Self::input`].
    pub fn hash(&self, name: &str) -> Result<String, artifacts::Error> {
        self.hashes.of(self.input(name))
    }

    /// Sets the SHA-256 of the input `name`, so that it is not computed.
    pub(crate) fn with_hash(self, name: &str, hash: &str) -> Self {
        if let Some(path) = self.optional(name) {
            self.hashes.insert(path, hash.to_owned());
        }
        self
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

    /// The one of `outputs` that is written to the file at `path`, if any.
    pub fn written_to(&self, path: &Path, outputs: &'static [File]) -> Option<&'static File> {
        let place = place(path);
        outputs.iter().find(|file| {
            let output = self.paths.get(file.name);
            output.is_some_and(|output| self::place(output) == place)
        })
    }

    /// An output that is also an input or another output.
    pub(crate) fn collision(
        &self,
        inputs: &'static [File],
        outputs: &'static [File],
    ) -> Option<(&'static File, &'static File)> {
        let mut taken: Vec<(PathBuf, &File)> = Vec::new();
        for (file, writes) in
            (inputs.iter().map(|file| (file, false))).chain(outputs.iter().map(|file| (file, true)))
        {
            let Some(path) = self.paths.get(file.name) else {
                continue;
            };
            let place = place(path);
            let other = taken.iter().find(|(other, _)| *other == place);
            if let (true, Some((_, other))) = (writes, other) {
                return Some((file, other));
            }
            taken.push((place, file));
        }
        None
    }
}

/// A key that is equal for two paths that may be the same file on the strictest file system.
pub fn place(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let parent = parent.unwrap_or_else(|| Path::new("."));
        let parent = parent
            .canonicalize()
            .or_else(|_| std::path::absolute(parent));
        match (parent, path.file_name()) {
            (Ok(parent), Some(name)) => parent.join(name),
            _ => path.to_owned(),
        }
    });
    match path.file_name() {
        Some(name) => path.with_file_name(boundary::folded(&name.to_string_lossy())),
        None => path,
    }
}

/// Maximum size of the settings or the log of a run in bytes. Ours have some tens of KiB.
const MAX_TEXT: u64 = 64 << 20;

/// The text of a settings file or a log: UTF-8, at most [`MAX_TEXT`] bytes.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(MAX_TEXT + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MAX_TEXT {
        let fault = format!("it is longer than {} MiB", MAX_TEXT >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
    }
    Ok(text)
}

/// The absolute `path` without `..`, so that a run can continue from any working directory. Links are not resolved, except
/// before `..`.
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
    use std::path::Path;

    use super::{File, Files, absolute};

    const INPUTS: &[File] = &[file("vectors"), file("texts")];
    const OUTPUTS: &[File] = &[file("page"), file("picture")];

    const fn file(name: &'static str) -> File {
        File {
            name,
            file: name,
            required: true,
            help: "",
        }
    }

    #[test]
    fn outputs_that_are_inputs_or_other_outputs_are_found() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = dir.path();
        std::fs::create_dir_all(root.join("deep")).expect("it can be made");
        for name in ["vectors", "texts"] {
            std::fs::write(root.join(name), "").expect("it can be written");
        }
        std::os::unix::fs::symlink(root.join("texts"), root.join("link")).expect("a link");
        let found = |set: &[(&'static str, &str)]| {
            let mut files = Files::standard(root, INPUTS.iter().chain(OUTPUTS));
            for (name, path) in set {
                files = files.with(name, root.join(path));
            }
            let names = files.collision(INPUTS, OUTPUTS);
            names.map(|(file, other)| (file.name, other.name))
        };
        assert_eq!(found(&[]), None);
        // Both may read one file.
        assert_eq!(found(&[("vectors", "texts")]), None);
        for same in ["texts", "deep/../texts", "link", "Texts", "./texts"] {
            assert_eq!(found(&[("page", same)]), Some(("page", "texts")), "{same}");
        }
        for same in ["page", "PAGE", "deep/../page"] {
            let pair = Some(("picture", "page"));
            assert_eq!(found(&[("picture", same)]), pair, "{same}");
        }
        let files = Files::standard(root, OUTPUTS);
        let written = |path: &Path| files.written_to(path, OUTPUTS).map(|file| file.name);
        assert_eq!(written(&root.join("deep/../page")), Some("page"));
        assert_eq!(written(&root.join("texts")), None);
    }

    #[test]
    fn paths_are_normalized_without_skipping_links() {
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
