//! The server: one that runs, or Milvus Lite, which is started on a file and stopped afterwards.
//!
//! The log of Milvus Lite is a new file in Skerry's cache (or among temporary files), because beside the file of the user there may be anything.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use milvus_client::{Client, Lite, Settings, lite};

use super::Error;
use super::lite_package::{self, LITE_VERSION};
use crate::Local;

/// A connection, and the server if it was started for it.
#[derive(Debug)]
pub struct Server {
    /// The connection; closed before the server is stopped.
    pub client: Client,
    lite: Option<RunningLite>,
}

/// Milvus Lite, and what it has of its own in Skerry's cache.
#[derive(Debug)]
struct RunningLite {
    server: Lite,
    /// Held as long as the server runs.
    _lock: File,
}

impl Server {
    /// Connects to the server of the settings, and checks that it has the database.
    ///
    /// # Errors
    ///
    /// [`Error::NoServer`], [`Error::NotInstalled`], [`Error::NoDatabase`], and those of the client.
    pub fn open(local: &Local) -> Result<Self, Error> {
        let uri = local.uri.as_deref().ok_or(Error::NoServer)?;
        let lite = lite::is_file(uri).then(|| start_lite(uri)).transpose()?;
        let mut settings = match &lite {
            Some(running) => running.server.settings(),
            None => Settings::new(uri)?,
        };
        settings.deadline = Duration::from_secs(local.deadline.max(1));
        if lite.is_none() {
            let token = local.token.as_ref().map(|token| token.reveal().to_owned());
            settings.token = token.map(milvus_client::Token::new);
        }
        if let Some(name) = local.database.as_deref().filter(|name| !name.is_empty()) {
            // Asked in the default database: in one that does not exist, a server refuses everything.
            let client = Client::connect(&settings)?;
            let known = match client.databases() {
                Ok(known) => known,
                Err(milvus_client::Error::Unimplemented { .. }) => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            if !known.iter().any(|known| known == name) {
                return Err(Error::NoDatabase {
                    address: client.address().to_owned(),
                    name: name.to_owned(),
                    known: if known.is_empty() {
                        "no databases but the default one".to_owned()
                    } else {
                        known.join(", ")
                    },
                });
            }
            name.clone_into(&mut settings.database);
        }
        Ok(Self {
            client: Client::connect(&settings)?,
            lite,
        })
    }

    /// The kind and version of the server, for the report.
    pub fn version(&self) -> Result<String, Error> {
        if self.lite.is_some() {
            return Ok(format!("Milvus Lite {LITE_VERSION}"));
        }
        Ok(match self.client.version()? {
            Some(version) => format!("Milvus {}", version.trim_start_matches('v')),
            None => "Milvus of unknown version".to_owned(),
        })
    }
}

fn start_lite(uri: &str) -> Result<RunningLite, Error> {
    if !lite_package::is_available() {
        return Err(Error::NoLite {
            uri: uri.to_owned(),
            platform: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
        });
    }
    let program = lite_package::program(&stage::cache_dir()?);
    if !program.is_file() {
        return Err(Error::NotInstalled {
            uri: uri.to_owned(),
        });
    }
    let database = Path::new(uri);
    if let Some(fault) = fault_of(database) {
        return Err(Error::LiteFile {
            file: database.to_owned(),
            fault,
        });
    }
    // Skerry's cache may be shared and read-only.
    let folders = [
        stage::cache_dir()?.join("milvus-lite"),
        std::env::temp_dir(),
    ];
    let (lock, log) = lock(database, &folders)?;
    Ok(RunningLite {
        server: Lite::start(&program, database, &log).map_err(|error| with_log(error, &log))?,
        _lock: lock,
    })
}

/// Holds the lock of `database`, in the first of `folders` that can be written; and the path of its log there, where nothing is.
fn lock(database: &Path, folders: &[PathBuf]) -> Result<(File, PathBuf), Error> {
    let failed = |fault: String| Error::LiteFile {
        file: database.to_owned(),
        fault,
    };
    let place = stage::place(database);
    let name = &artifacts::sha256_of(place.as_os_str().as_encoded_bytes())[..32];
    let open = |folder: &PathBuf| {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let file = options.open(folder.join(format!("{name}.lock"))).ok()?;
        Some((file, folder.join(format!("{name}.log"))))
    };
    let (file, log) = folders.iter().find_map(open).ok_or_else(|| {
        failed(
            "neither Skerry's cache nor the directory of temporary files can be written".to_owned(),
        )
    })?;
    if file.try_lock().is_err() {
        return Err(failed("another run uses it".to_owned()));
    }
    // That of an earlier run.
    match std::fs::remove_file(&log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(format!("{}: {error}", log.display())))
        }
        _ => Ok((file, log)),
    }
}

