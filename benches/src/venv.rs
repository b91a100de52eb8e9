//! The virtual environment with the peers, created once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The Python of the virtual environment `venv` with the packages in `requirements`; creates it if it is missing or the list
/// has changed.
pub fn python(venv: &Path, requirements: &Path) -> Result<PathBuf> {
    let python = venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let installed = venv.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) && python.exists() {
        return Ok(python);
    }
    std::fs::create_dir_all(venv).with_context(|| format!("cannot create {}", venv.display()))?;
    let system = if cfg!(windows) { "python" } else { "python3" };
    succeed(
        Command::new(system).args(["-m", "venv"]).arg(venv),
        "make a virtual environment",
    )?;
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(requirements),
        "install the peers",
    )?;
    std::fs::write(&installed, wanted)
        .with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(python)
}

fn succeed(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot {what}"))?;
    if !status.success() {
        bail!("cannot {what}: {status}");
    }
    Ok(())
}
