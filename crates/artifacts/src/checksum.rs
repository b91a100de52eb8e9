//! Checksums of all bytes of our Parquet files, and a reader that verifies them.
//!
//! Parquet page headers have a field for a checksum, but the Rust writer leaves it empty, and it would cover neither the
//! headers nor the metadata: one flipped bit there reads wrong values from an intact page. So our checksums are between
//! the pages and the metadata, where readers that follow the offsets of the metadata ignore them:
//!
//! ```text
//! pages and page indexes                            `covered` bytes
//! CRC-32 of each 64 KiB of them, the last shorter   4 bytes each
//! `covered`                                         8 bytes
//! CRC-32 of the metadata and all that follows it    4 bytes
//! CRC-32 of the checksums and the two fields above  4 bytes
//! "SKCHECKS"                                        8 bytes
//! metadata, their length (4 bytes), "PAR1"          as in any Parquet file
//! ```
//!
//! Numbers are little-endian. Another program that rewrites such a file drops the checksums, whereas it might copy a key of
//! the metadata, which would then be wrong. A file without checksums is read unchecked.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::{Error, file};

/// Bytes per checksum: small compared to a page of vectors, so that little is read beyond the page.
const BLOCK: u64 = 1 << 16;

/// The last bytes of the checksum section.
const MAGIC: [u8; 8] = *b"SKCHECKS";

/// `covered`, two checksums, and the magic.
const FIELDS: usize = 24;

/// The length of the metadata, and the magic of Parquet.
const END: usize = 8;

/// A file whose checksums, if it has any, are verified while it is read.
#[derive(Clone)]
pub(crate) struct Checked(Arc<Inner>);

struct Inner {
    file: File,
    length: u64,
    /// Number of bytes that `sums` cover; 0 in a file without checksums.
    covered: u64,
    sums: Vec<u32>,
    /// Where the last range that was read ended.
    last_end: AtomicU64,
}

impl Checked {
    /// Opens the file at `path`, and checks its metadata.
    pub(crate) fn open(path: &Path) -> std::result::Result<Self, Error> {
        let file = file::open(path)?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let (covered, sums) = sums(&file, length).map_err(Error::parquet(path))?;
        Ok(Self(Arc::new(Inner {
            file,
            length,
            covered,
            sums,
            last_end: AtomicU64::new(0),
        })))
    }

    /// The file itself, whose reads are not verified.
    pub(crate) fn file(&self) -> &File {
        &self.0.file
    }

    /// The offset in the file at which the last range that was read ended: after a page, the end of its values.
    pub(crate) fn last_end(&self) -> u64 {
        self.0.last_end.load(Ordering::Relaxed)
    }

    /// `range` extended to whole blocks, as far as checksums cover it.
    fn blocks(&self, range: &Range<u64>) -> Range<u64> {
        let covered = self.0.covered;
        if range.start >= covered {
            return range.clone();
        }
        let end = range.end.next_multiple_of(BLOCK).min(covered);
        range.start / BLOCK * BLOCK..end.max(range.end)
    }
}

/// Checks all bytes of the file at `path` against the checksums in it. Returns whether it has any.
pub fn verify(path: &Path) -> std::result::Result<bool, Error> {
    let file = Checked::open(path)?;
    for start in (0..file.0.covered).step_by(BLOCK as usize) {
        let length = BLOCK.min(file.0.covered - start);
        file.get_bytes(start, length as usize)
            .map_err(Error::parquet(path))?;
    }
    Ok(file.0.covered > 0)
}

/// The checksums of a file of `length` bytes, and the number of bytes that they cover. Verifies the metadata.
fn sums(file: &File, length: u64) -> Result<(u64, Vec<u32>)> {
    let none = (0, Vec::new());
    let damaged = || fails("its metadata");
    let Some(end) = length.checked_sub(END as u64) else {
        return Ok(none);
    };
    let tail = file.get_bytes(end, END)?;
    let metadata = u64::from(u32_at(&tail, 0));
    let Some(fields) = end
        .checked_sub(metadata)
        .and_then(|start| start.checked_sub(FIELDS as u64))
    else {
        return Ok(none);
    };
    let rest = file.get_bytes(fields, (length - fields) as usize)?;
    let (own, metadata) = rest.split_at(FIELDS);
    if own[16..] != MAGIC {
        return Ok(none);
    }
    let covered = u64::from(u32_at(own, 0)) | u64::from(u32_at(own, 4)) << 32;
    let bytes = covered.div_ceil(BLOCK).checked_mul(4);
    let list = bytes.filter(|&bytes| covered.checked_add(bytes) == Some(fields));
    let list = file.get_bytes(covered, list.ok_or_else(damaged)? as usize)?;
    let mut of_list = crc32fast::Hasher::new();
    of_list.update(&list);
    of_list.update(&own[..12]);
    if of_list.finalize() != u32_at(own, 12) || crc32fast::hash(metadata) != u32_at(own, 8) {
        return Err(damaged());
    }
    let sums = list.chunks_exact(4).map(|sum| u32_at(sum, 0)).collect();
    Ok((covered, sums))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    u32::from_le_bytes([a, b, c, d])
}

