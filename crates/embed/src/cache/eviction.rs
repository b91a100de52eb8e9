//! The size of the vector cache: the least recently used segments go first.
//!
//! A segment is used when it is appended to, and when a run finds a text in it; the time is that of its index. What goes is
//! embedded again when it is needed, so removing too much loses time and nothing else.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of the largest and the smallest segment.
const SEGMENT_BYTES: (u64, u64) = (64 << 20, 1 << 20);

/// Share of the limit that a segment may take, so that little is removed at a time.
const SEGMENTS: u64 = 16;

/// Most bytes of vectors in a segment.
pub(crate) fn segment_bytes(limit: u64) -> u64 {
    (limit / SEGMENTS).clamp(SEGMENT_BYTES.1, SEGMENT_BYTES.0)
}

/// Removes the least recently used segments of all models in `dir` until the others have at most `limit` bytes. Needs the lock of
/// the cache. Processes that read a segment go on with the files that they have open.
pub(crate) fn evict(dir: &Path, limit: u64) -> io::Result<()> {
    let mut segments: Vec<(SystemTime, PathBuf, u64)> = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let index = entry?.path();
        if index.extension().is_some_and(|end| end == "index") {
            let about = index.metadata()?;
            let vectors = index.with_extension("vectors").metadata();
            let bytes = about.len() + vectors.map_or(0, |about| about.len());
            segments.push((about.modified()?, index, bytes));
        }
    }
    segments.sort_unstable();
    let mut bytes: u64 = segments.iter().map(|(_, _, bytes)| bytes).sum();
    for (_, index, size) in segments {
        if bytes <= limit {
            break;
        }
        remove(&index)?;
        bytes -= size;
    }
    Ok(())
}

/// Removes a segment.
pub(crate) fn remove(index: &Path) -> io::Result<()> {
    // The index first: vectors without it are not used.
    for path in [index, &index.with_extension("vectors")] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
