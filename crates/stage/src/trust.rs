//! Trust in settings of a run directory that reach outside it.
//!
//! The settings file in a run directory may come from somebody else. Programs, libraries, network addresses and files elsewhere
//! that it gives are not used unless the user allows it on the command line, or has given the same setting for this directory
//! before. The latter is remembered in the cache, in a file named by the resolved path of the directory, with a hash of each
//! setting.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};
use serde::{Deserialize, Serialize};

use crate::{Hint, NoCache, boundary, cache_dir, one_line};

/// How a setting reaches outside the directory of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A program or a library, which would run code.
    Code,
    /// A file that would be read.
    File,
    /// A model: files that would be read, or a name by which they would be downloaded.
    Model,
    /// An address to which data would be sent.
    Network,
}

impl Reach {
    /// The flag that allows it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Code => "--allow-commands",
            Self::File | Self::Model | Self::Network => "--allow-external",
        }
    }
}

/// A setting that reaches outside the directory of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// The table of the settings file.
    pub step: String,
    /// The setting.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What it would do.
    pub reach: Reach,
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On one line, so that a value cannot pass for another message.
        let value = one_line(&self.value);
        write!(f, "`{}` of `[{}]`: {value}", self.key, self.step)
    }
}

impl External {
    /// The setting `key` of `step`.
    pub fn setting(step: &str, key: &str, value: String, reach: Reach) -> Self {
        Self {
            step: step.to_owned(),
            key: key.to_owned(),
            value,
            reach,
        }
    }

    /// The file `name` of `step`, a link to `target` outside the run.
    pub fn file(step: &str, name: &str, target: &Path) -> Self {
        let target = target.to_string_lossy().into_owned();
        Self::setting(step, &format!("files.{name}"), target, Reach::File)
    }

    /// Whether it is a file of the run that links outside.
    pub fn is_link(&self) -> bool {
        self.key.starts_with("files.")
    }

    fn hash(&self) -> String {
        let mut text = format!("{}\0{}\0{}", self.step, self.key, self.value);
        // In another directory, `./tool` is another program.
        if self.key == "command"
            && depends_on_directory(&self.value)
            && let Ok(here) = std::env::current_dir()
        {
            text = format!("{text}\0{}", here.display());
        }
        artifacts::sha256_of(text.as_bytes())
    }
}

/// Whether the command `line` may mean something else in another directory. It does not if all of its words are absolute
/// paths, placeholders, numbers, flags without a value, or the name of a program to be found in PATH.
fn depends_on_directory(line: &str) -> bool {
    let fixed = |word: &str| {
        word.starts_with(['/', '{'])
            || word.starts_with('-') && !word.contains(['=', '/'])
            || word.parse::<f64>().is_ok()
    };
    line.split_whitespace().enumerate().any(|(at, word)| {
        let word = word.trim_matches(['\'', '"']);
        !fixed(word) && (at > 0 || word.contains('/'))
    })
}

/// Untrusted settings of a run directory that are needed.
#[derive(Debug, thiserror::Error)]
#[error("these settings in {} reach outside the run and are not trusted: {}", settings.display(), list(externals))]
pub struct Untrusted {
    /// The settings file, or the directory of a link.
    pub settings: PathBuf,
    /// The settings.
    pub externals: Vec<External>,
}

/// The settings with their effects.
fn list(externals: &[External]) -> String {
    let line = |external: &External| {
        let would = match external.reach {
            Reach::Code => "runs code",
            Reach::File => "reads a file",
            Reach::Model => "reads or downloads a model",
            Reach::Network => "sends data",
        };
        format!("{external} ({would})")
    };
    let lines: Vec<String> = externals.iter().map(line).collect();
    lines.join("; ")
}

impl Hint for Untrusted {
    fn hint(&self) -> Option<String> {
        let mut flags: Vec<&str> = self.externals.iter().map(|one| one.reach.flag()).collect();
        flags.sort_unstable();
        flags.dedup();
        Some(format!(
            "a run directory can come from somebody else; if you trust these settings, add `{}`",
            flags.join(" ")
        ))
    }
}

