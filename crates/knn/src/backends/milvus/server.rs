//! The server: one that runs, or Milvus Lite, which is started on a file and stopped afterwards.

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

/// Milvus Lite, whose log is removed afterwards if it is empty.
#[derive(Debug)]
struct RunningLite {
    server: Option<Lite>,
    log: PathBuf,
}

impl Drop for RunningLite {
    fn drop(&mut self) {
        drop(self.server.take());
        if self.log.metadata().is_ok_and(|log| log.len() == 0) {
            let _ = std::fs::remove_file(&self.log);
        }
    }
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
            Some(running) => running.server.as_ref().expect("it runs").settings(),
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
    let log = PathBuf::from(format!("{uri}.log"));
    let server = Lite::start(&program, Path::new(uri), &log)?;
    Ok(RunningLite {
        server: Some(server),
        log,
    })
}
