//! `cargo xtask pipeline` and `cargo xtask setup`.

use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{built, cargo, root, run, say};

/// The programs are built with the flags of the tests, so that nothing is compiled twice.
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
    bring()
}

fn bring() -> Result<()> {
    let mut command = Command::new(built("skerry")?);
    command.arg("setup");
    run(command).context("what the default model needs could not be brought")
}

/// Runs the pipeline with `arguments`; the shipped sample where they name no input.
pub(crate) fn run_pipeline(arguments: &[String]) -> Result<()> {
    let mut command = Command::new(built("skerry")?);
    command.arg("run");
    if arguments
        .first()
        .is_none_or(|first| first.starts_with("--"))
    {
        command.arg(root().join("data").join("headlines.csv"));
    }
    run({
        command.args(arguments);
        command
    })
}

pub(crate) fn run_with_setup(arguments: &[String]) -> Result<()> {
    // With a model of one's own, or without a model, nothing has to be brought.
    let own = |flag: &str| {
        arguments
            .iter()
            .any(|word| word == flag || word.starts_with(&format!("{flag}=")))
    };
    if !(own("--model") && own("--onnxruntime") || own("--encoder") || own("--vectors")) {
        bring()?;
    }
    run_pipeline(arguments)
}

pub(crate) fn pipeline(arguments: &[String]) -> Result<()> {
    say("building (the first time takes some minutes)");
    build()?;
    run_with_setup(arguments)
}
