//! Starting programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

/// The directory of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}

/// `cargo` with these arguments, in the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// The path of a built program of the workspace.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the path of this program")?;
    let path = own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(path.exists(), "{} has not been built", path.display());
    Ok(path)
}

/// Runs a command to its end; an error if it fails.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot start {name}"))?;
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    ensure!(
        status.success(),
        "`{name} {}` failed ({status})",
        words.join(" ")
    );
    Ok(())
}

/// Runs a part of a longer job under a heading, and prints its time.
pub(crate) fn part(heading: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    say(&format!("\n== {heading}"));
    let began = Instant::now();
    work().with_context(|| heading.to_owned())?;
    say(&format!(
        "== {heading}: {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Prints a line for the user.
#[expect(clippy::print_stderr, reason = "all output of xtask is here")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
