//! Whole or not at all.

use std::io::Write as _;

use artifacts::{Error, write_atomic, write_bytes};

fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_writer_that_fails_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    write_bytes(&path, b"old").unwrap();
    let result: Result<(), Error> = write_atomic(&path, |out| {
        out.write_all(b"half").unwrap();
        Err(Error::shape(&path, "broken off"))
    });
    assert!(result.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["file"]);
}

#[test]
fn only_temporary_files_of_killed_writers_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    // Only the first has a name that a writer of `file` makes.
    for name in [
        ".file.Ab3xY9.tmp",
        ".file.x1.tmp",
        ".other.Ab3xY9.tmp",
        "file.tmp",
    ] {
        std::fs::write(dir.path().join(name), "litter").unwrap();
    }
    write_bytes(&dir.path().join("file"), b"new").unwrap();
    assert_eq!(
        names(dir.path()),
        [".file.x1.tmp", ".other.Ab3xY9.tmp", "file", "file.tmp"]
    );
}

#[test]
fn a_missing_directory_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = write_bytes(&dir.path().join("no/such/file"), b"").unwrap_err();
    assert!(error.to_string().contains("cannot create") && error.hint().is_some());
}

#[cfg(unix)]
#[test]
fn files_are_readable_as_plain_parquet() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (ours, plain) = (dir.path().join("ours"), dir.path().join("plain"));
    write_bytes(&ours, b"").unwrap();
    std::fs::write(&plain, b"").unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}
