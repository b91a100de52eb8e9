//! Atomic writes, and the SHA-256 of files.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::Error;

/// Writes the file at `path` atomically; `fill` writes the content.
///
/// `fill` writes to a hidden file beside `path` (a rename is atomic only within one file system), which is synced
/// and renamed. Temporary files of killed writers of the same file are removed first; running writers hold locks on theirs.
pub fn write_atomic<T, E: From<Error>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<T, E>,
) -> Result<T, E> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    check_target(path)?;
    remove_stale_temp_files(path);
    let prefix = temporary_prefix(path);
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(&prefix)
        .suffix(TEMPORARY_SUFFIX)
        .rand_bytes(RANDOM);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The umask applies, as for any new file.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut temp = builder
        .tempfile_in(parent)
        .map_err(Error::io("create", path))?;
    // Marks the file as being written. Without locks in the file system, it is written all the same.
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

/// Checks that `path` does not exist or is a regular file: directories, devices and pipes must not be replaced.
pub fn check_target(path: &Path) -> Result<(), Error> {
    match path.metadata() {
        Ok(found) if !found.is_file() => Err(Error::Target {
            path: path.to_owned(),
            found: if found.is_dir() {
                "a directory"
            } else {
                "a device or a pipe"
            },
        }),
        _ => Ok(()),
    }
}

/// Whether the file at `path` is Arrow IPC by its extension.
pub(crate) fn is_arrow_ipc(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["arrow", "feather", "ipc"]
            .iter()
            .any(|name| end.eq_ignore_ascii_case(name))
    })
}

/// Writes `bytes` to `path` atomically.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_atomic(path, |file| {
        file.write_all(bytes).map_err(Error::io("write", path))
    })
}

const TEMPORARY_SUFFIX: &str = ".tmp";
/// Random letters and digits in the name of a temporary file.
const RANDOM: usize = 6;

/// The prefix of the temporary files of `path`.
fn temporary_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

/// Removes the temporary files that killed writers of `path` left: regular files with the names of [`write_atomic`] that
/// no running process has locked.
///
/// Ignores files that cannot be removed.
pub fn remove_stale_temp_files(path: &Path) {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    let prefix = temporary_prefix(path);
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name
            .as_encoded_bytes()
            .strip_prefix(prefix.as_encoded_bytes())
            .and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX.as_bytes()));
        let ours = random.is_some_and(|random| {
            random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric)
        });
        if ours
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && !is_being_written(&entry.path())
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether a running process has locked the file at `path`.
fn is_being_written(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Runs `read`, and turns a panic of the Parquet reader on a damaged file into an error.
pub(crate) fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // Unwind safe: a panic drops everything that `read` made.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Error::parquet(path)("it contradicts itself")))
}

pub(crate) fn open(path: &Path) -> Result<File, Error> {
    // Checked before opening, because opening a pipe without a writer blocks.
    let found = path.metadata().map_err(Error::io("read", path))?;
    if found.is_dir() {
        return Err(Error::io("read", path)(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory",
        )));
    }
    if !found.is_file() {
        return Err(Error::io("read", path)(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a device or a pipe",
        )));
    }
    File::open(path).map_err(Error::io("read", path))
}

/// The SHA-256 of the file at `path`, as 64 hexadecimal digits. Reads in blocks of constant size.
pub fn sha256(path: &Path) -> Result<String, Error> {
    sha256_of_reader(open(path)?).map_err(Error::io("read", path))
}

/// The SHA-256 of all bytes of `reader`, as 64 hexadecimal digits. Reads in blocks of constant size.
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
