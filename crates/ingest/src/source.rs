//! Where tables come from: files, patterns of file names, standard input; compressed or not.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

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
/// files it fits, in the order of their names.
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
            let found = glob::glob(name).map_err(|source| Error::Pattern {
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

    /// SHA-256 of its contents as they are stored.
    fn digest(&self) -> Result<String, Error> {
        let mut file = self.open()?;
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 20];
        loop {
            match file.read(&mut block) {
                Ok(0) => break,
                Ok(length) => hash.update(&block[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.io("read")(error)),
            }
        }
        let mut digest = String::with_capacity(64);
        for byte in hash.finalize() {
            let _ = write!(digest, "{byte:02x}");
        }
        Ok(digest)
    }
}

/// SHA-256 over the contents of `sources`: of the one file, or of the list of their digests.
pub fn fingerprint(sources: &[Source]) -> Result<String, Error> {
    let digests = sources
        .iter()
        .map(Source::digest)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match digests.as_slice() {
        [only] => only.clone(),
        several => artifacts::sha256_of(several.join("\n").as_bytes()),
    })
}