/// The trusted settings of a run directory.
#[derive(Debug)]
pub struct Trust {
    dir: PathBuf,
    code: bool,
    files: bool,
    remembered: BTreeSet<String>,
}

/// The remembered trust of one directory.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    /// Its resolved path, for information.
    directory: String,
    /// Hashes of the settings given by the user.
    settings: BTreeSet<String>,
}

impl Trust {
    /// The trust for the run in `dir`, from the flags and the cache.
    pub fn of(matches: &ArgMatches, dir: &Path) -> Self {
        let flag = |id: &str| matches.try_get_one::<bool>(id).ok().flatten() == Some(&true);
        Self {
            dir: dir.to_owned(),
            code: flag("allow_commands"),
            files: flag("allow_external"),
            remembered: remembered(dir),
        }
    }

    /// No trust in anything outside the run in `dir`.
    pub fn none(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            code: false,
            files: false,
            remembered: BTreeSet::new(),
        }
    }

    /// Whether `external` may be used.
    pub fn covers(&self, external: &External) -> bool {
        self.allowed(external)
            || self.remembered.contains(&external.hash())
            || lies_inside(&self.dir, external)
    }

    /// Whether a flag of this command allows `external`.
    pub fn allowed(&self, external: &External) -> bool {
        match external.reach {
            Reach::Code => self.code,
            Reach::File | Reach::Model | Reach::Network => self.files,
        }
    }
}

/// Whether `external` is a file in the run directory `dir`, which is part of the run.
fn lies_inside(dir: &Path, external: &External) -> bool {
    let path = Path::new(&external.value);
    // Check the name first, so that a path outside is not accessed.
    let named_inside = [std::path::absolute(dir), dir.canonicalize()]
        .into_iter()
        .flatten()
        .any(|dir| path.starts_with(dir));
    // A pattern may match links that lead outside.
    let pattern = external.key == "input" && external.value.contains(['*', '?', '[']);
    let file = matches!(external.reach, Reach::File | Reach::Model);
    file && named_inside && !pattern && boundary::lies_inside(dir, path)
}

/// `--allow-commands` and `--allow-external`.
pub fn flags() -> [Arg; 2] {
    [
        Arg::new("allow_commands")
            .long("allow-commands")
            .hide_short_help(true)
            .action(ArgAction::SetTrue)
            .help("Run the programs and load the libraries that the settings in the run directory name"),
        Arg::new("allow_external")
            .long("allow-external")
            .hide_short_help(true)
            .action(ArgAction::SetTrue)
            .help("Read the files and use the addresses outside the run directory that its settings name"),
    ]
}