fn fails(what: &str) -> ParquetError {
    ParquetError::General(format!("{what} fail their checksum: the file is damaged"))
}

impl Length for Checked {
    fn len(&self) -> u64 {
        self.0.length
    }
}

impl ChunkReader for Checked {
    type T = Pieces;

    fn get_read(&self, start: u64) -> Result<Pieces> {
        Ok(Pieces {
            of: self.clone(),
            at: start,
            piece: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start
            .checked_add(length as u64)
            .filter(|&end| end <= self.0.length)
            .ok_or_else(|| {
                ParquetError::EOF(format!(
                    "cannot read {length} bytes at {start} of a file of {} bytes",
                    self.0.length
                ))
            })?;
        let range = start..end;
        let whole = self.blocks(&range);
        let bytes = self
            .0
            .file
            .get_bytes(whole.start, (whole.end - whole.start) as usize)?;
        let covered = self
            .0
            .covered
            .saturating_sub(whole.start)
            .min(bytes.len() as u64);
        let first = (whole.start / BLOCK) as usize;
        let blocks = bytes[..covered as usize].chunks(BLOCK as usize);
        for (block, at) in blocks.zip(first..) {
            if self.0.sums.get(at) != Some(&crc32fast::hash(block)) {
                let start = at as u64 * BLOCK;
                return Err(fails(&format!(
                    "bytes {start} to {}",
                    start + block.len() as u64 - 1
                )));
            }
        }
        self.0.last_end.store(end, Ordering::Relaxed);
        let from = (start - whole.start) as usize;
        Ok(bytes.slice(from..from + length))
    }
}

/// Reads the bytes of a file from an offset on, one block at a time.
pub(crate) struct Pieces {
    of: Checked,
    at: u64,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let end = (self.at / BLOCK + 1) * BLOCK;
            let length = end.min(self.of.0.length).saturating_sub(self.at);
            self.piece = self
                .of
                .get_bytes(self.at, length as usize)
                .map_err(io::Error::other)?;
            self.at += length;
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// Passes the bytes of a Parquet file on to `out`, and inserts the checksums before the metadata.
pub(crate) struct Checking<'a, W: Write> {
    out: &'a mut BufWriter<W>,
    sums: Vec<u8>,
    block: crc32fast::Hasher,
    covered: u64,
    /// The bytes after the pages, once [`Self::hold`] was called.
    tail: Option<Vec<u8>>,
}

impl<'a, W: Write> Checking<'a, W> {
    pub(crate) fn new(out: &'a mut BufWriter<W>) -> Self {
        Self {
            out,
            sums: Vec::new(),
            block: crc32fast::Hasher::new(),
            covered: 0,
            tail: None,
        }
    }

    /// Called after the last page: the following bytes, the end of the file, are held back.
    pub(crate) fn hold(&mut self) {
        self.tail.get_or_insert_default();
    }

    /// Writes the checksums and the end of the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let tail = self.tail.take().unwrap_or_default();
        let length = tail
            .len()
            .checked_sub(END)
            .map(|end| u32_at(&tail, end) as usize);
        let metadata = length.and_then(|length| tail.len().checked_sub(END + length));
        let metadata =
            metadata.ok_or_else(|| io::Error::other("a Parquet file without its end"))?;
        let (indexes, metadata) = tail.split_at(metadata);
        self.cover(indexes)?;
        if !self.covered.is_multiple_of(BLOCK) {
            self.close_block();
        }
        let mut list = self.sums;
        list.extend(self.covered.to_le_bytes());
        list.extend(crc32fast::hash(metadata).to_le_bytes());
        let sum = crc32fast::hash(&list);
        list.extend(sum.to_le_bytes());
        list.extend(MAGIC);
        self.out.write_all(&list)?;
        self.out.write_all(metadata)
    }

    fn close_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.sums.extend(block.finalize().to_le_bytes());
    }

    /// Writes `bytes`, and adds them to the checksums.
    fn cover(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        while !bytes.is_empty() {
            let room = BLOCK - self.covered % BLOCK;
            let (now, later) = bytes.split_at(bytes.len().min(room as usize));
            self.block.update(now);
            self.covered += now.len() as u64;
            if self.covered.is_multiple_of(BLOCK) {
                self.close_block();
            }
            bytes = later;
        }
        Ok(())
    }
}

impl<W: Write> Write for Checking<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tail {
            Some(tail) => tail.extend_from_slice(bytes),
            None => self.cover(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
