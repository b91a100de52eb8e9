//! Paths of test files, and skipping of tests.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The environment variable with the path of the file to which [`skip`] appends.
pub const SKIPPED: &str = "SKERRY_SKIPPED";

/// A file of `tests/data`, which is part of the repository.
///
/// # Panics
///
/// If it is missing.
pub fn data(name: &str) -> PathBuf {
    let path = repository().join("tests").join("data").join(name);
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// A file of `../shared`, beside the repository: data too large for it, or texts with another licence. If the file is
/// missing, returns `None`, and the calling test is [skipped](skip).
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = repository().join("..").join("shared").join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("../shared/{name} is absent"));
    None
}

/// Records that the calling test is skipped; the test returns after that.
///
/// The reason is written to standard error and, if [`SKIPPED`] is set, to that file: a line with the package, the test and
/// the reason, separated by tabs. `cargo xtask ci` counts these lines, as a test that returns early passes.
///
/// # Panics
///
/// If the line cannot be written.
#[expect(clippy::print_stderr, reason = "a test says what it skips")]
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
    let Some(path) = std::env::var_os(SKIPPED) else {
        return;
    };
    // Cargo sets the name of the package when it runs a test, and the test harness names the thread after the test.
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let line = format!("{package}\t{test}\t{reason}\n");
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", Path::new(&path).display()));
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate is in crates/ of the repository")
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "no-such-file.parquet is missing")]
    fn missing_test_data_fail_the_test() {
        super::data("no-such-file.parquet");
    }
}
