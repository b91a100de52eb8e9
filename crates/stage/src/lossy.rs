//! Paths in reports as JSON, which has no bytes that are not UTF-8: those are replaced by U+FFFD, as in the printed report.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// For `#[serde(serialize_with = "stage::lossy_path")]`.
///
/// # Errors
///
/// Those of `serializer`.
pub fn lossy_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// For `#[serde(serialize_with = "stage::lossy_optional_path")]`.
///
/// # Errors
///
/// Those of `serializer`.
pub fn lossy_optional_path<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => lossy_path(path, serializer),
        None => serializer.serialize_none(),
    }
}

/// For `#[serde(serialize_with = "stage::lossy_paths")]`.
///
/// # Errors
///
/// Those of `serializer`.
pub fn lossy_paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}
