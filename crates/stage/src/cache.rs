//! The cache directory: models, libraries, vectors and remembered trust.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::Hint;

/// The environment variable of the cache directory.
const VARIABLE: &str = "SKERRY_CACHE";

/// There is no private cache directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCache {
    /// The user has no home directory, and gives no other one.
    #[error("there is no directory for Skerry's cache: this user has no home directory")]
    NoHome,
    /// A relative path, which would be another cache in each working directory, possibly in a run of somebody else.
    #[error("{VARIABLE} is {}, which is not an absolute path", .0.display())]
    Relative(PathBuf),
}

impl Hint for NoCache {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoHome => format!(
                "set {VARIABLE} to a directory that only this user can write, or HOME to the home directory"
            ),
            Self::Relative(path) => match std::path::absolute(path) {
                Ok(path) => format!("for example: {VARIABLE}={}", path.display()),
                Err(_) => "give the full path".to_owned(),
            },
        })
    }
}

/// `$SKERRY_CACHE`, else `$XDG_CACHE_HOME/skerry`, else `%LOCALAPPDATA%\skerry` (Windows), else `~/.cache/skerry`.
///
/// Never a shared temporary directory: libraries, models and trust are loaded from the cache, so nobody else may write there.
///
/// # Errors
///
/// If the user has no home directory and gives no other one, or if `SKERRY_CACHE` is a relative path.
pub fn cache_dir() -> Result<PathBuf, NoCache> {
    find(|name| std::env::var_os(name), std::env::home_dir())
}

fn find(
    variable: impl Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Result<PathBuf, NoCache> {
    let path = |name| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    if let Some(named) = path(VARIABLE) {
        return if named.is_absolute() {
            Ok(named)
        } else {
            Err(NoCache::Relative(named))
        };
    }
    // Relative paths in these are invalid and ignored, by the XDG base directory specification.
    let base = path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| path("LOCALAPPDATA").filter(|path| path.is_absolute()));
    if let Some(base) = base {
        return Ok(base.join("skerry"));
    }
    let home = home.filter(|home| home.is_absolute());
    home.map(|home| home.join(".cache").join("skerry"))
        .ok_or(NoCache::NoHome)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn found(set: &[(&str, &str)], home: Option<&str>) -> Result<PathBuf, NoCache> {
        let value = |name: &str| set.iter().find(|(set, _)| *set == name);
        find(
            |name| value(name).map(|(_, value)| value.into()),
            home.map(PathBuf::from),
        )
    }

    #[test]
    fn the_first_absolute_path_is_the_cache() {
        let all = [("SKERRY_CACHE", "/c"), ("XDG_CACHE_HOME", "/x")];
        assert_eq!(found(&all, Some("/home/a")), Ok("/c".into()));
        assert_eq!(found(&all[1..], Some("/home/a")), Ok("/x/skerry".into()));
        let home = Ok(PathBuf::from("/home/a/.cache/skerry"));
        for ignored in ["", "x", "./x", "../x"] {
            let set = [("XDG_CACHE_HOME", ignored), ("SKERRY_CACHE", "")];
            assert_eq!(found(&set, Some("/home/a")), home);
        }
    }

    #[test]
    fn a_missing_home_directory_is_an_error() {
        assert_eq!(found(&[], None), Err(NoCache::NoHome));
        assert_eq!(found(&[], Some("")), Err(NoCache::NoHome));
        assert_eq!(found(&[("TMPDIR", "/tmp")], None), Err(NoCache::NoHome));
        let relative = found(&[("SKERRY_CACHE", "cache")], Some("/home/a"));
        assert_eq!(relative, Err(NoCache::Relative("cache".into())));
    }
}
