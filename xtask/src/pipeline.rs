//! `cargo xtask pipeline` and `cargo xtask setup`.

use std::process::Command;

use anyhow::Result;

use crate::process::{built, cargo, root, run, say};

/// Builds the programs with the same flags as the tests, so that nothing is compiled twice.
pub(crate) fn build() -> Result<()> {
    run(cargo(&[
        "build",
        "--release",
        "--workspace",
        "--bins",
        "--locked",
    ]))
}

pub(crate) fn setup() -> Result<()> {
    say("building (the first time takes some minutes)");
    build()?;
    download()
}

/// Downloads the default model and ONNX Runtime.
pub(crate) fn download() -> Result<()> {
    let mut command = Command::new(built("skerry")?);
    command.arg("setup");
    run(command)
}

/// Runs the pipeline with the `arguments` of `skerry run`; the input defaults to the sample.
pub(crate) fn run_pipeline(arguments: &[String]) -> Result<()> {
    let mut command = Command::new(built("skerry")?);
    command
        .args(["run", "--setup", "--default-input"])
        .arg(root().join("data").join("headlines.csv"))
        .args(arguments);
    run(command)
}

pub(crate) fn pipeline(arguments: &[String]) -> Result<()> {
    // The help does not need a new build.
    let help = arguments
        .iter()
        .any(|word| word == "--help" || word == "-h");
    if !help || built("skerry").is_err() {
        say("building (the first time takes some minutes)");
        build()?;
    }
    run_pipeline(arguments)
}
