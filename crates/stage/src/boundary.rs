//! Confines the files of a run to its directory.
//!
//! A run directory may come from somebody else, so its settings and its log are untrusted. A file that a run writes, reads or
//! removes because of them has to be inside the directory after all symbolic links are resolved. Checks are made before the
//! access; they do not protect against a process that changes links at the same time.

use std::io;
use std::path::{Component, Path, PathBuf};

use unicode_normalization::UnicodeNormalization as _;

use crate::Hint;

/// Names at the top of a run directory that no step may write.
const OWN_FILES: [&str; 2] = ["manifest.json", "pipeline.toml"];

/// Why a file or a directory is rejected.
#[derive(Debug, thiserror::Error)]
pub enum BoundaryError {
    /// The name can refer to a file outside the directory, or is reserved.
    #[error("{name:?} is not a name for a file of the run {}: {fault}", dir.display())]
    Name {
        /// The directory of the run.
        dir: PathBuf,
        /// The given name.
        name: String,
        /// The fault.
        fault: &'static str,
    },
    /// A symbolic link points outside the directory.
    #[error("{} lies outside the run {}: it leads to {}", path.display(), dir.display(), target.display())]
    Outside {
        /// The directory of the run.
        dir: PathBuf,
        /// The file.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// A broken symbolic link.
    #[error("{} is a symbolic link that cannot be followed", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The path is not a regular file.
    #[error("{} is {found}, not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// "a directory" or "a device or a pipe".
        found: &'static str,
    },
    /// The path is not a directory.
    #[error("{} is a file, not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The operating system reported an error.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// "read" or "create the directory".
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Hint for BoundaryError {
    fn is_usage(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::NotADirectory { .. })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name { .. } => {
                "every file of a run lies in its directory: give a relative name without `..`, such as \"map.html\""
                    .to_owned()
            }
            Self::Outside { path, .. } => format!(
                "remove {}, or replace it by the file itself: every file of a run lies in its directory",
                path.display()
            ),
            Self::Link { .. } => "create its target, remove it, or give another path".to_owned(),
            Self::NotAFile { .. } => "remove it, or give another directory".to_owned(),
            Self::NotADirectory { .. } => "give a directory, or a path that does not exist".to_owned(),
            Self::Io { .. } => "check the path and its permissions".to_owned(),
        })
    }
}

/// The path of the file `name` of the run in `dir`: a relative name that resolves to a path inside, and is not reserved. A path
/// that does not exist is inside if its existing part is.
///
/// # Errors
///
/// `Name`, `Outside` or `Link`, and `Io` if a part of the path cannot be read.
pub fn inside(dir: &Path, name: &str) -> Result<PathBuf, BoundaryError> {
    if let Some(fault) = fault_of(name) {
        return Err(BoundaryError::Name {
            dir: dir.to_owned(),
            name: name.to_owned(),
            fault,
        });
    }
    let (path, resolved) = resolved_inside(dir, name)?;
    let own = dir.canonicalize().is_ok_and(|root| {
        let within = resolved.strip_prefix(&root).unwrap_or(&resolved);
        let within = folded(&within.to_string_lossy());
        within.starts_with('.') || OWN_FILES.contains(&within.as_str())
    });
    if own {
        return Err(BoundaryError::Name {
            dir: dir.to_owned(),
            name: name.to_owned(),
            fault: "a link in it leads to a file that belongs to the run itself",
        });
    }
    Ok(path)
}

/// The path of a reserved file (`manifest.json`, `pipeline.toml`, the lock), which must be a regular file and not a link to a
/// file outside the directory.
///
/// # Errors
///
/// `NotAFile`, and those of [`inside`] but for `Name`.
pub fn own_file(dir: &Path, name: &str) -> Result<PathBuf, BoundaryError> {
    let (path, _) = resolved_inside(dir, name)?;
    match path.metadata() {
        Ok(found) if !found.is_file() => Err(BoundaryError::NotAFile {
            path,
            found: if found.is_dir() {
                "a directory"
            } else {
                "a device or a pipe"
            },
        }),
        _ => Ok(path),
    }
}

