//! The vector cache: a text that was embedded before with the same model and settings is not embedded again, a killed run can be
//! resumed, and processes that run at the same time share their work.
//!
//! **Files.** The vectors of one model with one set of settings are in segments, pairs of append-only files: `NAME.vectors`,
//! rows of d little-endian f32, and `NAME.index`, one record of 32 bytes per row: the first half of the SHA-256 of the text, what
//! of the text is lost (u64, `Loss`), checksum of record and row (u64). The segments after the first are `NAME.1`, `NAME.2` and
//! so on. `NAME` is a hash of the model, the settings and everything else that affects vectors. A row is written before its
//! record, and an incomplete record of a killed writer is overwritten by the next one, so processes may be killed at any
//! time. A row with a wrong checksum is embedded again.
//!
//! **Sharing.** One lock beside the directory (`vectors.lock`) is held while anything is appended, claimed or removed, never
//! while texts are embedded. Before a process embeds texts, it [claims](VectorCache::claim) those that are neither cached nor
//! claimed by another (`claims`). It waits for the texts that others have claimed, and takes over what is left of them when
//! such a process ends. Nobody waits while holding a claim, so processes cannot wait for each other in a circle.
//!
//! **Size.** When a segment is full and when a run ends, the least recently used segments of all models are removed until the
//! rest is within the limit (`eviction`).

mod claims;
pub(crate) mod eviction;
#[cfg(test)]
mod tests;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use self::claims::Claim;

/// The key of a text: the first half of its SHA-256.
pub(crate) type Key = [u8; 16];

/// The key of `text`.
pub(crate) fn key(text: &str) -> Key {
    let hash = Sha256::digest(text.as_bytes());
    hash[..16].try_into().expect("SHA-256 has 32 bytes")
}

/// Bytes of a record of the index.
pub(crate) const RECORD: usize = 32;

/// Changes with the meaning of a record. Files of other formats are not read.
const FORMAT: u32 = 2;

/// The vectors of one model with one set of settings, as far as they are wanted.
pub(crate) struct VectorCache {
    dir: PathBuf,
    name: String,
    d: usize,
    /// Most bytes of the vectors of all models.
    limit: u64,
    segments: BTreeMap<u32, Segment>,
    /// The wanted texts, with the place of their vectors where they are cached.
    wanted: HashMap<Key, Option<Entry>>,
    claim: Option<Claim>,
    /// Whether the files are read-only; then nothing is added.
    pub(crate) read_only: bool,
}

/// A segment that was read.
struct Segment {
    vectors: File,
    /// Records of the index that were read.
    records: u64,
    /// Whether a vector of it was used.
    used: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    segment: u32,
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

/// Who embeds texts that were asked for, by their position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// They are cached by now.
    pub(crate) cached: Vec<usize>,
    /// This process, which has claimed them.
    pub(crate) mine: Vec<usize>,
    /// Other processes.
    pub(crate) theirs: Vec<usize>,
}

impl VectorCache {
    /// Opens or creates the cache for `identity` with vectors of `d` dimensions, read-only without write permission, and finds
    /// the texts with these keys. Callers can continue without a cache on an error.
    pub(crate) fn open(
        dir: &Path,
        identity: &str,
        d: usize,
        limit: u64,
        keys: &[Key],
    ) -> Result<Self, String> {
        let name = artifacts::sha256_of(format!("{FORMAT}\n{identity}\n{d}").as_bytes());
        let mut cache = Self {
            dir: dir.to_owned(),
            name: name[..32].to_owned(),
            d,
            limit,
            segments: BTreeMap::new(),
            wanted: keys.iter().map(|&key| (key, None)).collect(),
            claim: None,
            read_only: false,
        };
        let made = std::fs::create_dir_all(dir);
        made.map_err(fault("create", &cache.path()))?;
        let locked = lock(dir);
        let opened = match &locked {
            Ok(_) => open(&cache.path(), true).map(|_| ()),
            Err(error) if may_not_write(error) => {
                cache.read_only = true;
                Ok(())
            }
            Err(error) => return Err(fault("lock", &cache.path())(error)),
        };
        match opened {
            Err(error) if may_not_write(&error) => cache.read_only = true,
            opened => opened.map_err(fault("open", &cache.path()))?,
        }
        cache.refresh().map_err(fault("read", &cache.path()))?;
        Ok(cache)
    }

    /// The file of the index of the first segment.
    pub(crate) fn path(&self) -> PathBuf {
        index_of(&self.dir, &self.name, 0)
    }