/// `error` with the path of the log, if there is something in it.
fn with_log(error: milvus_client::Error, log: &Path) -> milvus_client::Error {
    match error {
        milvus_client::Error::Lite { database, message }
            if log.metadata().is_ok_and(|log| log.len() > 0) =>
        {
            milvus_client::Error::Lite {
                database,
                message: format!("{message} (log: {})", log.display()),
            }
        }
        error => error,
    }
}

/// Why Milvus Lite cannot use the file `database`, as far as the file tells.
fn fault_of(database: &Path) -> Option<String> {
    let folder = database.parent().filter(|dir| *dir != Path::new(""));
    match database.metadata() {
        Ok(about) if about.is_dir() => Some("it is a directory".to_owned()),
        Ok(about) if !about.is_file() => Some("it is a device or a pipe".to_owned()),
        Ok(_) => {
            is_foreign(database).then(|| "it is an SQLite database of another program".to_owned())
        }
        Err(_) => folder
            .filter(|folder| !folder.is_dir())
            .map(|folder| format!("there is no directory {}", folder.display())),
    }
}

/// Whether `file` is a database of `SQLite` that is certainly none of Milvus Lite. The first page has the names of all tables, if
/// they fit; Milvus Lite creates `collection_meta` first.
///
/// Source: <https://www.sqlite.org/fileformat2.html>.
fn is_foreign(file: &Path) -> bool {
    /// A page that has its cells in itself.
    const LEAF: u8 = 13;
    let mut page = Vec::new();
    let read = File::open(file).and_then(|file| file.take(1 << 16).read_to_end(&mut page));
    if read.is_err() || !page.starts_with(b"SQLite format 3\0") || page.len() < 108 {
        return false;
    }
    let size = match u16::from_be_bytes([page[16], page[17]]) {
        1 => 1 << 16,
        size => usize::from(size),
    };
    page.truncate(size);
    let cells = u16::from_be_bytes([page[103], page[104]]);
    let name = b"collection_meta";
    page[100] == LEAF && cells > 0 && !page.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of `SQLite`, of one page of 512 bytes with a table of this name.
    fn sqlite(table: &str) -> Vec<u8> {
        let mut page = vec![0; 512];
        page[..16].copy_from_slice(b"SQLite format 3\0");
        page[16..18].copy_from_slice(&512_u16.to_be_bytes());
        page[100] = 13;
        page[104] = u8::from(!table.is_empty());
        let sql = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY)");
        page[512 - sql.len()..].copy_from_slice(sql.as_bytes());
        page
    }

    #[test]
    fn files_that_milvus_lite_cannot_use_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        assert_eq!(fault_of(&path), None);
        let fault = fault_of(&dir.path().join("none/x.db")).unwrap();
        assert!(fault.starts_with("there is no directory"), "{fault}");
        assert!(fault_of(dir.path()).unwrap().contains("directory"));
        let mut large = sqlite("notes");
        large[100] = 5;
        for (bytes, foreign) in [
            (sqlite("notes"), true),
            (sqlite("collection_meta"), false),
            // Empty, and with more tables than the page has space for.
            (sqlite(""), false),
            (large, false),
            (Vec::new(), false),
            (b"SQLite format 3\0".to_vec(), false),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(fault_of(&path).is_some(), foreign);
        }
    }

    #[test]
    fn a_file_has_one_run_at_a_time_and_a_log_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("x.db");
        let beside = dir.path().join("x.db.log");
        std::fs::write(&beside, "mine").unwrap();
        let folder = dir.path().join("cache");
        std::fs::create_dir(&folder).unwrap();
        let folders = [dir.path().join("none"), folder.clone()];
        let (held, log) = lock(&database, &folders).unwrap();
        assert!(log.starts_with(&folder) && !log.exists());
        let error = lock(&database, &folders).unwrap_err();
        assert!(error.to_string().contains("another run uses it"), "{error}");
        drop(held);
        // A log of an earlier run is replaced, and a link in its place is not followed.
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&beside, &log).unwrap();
            let (_held, again) = lock(&database, &folders).unwrap();
            assert_eq!(again, log);
            assert!(!log.exists());
        }
        assert_eq!(std::fs::read_to_string(&beside).unwrap(), "mine");
    }
}
