//! `cargo xtask bench`: comparisons with other tools.

use std::process::Command;

use anyhow::Result;

use crate::pipeline::build;
use crate::process::{built, run, say};

pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    say("building (the first time takes some minutes)");
    build(&["--bins"])?;
    let mut command = Command::new(built("bench")?);
    command.args(arguments);
    run(command)
}
