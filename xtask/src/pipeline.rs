//! `cargo xtask pipeline` and `cargo xtask setup`.

use std::process::Command;

use anyhow::Result;

use crate::process::{built, cargo, root, run, say};

/// Builds `programs`, `--bin skerry` or `--bins`, with the flags of the tests, so that nothing is compiled twice.
pub(crate) fn build(programs: &[&str]) -> Result<()> {
    let mut build = cargo(&["build", "--release", "--workspace", "--locked"]);
    build.args(programs);
    run(build)
}

/// Builds the program that has all stages.
fn build_skerry() -> Result<()> {
    say("building (the first time takes some minutes)");
    build(&["--bin", "skerry"])
}

pub(crate) fn setup() -> Result<()> {
    build_skerry()?;
    download()
}

/// Downloads the default model and ONNX Runtime.
pub(crate) fn download() -> Result<()> {
    let mut command = Command::new(built("skerry")?);
    command.arg("setup");
    run(command)
}

/// Downloads Milvus Lite, where there is one for this platform: tests use it.
pub(crate) fn download_milvus_lite() -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(());
    }
    let mut command = Command::new(built("skerry")?);
    command.args(["setup", "--milvus-lite"]);
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
        build_skerry()?;
    }
    run_pipeline(arguments)
}
