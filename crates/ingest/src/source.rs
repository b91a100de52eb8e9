//! Where tables come from: files, patterns of file names, standard input; compressed or not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Error;
use crate::formats::Format;

/// A source of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// What comes in on standard input.
    Stdin,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// The sources that `given` names: `-` is standard input, a name with `*`, `?` or `[` that is no file stands for all
/// files it fits, in the order of their names, as in a shell: hidden files are not among them.
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
                    action: "look into",
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
            // A pipe or a device gives what it has once, and is read twice: for its rows and for its hash.
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
        // Two names of one file, or a name and a pattern: its rows would come twice.
        if let Source::File(path) = source
            && let Ok(file) = path.canonicalize()
            && !seen.insert(file)
        {
            return Err(Error::Twice { path: path.clone() });
        }
    }
    Ok(sources)
}

/// Whether what `given` names is there: files, and at least one for each pattern.
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

    /// The format its name speaks of, unless one was given.
    pub fn format(&self, given: Option<Format>) -> Result<Format, Error> {
        let by_name = match self {
            Self::File(path) => Format::of_name(&path.to_string_lossy()),
            Self::Stdin => None,
        };
        given.or(by_name).ok_or_else(|| Error::UnknownFormat {
            source_name: self.to_string(),
        })
    }

    /// Opens it. Standard input is spooled to a file without a name, once, so that it can be read again.
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
                    // No other thread comes in between: a run reads its sources one after the other.
                    SPOOL.get_or_init(|| file)
                };
                let mut file = spool.try_clone().map_err(self.io("read"))?;
                file.rewind().map_err(self.io("read"))?;
                Ok(file)
            }
        }
    }

    /// All bytes, decompressed: gzip and zstd are known by how they begin, whatever the name says.
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

    /// Bytes of it as they are stored.
    pub fn size(&self) -> u64 {
        let about = self
            .open()
            .and_then(|file| file.metadata().map_err(self.io("read")));
        // What cannot be opened is told where it is read.
        about.map_or(0, |about| about.len())
    }

    /// SHA-256 of its contents as they are stored.
    fn digest(&self) -> Result<String, Error> {
        artifacts::sha256_of_reader(self.open()?).map_err(self.io("read"))
    }
}

/// What `sources` hold, and what it is read as; each decides what comes out. `source` is the SHA-256 of the one file, or
/// of the list of theirs; `format` the format of all, or the list of theirs.
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
