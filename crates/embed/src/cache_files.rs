//! Small files of Skerry's cache that spare work and can be missing: hashes, what is known of a model.

use std::path::PathBuf;

use artifacts::sha256_of;

use crate::model_dir;

/// The content of the file for `key` in the directory `kind` of the cache; `None` if it is missing or damaged.
pub(crate) fn read(kind: &str, key: &str) -> Option<String> {
    String::from_utf8(read_bytes(kind, key)?).ok()
}

/// Like [`read`], for any bytes.
pub(crate) fn read_bytes(kind: &str, key: &str) -> Option<Vec<u8>> {
    let bytes = model_dir::read(&path(kind, key)?).ok()?;
    let (checksum, content) = bytes.split_at_checked(65)?;
    (checksum.strip_suffix(b"\n")? == sha256_of(content).as_bytes()).then(|| content.to_vec())
}

/// Writes `content` for [`read`]. Without a cache, or one that cannot be written, nothing is kept.
pub(crate) fn write(kind: &str, key: &str, content: &[u8]) {
    let Some(path) = path(kind, key) else { return };
    let directory = path.parent().expect("it is in a directory");
    if std::fs::create_dir_all(directory).is_ok() {
        let checksum = sha256_of(content);
        let _ = artifacts::write_bytes(&path, &[checksum.as_bytes(), b"\n", content].concat());
    }
}

/// `key` is any text; its hash is the name of the file.
fn path(kind: &str, key: &str) -> Option<PathBuf> {
    let name = &sha256_of(key.as_bytes())[..32];
    Some(stage::cache_dir().ok()?.join(kind).join(name))
}
