//! Finds and loads ONNX Runtime: from the flag, `ORT_DYLIB_PATH`, the cache, or the system's loader, in this order.
//!
//! A process can load the library only once.

use std::path::{Path, PathBuf};

use ort::environment::Environment;

use crate::error::Error;
use crate::setup;
use crate::stamp;

/// Loads ONNX Runtime.
pub(crate) fn load(given: Option<&Path>) -> Result<Environment, Error> {
    let (path, searched) = match find(given)? {
        // An absolute path, because the loader would search for a bare file name elsewhere.
        Some(Library { path, is_pinned }) => {
            // A truncated library would end the process without a message.
            if is_pinned {
                setup::check_library(&path, &stamp::sha256(&path)?)?;
            }
            (path.canonicalize().unwrap_or(path), false)
        }
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

/// A library file.
struct Library {
    path: PathBuf,
    /// Whether it is that of Skerry's cache, whose hash is known; others are the choice of the user.
    is_pinned: bool,
}

/// The library file: the given one, or that of the cache; `None` if the system's loader has to find it.
fn find(given: Option<&Path>) -> Result<Option<Library>, Error> {
    let variable = std::env::var_os("ORT_DYLIB_PATH")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let named = given.map(Path::to_owned).or(variable);
    if let Some(path) = &named
        && !path.is_file()
    {
        return Err(Error::RuntimeMissing { path: path.clone() });
    }
    let cached = |path: PathBuf| Library {
        path,
        is_pinned: true,
    };
    if let Some(path) = named {
        return Ok(Some(Library {
            path,
            is_pinned: false,
        }));
    }
    match stage::cache_dir() {
        Ok(cache) => Ok(setup::library_path(&cache)
            .filter(|path| path.is_file())
            .map(cached)),
        Err(error @ stage::NoCache::Relative(_)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// The library file and the processor as text that changes with either; `None` if the file is not known before loading it.
pub(crate) fn state(given: Option<&Path>) -> Option<String> {
    let path = find(given).ok()??.path.canonicalize().ok()?;
    let hash = stamp::sha256(&path).ok()?;
    Some(format!("{hash} {}", processor()))
}

/// The features of the processor that select the kernels of ONNX Runtime.
pub(crate) fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let has = [
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avxvnni", is_x86_feature_detected!("avxvnni")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
            ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ];
        let names: Vec<&str> = has
            .iter()
            .filter(|(_, has)| *has)
            .map(|(name, _)| *name)
            .collect();
        format!("x86_64 {}", names.join(" "))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.to_owned()
    }
}

/// The name of the library for the system's loader.
fn system_name() -> String {
    format!(
        "{}onnxruntime{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    )
}
