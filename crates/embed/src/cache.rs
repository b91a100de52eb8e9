//! The vector cache: a text that was embedded before with the same model and settings is not embedded again, and a killed
//! run can be resumed.
//!
//! A cache is two append-only files: `NAME.vectors`, rows of d little-endian f32, and `NAME.index`, one record of 32 bytes
//! per row: the first half of the SHA-256 of the text, what of the text is lost (u64, `Loss`), checksum of record and row (u64). A
//! row is written before its record, under a lock on the index, and an incomplete record of a killed writer is overwritten
//! by the next one, so processes can share a cache and may be killed at any time. A row with a wrong checksum is embedded
//! again. `NAME` is a hash of the model, the settings and everything else that affects vectors.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The key of a text: the first half of its SHA-256.
pub(crate) type Key = [u8; 16];

/// The key of `text`.
pub(crate) fn key(text: &str) -> Key {
    let hash = Sha256::digest(text.as_bytes());
    hash[..16].try_into().expect("SHA-256 has 32 bytes")
}

const RECORD: usize = 32;

/// Changes with the meaning of a record. Files of other formats are not read.
const FORMAT: u32 = 2;

/// The vectors of one model with one set of settings.
pub(crate) struct VectorCache {
    path: PathBuf,
    index: File,
    vectors: File,
    d: usize,
    rows: HashMap<Key, Entry>,
    /// Whether the files are read-only; then nothing is added.
    pub(crate) read_only: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    row: u64,
    lost: u64,
    check: u64,
}

/// A vector, with the bits of the `Loss` of its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cached {
    pub(crate) vector: Vec<f32>,
    pub(crate) lost: u64,
}

impl VectorCache {
    /// Opens or creates the cache for `identity` with vectors of `d` dimensions, read-only without write permission. Callers
    /// can continue without a cache on an error.
    pub(crate) fn open(dir: &Path, identity: &str, d: usize) -> Result<Self, String> {
        let name = artifacts::sha256_of(format!("{FORMAT}\n{identity}\n{d}").as_bytes());
        let path = dir.join(format!("{}.index", &name[..32]));
        let fail = |action| fault(action, &path);
        std::fs::create_dir_all(dir).map_err(fail("create"))?;
        let open = |path: &Path, write: bool| {
            OpenOptions::new()
                .read(true)
                .write(write)
                .create(write)
                .truncate(false)
                .open(path)
        };
        let both = |write| -> io::Result<(File, File)> {
            Ok((
                open(&path, write)?,
                open(&path.with_extension("vectors"), write)?,
            ))
        };
        let (opened, read_only) = match both(true) {
            Err(error) if may_not_write(&error) => (both(false).map_err(|_| error), true),
            opened => (opened, false),
        };
        let (mut index, vectors) = opened.map_err(fail("open"))?;
        index.lock_shared().map_err(fail("lock"))?;
        let mut bytes = Vec::new();
        index.read_to_end(&mut bytes).map_err(fail("read"))?;
        index.unlock().map_err(fail("unlock"))?;
        let mut rows = HashMap::new();
        for (row, record) in bytes.chunks_exact(RECORD).enumerate() {
            let number =
                |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().expect("8 bytes"));
            let key: Key = record[..16].try_into().expect("16 bytes");
            rows.insert(
                key,
                Entry {
                    row: row as u64,
                    lost: number(16),
                    check: number(24),
                },
            );
        }
        Ok(Self {
            path,
            index,
            vectors,
            d,
            rows,
            read_only,
        })
    }

    /// The file of the index.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The vector of `key`, if it is cached and its checksum is correct.
    pub(crate) fn get(&mut self, key: &Key) -> Option<Cached> {
        let entry = *self.rows.get(key)?;
        let mut bytes = vec![0; self.d * 4];
        self.vectors
            .seek(SeekFrom::Start(entry.row * bytes.len() as u64))
            .ok()?;
        self.vectors.read_exact(&mut bytes).ok()?;
        if checksum(key, entry.lost, &bytes) != entry.check {
            return None;
        }
        let vector = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().expect("4 bytes")))
            .collect();
        Some(Cached {
            vector,
            lost: entry.lost,
        })
    }

    /// Adds vectors: one key and `Loss` in bits per row of `values`. Does nothing if the cache is read-only.
    pub(crate) fn append(
        &mut self,
        keys: &[Key],
        lost: &[u64],
        values: &[f32],
    ) -> Result<(), String> {
        if self.read_only {
            return Ok(());
        }
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let mut records = Vec::with_capacity(keys.len() * RECORD);
        for ((key, lost), row) in keys.iter().zip(lost).zip(bytes.chunks_exact(self.d * 4)) {
            records.extend(key);
            records.extend(lost.to_le_bytes());
            records.extend(checksum(key, *lost, row).to_le_bytes());
        }
        self.write(&records, &bytes)
            .map_err(fault("write", &self.path))
    }

    fn write(&mut self, records: &[u8], bytes: &[u8]) -> io::Result<()> {
        self.index.lock()?;
        let written = (|| {
            let row = self.index.metadata()?.len() / RECORD as u64;
            self.vectors
                .seek(SeekFrom::Start(row * (self.d * 4) as u64))?;
            self.vectors.write_all(bytes)?;
            self.index.seek(SeekFrom::Start(row * RECORD as u64))?;
            self.index.write_all(records)
        })();
        self.index.unlock()?;
        written
    }
}

