//! The lock of a run directory: two writers at once would mix files of different settings.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{BoundaryError, Hint};

/// Environment variable of a step: the process id of its run.
const STARTED_BY: &str = "SKERRY_RUN";

/// Environment variable of a step: the directory of its run.
const STARTED_IN: &str = "SKERRY_RUN_DIR";

/// The name of the lock file.
const LOCK: &str = ".lock";

/// Interval at which a step checks that its run is alive.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Time to wait for the lock, because the last step of a killed run needs a moment to end.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a directory cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("another run is in progress in {}", dir.display())]
    Taken {
        /// The directory.
        dir: PathBuf,
    },
    /// The lock file points outside the directory.
    #[error(transparent)]
    Boundary(#[from] BoundaryError),
    /// The lock file cannot be created.
    #[error("cannot create {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Hint for LockError {
    fn is_usage(&self) -> bool {
        matches!(self, Self::Boundary(error) if error.is_usage())
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Taken { .. } => "wait for it, or choose another directory".to_owned(),
            Self::Boundary(error) => return error.hint(),
            Self::Io { .. } => "check that the directory is writable".to_owned(),
        })
    }
}

/// The lock of a run directory. The system releases it when the last process that holds it ends.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    dir: PathBuf,
}

impl RunLock {
    /// Acquires the lock of directory `dir`.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let path = crate::boundary::own_file(dir, LOCK)?;
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if began.elapsed() < TIMEOUT => {
                    std::thread::sleep(POLL_INTERVAL / 4);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Taken {
                        dir: dir.to_owned(),
                    });
                }
                // If the file system has no locks, continue without.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    let dir = std::path::absolute(dir).map_err(io)?;
                    return Ok(Self { file, dir });
                }
            }
        }
    }

    /// Removes the directory if it has no files but the lock: the run failed before it wrote anything.
    pub(crate) fn remove_directory(self) {
        let Self { file, dir } = self;
        // On other systems than Unix, an open file cannot be removed.
        drop(file);
        let _ = std::fs::remove_file(dir.join(LOCK));
        let _ = std::fs::remove_dir(dir);
    }

    /// Shares the lock with the process that `command` starts, as its empty standard input, so that the lock is held until that
    /// process ends, even if this process is killed.
    pub fn share(&self, command: &mut Command) {
        let shared = if cfg!(unix) {
            self.file.try_clone().map(Stdio::from).ok()
        } else {
            None
        };
        command
            .stdin(shared.unwrap_or_else(Stdio::null))
            .env(STARTED_BY, std::process::id().to_string())
            .env(STARTED_IN, &self.dir);
    }
}

/// The lock of directory `dir` for a stage: acquired, unless the stage was started by a run that holds it. Such a stage ends
/// when its run ends.
pub(crate) fn of_stage(dir: &Path) -> Result<Option<RunLock>, LockError> {
    if let Some(run) = std::env::var(STARTED_BY)
        .ok()
        .and_then(|run| run.parse().ok())
    {
        end_with(run);
        let of = std::env::var_os(STARTED_IN).unwrap_or_default();
        if std::path::absolute(dir).is_ok_and(|dir| dir == Path::new(&of)) {
            return Ok(None);
        }
    }
    RunLock::take(dir).map(Some)
}

/// Whether this process was started by a run.
pub(crate) fn in_a_run() -> bool {
    std::env::var_os(STARTED_BY).is_some()
}

/// Ends this process when its parent, process `run`, has ended.
#[cfg(unix)]
fn end_with(run: u32) {
    // On other systems, a stage that was started by a custom command cannot detect this.
    if cfg!(not(target_os = "linux")) && !lives(run) {
        return;
    }
    std::thread::spawn(move || {
        while lives(run) {
            std::thread::sleep(POLL_INTERVAL);
        }
        // Not `exit`, which waits for the threads of libraries.
        std::process::abort();
    });
}

#[cfg(not(unix))]
fn end_with(_run: u32) {}

/// Whether process `run` is alive and not a zombie. The parent id is not sufficient, because `run` may have ended before this
/// process started.
#[cfg(target_os = "linux")]
fn lives(run: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{run}/stat")).unwrap_or_default();
    // The name of the program is in parentheses, followed by its state.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn lives(run: u32) -> bool {
    std::os::unix::process::parent_id() == run
}
