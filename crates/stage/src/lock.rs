//! One writer at a time in the directory of a run: two at once would mix files of different settings.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{BoundaryError, Hint};

/// In the environment of a step: the process id of the run that started it.
const STARTED_BY: &str = "SKERRY_RUN";

/// In the environment of a step: the directory of that run.
const STARTED_IN: &str = "SKERRY_RUN_DIR";

/// The name of the file that is locked.
const LOCK: &str = ".lock";

/// A step looks this often whether the run that started it still lives.
const LOOKS: Duration = Duration::from_millis(100);

/// So long a run waits for the lock: the last step of one that was killed needs a moment to notice.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a directory cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else writes there.
    #[error("another run is at work in {}", dir.display())]
    Taken {
        /// The directory.
        dir: PathBuf,
    },
    /// The file of the lock leads out of the directory.
    #[error(transparent)]
    Boundary(#[from] BoundaryError),
    /// The lock cannot be made.
    #[error("cannot create {}", path.display())]
    Io {
        /// The file of the lock.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Taken { .. } => "wait for it, or choose another directory".to_owned(),
            Self::Boundary(error) => return error.hint(),
            Self::Io { .. } => "check that the directory may be written".to_owned(),
        })
    }
}

/// The right to write in the directory of a run. The system takes it back when the last process that holds it has ended,
/// however it ended.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    dir: PathBuf,
}

impl RunLock {
    /// Takes the lock of directory `dir`.
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
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(LOOKS / 4);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Taken {
                        dir: dir.to_owned(),
                    });
                }
                // A file system without locks is no reason not to run.
                Ok(()) | Err(TryLockError::Error(_)) => {
                    let dir = std::path::absolute(dir).map_err(io)?;
                    return Ok(Self { file, dir });
                }
            }
        }
    }

    /// Removes the directory if nothing but the lock is in it: it was made for a run that came to nothing.
    pub(crate) fn remove_directory(self) {
        let Self { file, dir } = self;
        // Elsewhere than on Unix an open file stays.
        drop(file);
        let _ = std::fs::remove_file(dir.join(LOCK));
        let _ = std::fs::remove_dir(dir);
    }

    /// Lets the process that `command` starts hold the lock too, as its empty standard input, so that nobody else writes
    /// here before it has ended, even where this process is killed.
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

/// The lock of directory `dir` for a stage: taken, unless a run started the stage and holds it. Such a stage ends when
/// that run does.
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

/// Whether a run has started this process.
pub(crate) fn in_a_run() -> bool {
    std::env::var_os(STARTED_BY).is_some()
}

/// Ends this process once process `run`, which started it, has ended: nobody waits for its files any more.
#[cfg(unix)]
fn end_with(run: u32) {
    // Elsewhere a step that another program in a stage's place has started cannot tell.
    if cfg!(not(target_os = "linux")) && !lives(run) {
        return;
    }
    std::thread::spawn(move || {
        while lives(run) {
            std::thread::sleep(LOOKS);
        }
        // Not `exit`: that waits for libraries, whose threads are at work.
        std::process::abort();
    });
}

#[cfg(not(unix))]
fn end_with(_run: u32) {}

/// Whether process `run` is there, and has not ended unseen. It may have before this one came to look, so who the parent
/// is does not tell.
#[cfg(target_os = "linux")]
fn lives(run: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{run}/stat")).unwrap_or_default();
    // The name of the program stands in brackets, and its state follows.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn lives(run: u32) -> bool {
    std::os::unix::process::parent_id() == run
}