/// Why the settings that the user gave for a run could not be remembered.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// There is no cache.
    #[error(transparent)]
    NoCache(#[from] NoCache),
    /// The run directory cannot be resolved, or the cache cannot be written.
    #[error(transparent)]
    Io(#[from] artifacts::Error),
}

/// The file of the cache that remembers the run in `dir`, and the directory's resolved path.
fn memory_of(dir: &Path) -> Result<(PathBuf, PathBuf), MemoryError> {
    let cache = cache_dir()?;
    let dir = dir.canonicalize().map_err(|source| artifacts::Error::Io {
        action: "read",
        path: dir.to_owned(),
        source,
    })?;
    let name = artifacts::sha256_of(dir.as_os_str().as_encoded_bytes());
    Ok((cache.join("runs").join(format!("{name}.json")), dir))
}

fn remembered(dir: &Path) -> BTreeSet<String> {
    let read = || {
        let (path, _) = memory_of(dir).ok()?;
        let known: Remembered = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        Some(known.settings)
    };
    // An unreadable file gives no trust.
    read().unwrap_or_default()
}

/// Remembers the settings `externals` as given by the user for the run in `dir`, replacing earlier ones.
///
/// # Errors
///
/// If there is no cache, or it cannot be written: then the next command has to give them again.
pub fn remember<'a>(
    dir: &Path,
    externals: impl IntoIterator<Item = &'a External>,
) -> Result<(), MemoryError> {
    let (path, dir) = memory_of(dir)?;
    // Files in the directory may be replaced with it, so they are checked each time.
    let settings: BTreeSet<String> = externals
        .into_iter()
        .filter(|external| !lies_inside(&dir, external))
        .map(External::hash)
        .collect();
    if settings == remembered(&dir) {
        return Ok(());
    }
    let known = Remembered {
        directory: dir.to_string_lossy().into_owned(),
        settings,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|source| artifacts::Error::Io {
            action: "create",
            path: parent.to_owned(),
            source,
        })?;
    }
    let text = serde_json::to_string_pretty(&known).expect("it is plain data");
    Ok(artifacts::write_bytes(&path, (text + "\n").as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(key: &str, value: &str, reach: Reach) -> External {
        External::setting("embed", key, value.to_owned(), reach)
    }

    #[test]
    fn each_reach_has_its_flag_and_exact_settings_are_remembered() {
        let dir = tempfile::tempdir().expect("a directory");
        let trust = |code, files, remembered: &[&External]| Trust {
            dir: dir.path().to_owned(),
            code,
            files,
            remembered: remembered.iter().map(|known| known.hash()).collect(),
        };
        let program = external("command", "touch x", Reach::Code);
        let address = external("endpoint", "http://127.0.0.1:1/v1", Reach::Network);
        let model = external("model", "/models/m", Reach::File);
        for known in [&program, &address, &model] {
            assert!(!trust(false, false, &[]).covers(known), "{known}");
            assert!(trust(false, false, &[known]).covers(known), "{known}");
            let other = External {
                value: format!("{} ", known.value),
                ..known.clone()
            };
            assert!(!trust(false, false, &[known]).covers(&other), "{other}");
            let elsewhere = External {
                step: "knn".to_owned(),
                ..known.clone()
            };
            assert!(
                !trust(false, false, &[known]).covers(&elsewhere),
                "{elsewhere}"
            );
        }
        let covered = |code, files| {
            [&program, &address, &model].map(|known| trust(code, files, &[]).covers(known))
        };
        assert_eq!(covered(true, false), [true, false, false]);
        assert_eq!(covered(false, true), [false, true, true]);
        // What lies in the directory is part of it; code never is.
        let inside = dir.path().join("m").display().to_string();
        std::fs::write(&inside, "").expect("it can be written");
        assert!(trust(false, false, &[]).covers(&external("model", &inside, Reach::File)));
        assert!(!trust(false, false, &[]).covers(&external("onnxruntime", &inside, Reach::Code)));
    }

    #[test]
    fn relative_commands_belong_to_their_directory() {
        for (line, expected) in [
            ("/opt/tool {embeddings} --k 15 -v", false),
            ("'/opt/tool' --seed {seed}", false),
            ("tool {embeddings}", false),
            ("./tool {embeddings}", true),
            ("bin/tool {embeddings}", true),
            ("python3 script.py", true),
            ("tool --model=m.bin", true),
            ("sh -c 'touch x'", true),
        ] {
            assert_eq!(depends_on_directory(line), expected, "{line}");
        }
    }

    #[test]
    fn patterns_are_never_inside() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("[a].csv");
        std::fs::write(&path, "").expect("it can be written");
        let input = |name: &str| {
            let path = dir.path().join(name).display().to_string();
            lies_inside(dir.path(), &external("input", &path, Reach::File))
        };
        std::fs::write(dir.path().join("a.csv"), "").expect("it can be written");
        assert!(input("a.csv"));
        assert!(!input("[a].csv") && !input("?.csv") && !input("*.csv"));
    }

    #[test]
    fn values_are_shown_on_one_line() {
        let program = external("command", "touch x\n  hint: all is well", Reach::Code);
        assert_eq!(
            program.to_string(),
            "`command` of `[embed]`: touch x\\n  hint: all is well"
        );
    }
}