    /// Reads what was added to the index.
    fn refresh(&mut self) -> io::Result<()> {
        for number in segments(&self.dir, &self.name)? {
            let index = index_of(&self.dir, &self.name, number);
            let records = index.metadata()?.len() / RECORD as u64;
            let known = self.segments.get(&number).map(|known| known.records);
            if known == Some(records) {
                continue;
            }
            // A shorter one is another file of this name.
            let first = known.filter(|&known| known < records).unwrap_or(0);
            if first == 0 {
                let vectors = match File::open(index.with_extension("vectors")) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    opened => opened?,
                };
                let segment = Segment {
                    vectors,
                    records,
                    used: false,
                };
                self.segments.insert(number, segment);
            }
            let mut file = File::open(&index)?;
            file.seek(SeekFrom::Start(first * RECORD as u64))?;
            let mut file = BufReader::with_capacity(1 << 16, file);
            let mut record = [0; RECORD];
            for row in first..records {
                file.read_exact(&mut record)?;
                let key: Key = record[..16].try_into().expect("16 bytes");
                if let Some(entry) = self.wanted.get_mut(&key) {
                    let at = |at: usize| record[at..at + 8].try_into().expect("8 bytes");
                    *entry = Some(Entry {
                        segment: number,
                        row,
                        lost: u64::from_le_bytes(at(16)),
                        check: u64::from_le_bytes(at(24)),
                    });
                }
            }
            if let Some(segment) = self.segments.get_mut(&number) {
                segment.records = records;
            }
        }
        Ok(())
    }

    /// The vector of `key`, if it is wanted, cached, and its checksum is correct.
    pub(crate) fn get(&mut self, key: &Key) -> Option<Cached> {
        let entry = (*self.wanted.get(key)?)?;
        let segment = self.segments.get_mut(&entry.segment)?;
        let mut bytes = vec![0; self.d * 4];
        let start = entry.row * bytes.len() as u64;
        segment.vectors.seek(SeekFrom::Start(start)).ok()?;
        segment.vectors.read_exact(&mut bytes).ok()?;
        if checksum(key, entry.lost, &bytes) != entry.check {
            return None;
        }
        segment.used = true;
        let vector = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().expect("4 bytes")))
            .collect();
        Some(Cached {
            vector,
            lost: entry.lost,
        })
    }

    /// Decides who embeds the texts with these keys, which are wanted, and claims those that this process is to embed until
    /// [`release`](Self::release). A read-only cache claims nothing: this process embeds them all.
    pub(crate) fn claim(&mut self, keys: &[Key]) -> Result<Claimed, String> {
        if self.read_only {
            return Ok(Claimed {
                mine: (0..keys.len()).collect(),
                ..Claimed::default()
            });
        }
        self.try_claim(keys).map_err(fault("lock", &self.path()))
    }

    fn try_claim(&mut self, keys: &[Key]) -> io::Result<Claimed> {
        self.release();
        let _lock = lock(&self.dir)?;
        self.refresh()?;
        let others = claims::of_others(&self.dir, &self.name)?;
        let mut claimed = Claimed::default();
        for (at, key) in keys.iter().enumerate() {
            let list = if self.get(key).is_some() {
                &mut claimed.cached
            } else if others.contains(key) {
                &mut claimed.theirs
            } else {
                &mut claimed.mine
            };
            list.push(at);
        }
        if !claimed.mine.is_empty() {
            let mine = claimed.mine.iter().map(|&at| keys[at]);
            self.claim = Some(Claim::new(&self.dir, &self.name, mine)?);
        }
        Ok(claimed)
    }

    /// Gives back what was claimed: other processes may embed what is not cached by now.
    pub(crate) fn release(&mut self) {
        self.claim = None;
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
            .map_err(fault("write", &self.path()))
    }

    /// Files are opened each time: another process may have started a segment, or removed this one.
    fn write(&mut self, records: &[u8], bytes: &[u8]) -> io::Result<()> {
        let _lock = lock(&self.dir)?;
        let width = (self.d * 4) as u64;
        let last = segments(&self.dir, &self.name)?.last().copied();
        let mut index = index_of(&self.dir, &self.name, last.unwrap_or(0));
        let size = index.metadata().map_or(0, |about| about.len()) / RECORD as u64 * width;
        if let Some(last) = last
            && size > 0
            && size + bytes.len() as u64 > eviction::segment_bytes(self.limit)
        {
            index = index_of(&self.dir, &self.name, last + 1);
            eviction::evict(&self.dir, self.limit)?;
        }
        let mut vectors = open(&index.with_extension("vectors"), true)?;
        let mut index = open(&index, true)?;
        let row = index.metadata()?.len() / RECORD as u64;
        vectors.seek(SeekFrom::Start(row * width))?;
        vectors.write_all(bytes)?;
        index.seek(SeekFrom::Start(row * RECORD as u64))?;
        index.write_all(records)
    }

    /// Marks the segments as used whose vectors were.
    pub(crate) fn touch(&mut self) {
        if self.read_only {
            return;
        }
        let now = SystemTime::now();
        for (&number, segment) in self.segments.iter_mut().filter(|(_, segment)| segment.used) {
            segment.used = false;
            let index = index_of(&self.dir, &self.name, number);
            // One that was removed, or cannot be marked, is only removed earlier.
            if let Ok(index) = OpenOptions::new().write(true).open(index) {
                let _ = index.set_modified(now);
            }
        }
    }

    /// Ends the use of the cache, and removes what is beyond its limit.
    pub(crate) fn finish(mut self) {
        self.touch();
        self.release();
        // What cannot be removed now is removed by the next run.
        if !self.read_only
            && let Ok(_lock) = lock(&self.dir)
        {
            let _ = eviction::evict(&self.dir, self.limit);
        }
    }
}

/// The lock of the directory of all vectors, held until the file is dropped.
pub(crate) fn lock(dir: &Path) -> io::Result<File> {
    let file = open(&dir.with_extension("lock"), true)?;
    file.lock()?;
    Ok(file)
}

fn open(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(write)
        .create(write)
        .truncate(false)
        .open(path)
}

/// The file of the index of a segment.
fn index_of(dir: &Path, name: &str, segment: u32) -> PathBuf {
    dir.join(match segment {
        0 => format!("{name}.index"),
        number => format!("{name}.{number}.index"),
    })
}

/// The numbers of the segments, ascending.
fn segments(dir: &Path, name: &str) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let file = entry?.file_name();
        let stem = file.to_str().and_then(|file| file.strip_suffix(".index"));
        let Some(rest) = stem.and_then(|stem| stem.strip_prefix(name)) else {
            continue;
        };
        match rest.strip_prefix('.') {
            None if rest.is_empty() => numbers.push(0),
            None => {}
            Some(number) => numbers.extend(number.parse::<u32>().ok().filter(|&number| number > 0)),
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// An error message.
fn fault<E: std::fmt::Display>(action: &'static str, path: &Path) -> impl Fn(E) -> String + use<E> {
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
