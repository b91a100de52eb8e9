//! What keeps a run directory whole: one run at a time, and standard input where every step can read it.

use std::fs::File;
use std::path::Path;

use crate::failure::Failure;

/// Two runs at once in one directory would mix their files. The lock goes with the process, however it ends.
pub(super) fn lock(dir: &Path) -> Result<File, Failure> {
    let path = dir.join(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Failure::io("create", &path))?;
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => {
            let fact = format!("another run is at work in {}", dir.display());
            Err(Failure::step(
                format_args!(
                    "{fact}\n  hint: wait for it, or choose another directory with `--out`"
                ),
                1,
            ))
        }
        // A file system without locks is no reason not to run.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}

/// Standard input can be read once, but a step may look at its source twice: it is kept in a file while the run lasts,
/// and cleared with what killed writers leave when the next one begins.
pub(super) fn spool(input: &[String], dir: &Path) -> Result<Vec<String>, Failure> {
    if !input.iter().any(|source| source == "-") {
        return Ok(input.to_vec());
    }
    let path = dir.join(".stdin.tmp");
    let mut file = File::create(&path).map_err(Failure::io("create", &path))?;
    std::io::copy(&mut std::io::stdin().lock(), &mut file)
        .map_err(Failure::io("keep standard input in", &path))?;
    let kept = path.to_string_lossy().into_owned();
    let sources = input.iter().map(|source| {
        if source == "-" {
            kept.clone()
        } else {
            source.clone()
        }
    });
    Ok(sources.collect())
}