/// The fault of `name` as the name of a file that a step writes, by the rules of the strictest file system, because a directory
/// may be copied to another machine.
fn fault_of(name: &str) -> Option<&'static str> {
    let path = Path::new(name);
    let mut components = path.components().peekable();
    if components.peek().is_none() {
        return Some("it is empty");
    }
    if name.contains(|letter: char| letter.is_control() || matches!(letter, '\\' | ':' | '~')) {
        return Some("it has a control character, a backslash, a colon or a tilde");
    }
    for component in components {
        match component {
            Component::Normal(part) if part.as_encoded_bytes().first() == Some(&b'.') => {
                return Some("it is hidden");
            }
            Component::Normal(part) => {
                let part = folded(&part.to_string_lossy());
                let stem = part.split('.').next().unwrap_or_default();
                if part.is_empty() || is_device(stem) {
                    return Some("the name is reserved on some systems");
                }
            }
            Component::ParentDir => return Some("it contains `..`"),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {
                return Some("it is not relative to the directory");
            }
        }
    }
    if name.split('/').any(|part| part.is_empty() || part == ".") {
        return Some("it is a directory, or has an empty part");
    }
    let folded = folded(name);
    OWN_FILES
        .contains(&folded.as_str())
        .then_some("the name is reserved for the run")
}

/// Whether `stem` is a device name on Windows.
fn is_device(stem: &str) -> bool {
    let numbered = |kind: &str| {
        stem.strip_prefix(kind)
            .is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    ["con", "prn", "aux", "nul"].contains(&stem) || numbered("com") || numbered("lpt")
}

/// `name` normalized for comparison on file systems that ignore case, Unicode form, and trailing dots and blanks.
pub fn folded(name: &str) -> String {
    // Upper case first: it unifies letters with the same capital, such as the long s.
    let plain = name.nfc().collect::<String>().to_uppercase().to_lowercase();
    let plain: String = plain.nfc().collect();
    let parts = plain
        .split('/')
        .map(|part| part.trim_end_matches(['.', ' ']));
    parts.collect::<Vec<_>>().join("/")
}

/// The path of `name`, and the same with all links resolved, as far as it exists.
fn resolved_inside(dir: &Path, name: &str) -> Result<(PathBuf, PathBuf), BoundaryError> {
    let path = dir.join(name);
    let root = match dir.canonicalize() {
        Ok(root) => root,
        // A missing directory has no files.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((path.clone(), path)),
        Err(source) => {
            return Err(BoundaryError::Io {
                action: "read",
                path: dir.to_owned(),
                source,
            });
        }
    };
    let mut at = root.clone();
    for component in Path::new(name).components() {
        at.push(component);
        let found = match at.symlink_metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((path, at)),
            Err(source) => {
                return Err(BoundaryError::Io {
                    action: "read",
                    path: at,
                    source,
                });
            }
        };
        if !found.is_symlink() {
            continue;
        }
        match at.canonicalize() {
            Ok(target) if target.starts_with(&root) => at = target,
            Ok(target) => {
                return Err(BoundaryError::Outside {
                    dir: dir.to_owned(),
                    path,
                    target,
                });
            }
            Err(source) => return Err(BoundaryError::Link { path: at, source }),
        }
    }
    Ok((path, at))
}

