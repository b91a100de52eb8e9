//! Finds and loads ONNX Runtime: from the flag, `ORT_DYLIB_PATH`, the cache, or the system's loader, in this order.
//!
//! A process can load the library only once.

use std::path::{Path, PathBuf};

use ort::environment::Environment;

use crate::error::Error;
use crate::setup;

/// Loads ONNX Runtime.
pub(crate) fn load(given: Option<&Path>) -> Result<Environment, Error> {
    let variable = std::env::var_os("ORT_DYLIB_PATH")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let named = given.map(Path::to_owned).or(variable);
    if let Some(path) = &named
        && !path.is_file()
    {
        return Err(Error::RuntimeMissing { path: path.clone() });
    }
    let cached = match (&named, stage::cache_dir()) {
        (None, Ok(cache)) => setup::library_path(&cache).filter(|path| path.is_file()),
        (None, Err(error @ stage::NoCache::Relative(_))) => return Err(error.into()),
        _ => None,
    };
    let (path, searched) = match named.or(cached) {
        // An absolute path, because the loader would search for a bare file name elsewhere.
        Some(path) => (path.canonicalize().unwrap_or(path), false),
        None => (PathBuf::from(system_name()), true),
    };
    let fault = |message: String| {
        if searched {
            Error::RuntimeNotFound { message }
        } else {
            Error::RuntimeLoad {
                path: path.clone(),
                message,
            }
        }
    };
    ort::init_from(&path)
        .map_err(|error| fault(error.to_string()))?
        .with_telemetry(false)
        .with_name("skerry")
        .build()
        .map_err(|error| fault(error.to_string()))
}

/// The name of the library for the system's loader.
fn system_name() -> String {
    format!(
        "{}onnxruntime{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}