/// An error message.
fn fault(action: &'static str, path: &Path) -> impl Fn(io::Error) -> String + use<> {
    let path = path.to_owned();
    move |error| {
        format!(
            "cannot {action} the vector cache {}: {error}",
            path.display()
        )
    }
}

fn may_not_write(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// FNV-1a over 4 bytes at a time.
fn checksum(key: &Key, lost: u64, row: &[u8]) -> u64 {
    let words = key.chunks_exact(4).chain(row.chunks_exact(4));
    words.fold(0xcbf2_9ce4_8422_2325 ^ lost, |hash, word| {
        let word = u32::from_le_bytes(word.try_into().expect("4 bytes"));
        (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> (PathBuf, PathBuf) {
        let index = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().unwrap() == "index");
        let index = index.unwrap();
        let vectors = index.with_extension("vectors");
        (index, vectors)
    }

    #[test]
    fn appended_vectors_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = VectorCache::open(dir.path(), "model", 2).unwrap();
        one.append(&[key("a"), key("b")], &[0, 7], &[1.0, 2.0, 3.0, 4.0])
            .unwrap();
        let mut two = VectorCache::open(dir.path(), "model", 2).unwrap();
        assert_eq!(
            two.get(&key("b")),
            Some(Cached {
                vector: vec![3.0, 4.0],
                lost: 7
            })
        );
        assert_eq!(two.get(&key("c")), None);
        let mut other = VectorCache::open(dir.path(), "another model", 2).unwrap();
        assert_eq!(other.get(&key("a")), None);
    }

    #[test]
    fn a_truncated_append_loses_only_the_last_vectors() {
        for cut in 0..2 * RECORD {
            let dir = tempfile::tempdir().unwrap();
            let mut one = VectorCache::open(dir.path(), "model", 2).unwrap();
            one.append(&[key("a"), key("b")], &[0, 0], &[1.0, 2.0, 3.0, 4.0])
                .unwrap();
            let (index, vectors) = files(dir.path());
            File::options()
                .write(true)
                .open(&index)
                .unwrap()
                .set_len(cut as u64)
                .unwrap();
            // Half a row more than there are records.
            File::options()
                .write(true)
                .open(&vectors)
                .unwrap()
                .set_len((cut / RECORD * 8 + 4) as u64)
                .unwrap();
            let mut two = VectorCache::open(dir.path(), "model", 2).unwrap();
            assert_eq!(two.get(&key("a")).is_some(), cut >= RECORD);
            two.append(&[key("c")], &[0], &[5.0, 6.0]).unwrap();
            let mut three = VectorCache::open(dir.path(), "model", 2).unwrap();
            assert_eq!(three.get(&key("a")).is_some(), cut >= RECORD);
            assert_eq!(three.get(&key("b")), None);
            assert_eq!(three.get(&key("c")).unwrap().vector, [5.0, 6.0]);
        }
    }

    #[test]
    fn damaged_rows_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = VectorCache::open(dir.path(), "model", 2).unwrap();
        one.append(&[key("a")], &[0], &[1.0, 2.0]).unwrap();
        let (_, vectors) = files(dir.path());
        std::fs::write(vectors, [0; 8]).unwrap();
        assert_eq!(one.get(&key("a")), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_cache_is_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut one = VectorCache::open(dir.path(), "model", 2).unwrap();
        one.append(&[key("a")], &[0], &[1.0, 2.0]).unwrap();
        let (index, vectors) = files(dir.path());
        for file in [&index, &vectors] {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o444)).unwrap();
        }
        let mut two = VectorCache::open(dir.path(), "model", 2).unwrap();
        // Permissions do not bind the administrator, who reads and writes all the same.
        assert_eq!(
            two.read_only,
            File::options().write(true).open(&index).is_err()
        );
        assert_eq!(two.get(&key("a")).unwrap().vector, [1.0, 2.0]);
        two.append(&[key("b")], &[0], &[3.0, 4.0]).unwrap();
        // What stands in its way as a directory can be neither read nor written.
        std::fs::remove_file(&index).unwrap();
        std::fs::create_dir(&index).unwrap();
        let error = VectorCache::open(dir.path(), "model", 2).err().unwrap();
        assert!(error.starts_with("cannot open the vector cache"), "{error}");
    }

    #[test]
    fn writers_lock_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let dir = dir.path();
                scope.spawn(move || {
                    let mut cache = VectorCache::open(dir, "model", 1).unwrap();
                    for i in 0..50 {
                        cache
                            .append(
                                &[key(&format!("{writer} {i}"))],
                                &[0],
                                &[(writer * 100 + i) as f32],
                            )
                            .unwrap();
                    }
                });
            }
        });
        let mut cache = VectorCache::open(dir.path(), "model", 1).unwrap();
        for writer in 0..4 {
            for i in 0..50 {
                assert_eq!(
                    cache.get(&key(&format!("{writer} {i}"))).unwrap().vector,
                    [(writer * 100 + i) as f32]
                );
            }
        }
    }
}
