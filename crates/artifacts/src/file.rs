//! Files are written whole or not at all, and known by their SHA-256.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Error;

/// Writes the file at `path` through `fill`: whole or not at all.
///
/// `fill` writes to a hidden file beside `path` (a rename is atomic only within one file system), which is synced
/// and renamed. What an earlier, killed writer of the same file left behind is removed first; one that is still at work
/// holds a lock on its own.
pub fn write_atomic<T, E: From<Error>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, E> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let prefix = format!(".{name}.");
    remove_litter(parent, &prefix);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process' umask takes away what it should, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut temp = builder
        .tempfile_in(parent)
        .map_err(Error::io("create", path))?;
    // Tells others that the file is being written. A file system without locks is no reason not to write.
    let _ = temp.as_file().try_lock();
    let mut writer = BufWriter::with_capacity(1 << 20, temp.as_file_mut());
    let value = fill(&mut writer)?;
    writer.flush().map_err(Error::io("write", path))?;
    drop(writer);
    temp.as_file()
        .sync_data()
        .map_err(Error::io("write", path))?;
    temp.persist(path)
        .map_err(|error| Error::io("write", path)(error.error))?;
    Ok(value)
}

/// Writes `bytes` to `path`: whole or not at all.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomic(path, |file| {
        file.write_all(bytes).map_err(Error::io("write", path))
    })
}

/// Removes what killed writers left in `directory` of files that begin with `prefix`; `.` is all of them.
///
/// What cannot be removed is no reason to stop: new files get names of their own.
pub fn remove_litter(directory: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(prefix) && name.ends_with(".tmp") && !is_being_written(&entry.path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a writer that lives holds the file at `path`.
fn is_being_written(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Runs `read`, and takes a panic of the Parquet reader over a damaged file for what it is: a damaged file.
pub(crate) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // What is read is dropped on a panic: nothing half-made is seen afterwards.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Error::parquet(path)("it contradicts itself")))
}

pub(crate) fn open(path: &Path) -> Result<File, Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    if file.metadata().map_err(Error::io("read", path))?.is_dir() {
        return Err(Error::io("read", path)(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory",
        )));
    }
    Ok(file)
}

/// The SHA-256 of the file at `path`, as 64 hexadecimal digits. Streams: takes no memory to speak of.
pub fn sha256(path: &Path) -> Result<String, Error> {
    sha256_of_reader(open(path)?).map_err(Error::io("read", path))
}

/// The SHA-256 of what `reader` gives, as 64 hexadecimal digits. Streams: takes no memory to speak of.
pub fn sha256_of_reader(mut reader: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The SHA-256 of `bytes`, as 64 hexadecimal digits.
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
