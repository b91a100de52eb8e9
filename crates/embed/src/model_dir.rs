//! Confines a model to its directory: models from others must not read files elsewhere.

use std::path::{Component, Path, PathBuf};

use crate::error::Error;

/// The path of the file `name` of the model in `dir`: a relative name without `..`, which resolves to a file in the directory
/// if it exists. The cache of the Hugging Face hub links to files in a directory `blobs` beside `snapshots`, which is allowed
/// as well.
pub(crate) fn file_in(dir: &Path, name: &str) -> Result<PathBuf, Error> {
    let path = dir.join(name);
    let outside = || Error::OutsideModel {
        dir: dir.to_owned(),
        name: name.to_owned(),
    };
    let plain = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain || name.contains('\\') {
        return Err(outside());
    }
    // A missing file is reported when it is read.
    let (Ok(target), Ok(root)) = (path.canonicalize(), dir.canonicalize()) else {
        return Ok(path);
    };
    if target.starts_with(&root) {
        return Ok(path);
    }
    let snapshots = root
        .parent()
        .filter(|parent| parent.file_name().is_some_and(|name| name == "snapshots"));
    let blobs = snapshots
        .and_then(Path::parent)
        .map(|model| model.join("blobs"));
    if blobs.is_some_and(|blobs| target.starts_with(blobs)) {
        return Ok(path);
    }
    Err(outside())
}

/// The bytes of the regular file at `path`; reading a pipe without a writer would block.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.metadata()?.is_file() {
        std::fs::read(path)
    } else {
        let fault = "it is a directory, a device or a pipe";
        Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_outside_the_model_directory_are_refused() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("model");
        std::fs::create_dir_all(dir.join("onnx")).unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        for name in ["weights", "onnx/weights.data", "", "./1_Pooling"] {
            assert_eq!(file_in(&dir, name).unwrap(), dir.join(name));
        }
        for name in [
            "../secret",
            "/etc/passwd",
            "onnx/../../secret",
            "..\\secret",
        ] {
            assert!(
                matches!(file_in(&dir, name), Err(Error::OutsideModel { .. })),
                "{name}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_a_model_are_allowed_only_into_the_hub_cache() {
        use std::os::unix::fs::symlink;

        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("models--a--b/snapshots/0123");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::create_dir_all(outer.path().join("models--a--b/blobs")).unwrap();
        std::fs::write(outer.path().join("models--a--b/blobs/77"), "w").unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        symlink("../../blobs/77", dir.join("model.onnx")).unwrap();
        symlink("../../../secret", dir.join("tokenizer.json")).unwrap();
        file_in(&dir, "model.onnx").unwrap();
        assert!(matches!(
            file_in(&dir, "tokenizer.json"),
            Err(Error::OutsideModel { .. })
        ));
    }
}
