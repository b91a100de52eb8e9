//! The programs of the workspace, built for the first test that uses one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The path of the program `name`, built from the current sources with the profile of the calling test.
///
/// # Panics
///
/// If it cannot be built.
pub fn program(name: &str) -> PathBuf {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let directory = directory();
        let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_default();
        once(&directory.join("programs-built-by"), &run, || {
            build(&directory);
        })
        .expect("the target directory can be written");
        directory
    });
    let path = DIRECTORY.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} was not built", path.display());
    path
}

/// The output directory of Cargo, `target/<profile>`: this test is `target/<profile>/deps/<test>`.
fn directory() -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its program");
    let directory = test.ancestors().nth(2);
    directory
        .expect("tests are in target/<profile>/deps")
        .into()
}

/// Does `work` once per test run. nextest runs every test as a separate process with a common run id, of which `stamp` stores the
/// last. `cargo test` has no run id, but few processes.
fn once(stamp: &Path, run: &str, work: impl FnOnce()) -> io::Result<()> {
    let mut stamp = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(stamp)?;
    stamp.lock()?;
    let mut last = String::new();
    stamp.read_to_string(&mut last)?;
    if run.is_empty() || run != last {
        work();
        stamp.set_len(0)?;
        stamp.rewind()?;
        stamp.write_all(run.as_bytes())?;
    }
    Ok(())
}

/// Builds all programs of the workspace, as `cargo xtask` does; takes about a second if they are up to date. Cargo does not lock
/// the target directory while tests run, and waits for other builds.
fn build(directory: &Path) {
    let profile = directory.file_name().expect("it is named after a profile");
    let target = directory.parent().expect("it is in the target directory");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--workspace", "--bins", "--locked", "--profile"])
        .arg(if profile == "debug" {
            "dev".as_ref()
        } else {
            profile
        })
        .arg("--target-dir")
        .arg(target)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("Cargo starts");
    assert!(
        output.status.success(),
        "the programs cannot be built:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(test)]
mod tests {
    use super::once;

    #[test]
    fn the_processes_of_a_run_build_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let stamp = dir.path().join("stamp");
        let mut built = 0;
        for run in ["first run", "first run", "second", "second", "", ""] {
            once(&stamp, run, || built += 1).expect("it can be written");
        }
        assert_eq!(built, 4);
    }
}