/// Whether `path` exists and is inside `dir`, including all entries of a directory: no symbolic link points outside.
pub fn lies_inside(dir: &Path, path: &Path) -> bool {
    fn within(root: &Path, path: &Path) -> io::Result<bool> {
        let path = path.canonicalize()?;
        if !path.starts_with(root) {
            return Ok(false);
        }
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                let entry = entry?;
                // Links to directories inside are not followed: their targets are visited anyway, which avoids loops.
                let inside = if entry.file_type()?.is_symlink() {
                    entry.path().canonicalize()?.starts_with(root)
                } else {
                    within(root, &entry.path())?
                };
                if !inside {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
    dir.canonicalize()
        .and_then(|root| within(&root, path))
        .unwrap_or(false)
}

/// Checks that `dir` is a directory, or that its path allows creating one.
///
/// # Errors
///
/// `NotADirectory` or `Link`, naming the part of the path at fault.
pub fn check_directory(dir: &Path) -> Result<(), BoundaryError> {
    for part in dir.ancestors().filter(|part| !part.as_os_str().is_empty()) {
        match part.metadata() {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => {
                return Err(BoundaryError::NotADirectory {
                    path: part.to_owned(),
                });
            }
            // A broken or circular link.
            Err(source) if part.is_symlink() => {
                return Err(BoundaryError::Link {
                    path: part.to_owned(),
                    source,
                });
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Creates the directory `dir` and missing parents.
///
/// # Errors
///
/// As [`check_directory`], and `Io`.
pub fn create_directory(dir: &Path) -> Result<(), BoundaryError> {
    check_directory(dir)?;
    std::fs::create_dir_all(dir).map_err(|source| BoundaryError::Io {
        action: "create the directory",
        path: dir.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_refer_outside_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["map.html", "plots/map.html", "über.parquet", "a b.parquet"] {
            assert_eq!(inside(dir.path(), name).expect(name), dir.path().join(name));
        }
        for name in [
            "",
            "/etc/passwd",
            "../victim.txt",
            "a/../../victim.txt",
            "a/..",
            "./../x",
            ".",
            ".lock",
            "sub/.hidden",
            "sub/",
            "c:\\x",
            "a\\b",
            "a\nb",
            "MAP~1.HTM",
            "nul",
            "sub/COM1.parquet",
            "manife\u{17f}t.json",
            "manifest.json",
            "Manifest.JSON",
            "pipeline.toml.",
            "PIPELINE.TOML ",
        ] {
            assert!(
                matches!(inside(dir.path(), name), Err(BoundaryError::Name { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn names_are_compared_without_case_and_normalization() {
        assert_eq!(folded("Map.HTML"), folded("map.html"));
        assert_eq!(folded("caf\u{e9}.html"), folded("cafe\u{301}.html"));
        assert_eq!(folded("CAFE\u{301}.html"), folded("caf\u{e9}.html"));
        assert_ne!(folded("map.html"), folded("map2.html"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_resolved_before_the_boundary_is_checked() {
        use std::os::unix::fs::symlink;

        let outer = tempfile::tempdir().expect("a directory");
        let dir = outer.path().join("run");
        std::fs::create_dir_all(dir.join("real")).expect("it can be made");
        std::fs::write(outer.path().join("victim"), "v").expect("it can be written");
        std::fs::write(dir.join("real/file"), "f").expect("it can be written");
        symlink(outer.path(), dir.join("up")).expect("a link");
        symlink(dir.join("real"), dir.join("alias")).expect("a link");
        symlink("../victim", dir.join("map.html")).expect("a link");
        symlink("nowhere", dir.join("dangling")).expect("a link");
        symlink("loop", dir.join("loop")).expect("a link");
        assert!(inside(&dir, "alias/file").is_ok());
        assert!(inside(&dir, "alias/new").is_ok());
        for name in ["up/victim", "up/new", "map.html"] {
            assert!(
                matches!(inside(&dir, name), Err(BoundaryError::Outside { .. })),
                "{name}"
            );
        }
        for name in ["dangling", "loop"] {
            assert!(
                matches!(inside(&dir, name), Err(BoundaryError::Link { .. })),
                "{name}"
            );
        }
        assert!(lies_inside(&dir, &dir.join("alias/file")));
        assert!(lies_inside(&dir, &dir.join("real")));
        assert!(!lies_inside(&dir, &dir.join("map.html")));
        assert!(!lies_inside(&dir, &dir.join("no such")));
        symlink("../../victim", dir.join("real/weights")).expect("a link");
        assert!(!lies_inside(&dir, &dir.join("real")));
        // The directory itself may be a link: it was named by whoever runs this.
        symlink(&dir, outer.path().join("latest")).expect("a link");
        assert!(inside(&outer.path().join("latest"), "alias/file").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_not_directories_are_named() {
        use std::os::unix::fs::symlink;

        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("file"), "").expect("it can be written");
        symlink("nowhere", path("dangling")).expect("a link");
        symlink("loop", path("loop")).expect("a link");
        for name in ["file", "file/below"] {
            let error = create_directory(&path(name)).expect_err(name);
            assert!(
                error
                    .to_string()
                    .ends_with("file is a file, not a directory"),
                "{error}"
            );
        }
        for name in ["dangling", "loop", "loop/below"] {
            assert!(
                matches!(
                    create_directory(&path(name)),
                    Err(BoundaryError::Link { .. })
                ),
                "{name}"
            );
        }
        create_directory(&path("new/below")).expect("it can be made");
    }
}
