//! Sources: files, glob patterns and standard input; optionally compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Error;
use crate::formats::Format;

/// The name of the file in which a run keeps standard input while its steps read it.
pub const STDIN_COPY: &str = ".standard input.tmp";

/// A source of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            // What `skerry run -` keeps of it.
            Self::File(path) if path.file_name().is_some_and(|name| name == STDIN_COPY) => {
                f.write_str("standard input")
            }
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// The sources in `given`: `-` is standard input; a name with `*`, `?` or `[` that is not a file is a glob pattern, which
/// expands to the matching files in the order of their names, without hidden files, as in a shell.
pub fn expand(given: &[String]) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for name in given {
        let path = Path::new(name);
        if name == "-" {
            sources.push(Source::Stdin);
        } else if path.is_dir() {
            return Err(Error::Directory {
                path: path.to_owned(),
            });
        } else if !path.exists() && name.contains(['*', '?', '[']) {
            let as_shells_do = glob::MatchOptions {
                require_literal_leading_dot: true,
                ..glob::MatchOptions::default()
            };
            let found = glob::glob_with(name, as_shells_do).map_err(|source| Error::Pattern {
                pattern: name.clone(),
                source,
            })?;
            let mut files = Vec::new();
            for file in found {
                let file = file.map_err(|error| Error::Io {
                    action: "list",
                    source_name: error.path().display().to_string(),
                    source: error.into(),
                })?;
                files.extend(file.is_file().then_some(file));
            }
            if files.is_empty() {
                return Err(Error::NoMatch {
                    pattern: name.clone(),
                });
            }
            files.sort();
            sources.extend(files.into_iter().map(Source::File));
        } else {
            // Sources are read twice, for the rows and for the hash, which pipes and devices do not allow.
            if path.metadata().is_ok_and(|about| !about.is_file()) {
                return Err(Error::NoPlainFile {
                    path: path.to_owned(),
                });
            }
            sources.push(Source::File(path.to_owned()));
        }
    }
    if sources.is_empty() {
        return Err(Error::NoSource);
    }
    if sources
        .iter()
        .filter(|source| **source == Source::Stdin)
        .count()
        > 1
    {
        return Err(Error::StdinTwice);
    }
    let mut seen = BTreeSet::new();
    for source in &sources {
        // A file given twice, possibly by a pattern, would have its rows twice.
        if let Source::File(path) = source
            && let Ok(file) = path.canonicalize()
            && !seen.insert(file)
        {
            return Err(Error::Twice { path: path.clone() });
        }
    }
    Ok(sources)
}

/// Checks that all files in `given` exist, and at least one for each pattern.
pub fn find(given: &[String]) -> Result<(), Error> {
    for source in expand(given)? {
        if let Source::File(path) = &source {
            path.metadata().map_err(source.io("read"))?;
        }
    }
    Ok(())
}

impl Source {
    fn io(&self, action: &'static str) -> impl Fn(io::Error) -> Error {
        let source_name = self.to_string();
        move |source| Error::Io {
            action,
            source_name: source_name.clone(),
            source,
        }
    }

    /// The given format, or the one by the file extension.
    pub fn format(&self, given: Option<Format>) -> Result<Format, Error> {
        let by_name = match self {
            Self::File(path) => Format::of_name(&path.to_string_lossy()),
            Self::Stdin => None,
        };
        given.or(by_name).ok_or_else(|| Error::UnknownFormat {
            source_name: self.to_string(),
        })
    }

    /// Opens the source. Standard input is copied once to an unnamed temporary file, so that it can be read again.
    pub fn open(&self) -> Result<File, Error> {
        static SPOOL: OnceLock<File> = OnceLock::new();
        match self {
            Self::File(path) => File::open(path).map_err(self.io("read")),
            Self::Stdin => {
                let spool = if let Some(spool) = SPOOL.get() {
                    spool
                } else {
                    let mut file = tempfile::tempfile().map_err(self.io("spool"))?;
                    io::copy(&mut io::stdin().lock(), &mut file).map_err(self.io("spool"))?;
                    // There is no race: a run reads its sources one after the other.
                    SPOOL.get_or_init(|| file)
                };
                let mut file = spool.try_clone().map_err(self.io("read"))?;
                file.rewind().map_err(self.io("read"))?;
                Ok(file)
            }
        }
    }

    /// All bytes, decompressed; gzip and zstd are detected by their magic bytes.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let mut file = self.open()?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.read_to_end(&mut bytes).map_err(self.io("read"))?;
        let damaged = |format| {
            let source_name = self.to_string();
            move |source| Error::Compressed {
                source_name,
                format,
                source,
            }
        };
        let mut plain = Vec::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::bufread::MultiGzDecoder::new(bytes.as_slice())
                .read_to_end(&mut plain)
                .map_err(damaged("gzip"))?;
        } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            zstd::stream::copy_decode(bytes.as_slice(), &mut plain).map_err(damaged("zstd"))?;
        } else {
            return Ok(bytes);
        }
        Ok(plain)
    }

    /// Stored size in bytes.
    pub fn size(&self) -> u64 {
        let about = self
            .open()
            .and_then(|file| file.metadata().map_err(self.io("read")));
        // An error is reported when the source is read.
        about.map_or(0, |about| about.len())
    }

    /// SHA-256 of the stored bytes.
    fn digest(&self) -> Result<String, Error> {
        artifacts::sha256_of_reader(self.open()?).map_err(self.io("read"))
    }
}

/// Fingerprints of the content and the format of `sources`. `source` is the SHA-256 of the one file, or of the list of hashes;
/// `format` is the common format, or the list of formats.
pub fn fingerprints(
    sources: &[Source],
    given: Option<Format>,
) -> Result<BTreeMap<String, String>, Error> {
    let of_each = |of: &dyn Fn(&Source) -> Result<String, Error>| {
        sources.iter().map(of).collect::<Result<Vec<_>, _>>()
    };
    let digests = of_each(&Source::digest)?;
    let digest = match digests.as_slice() {
        [only] => only.clone(),
        several => artifacts::sha256_of(several.join("\n").as_bytes()),
    };
    let mut formats = of_each(&|source| Ok(source.format(given)?.name()))?;
    if formats.iter().all(|format| *format == formats[0]) {
        formats.truncate(1);
    }
    Ok(BTreeMap::from([
        ("source".to_owned(), digest),
        ("format".to_owned(), formats.join(",")),
    ]))
}
