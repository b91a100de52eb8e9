//! The `skerry-project` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<project::Project>()
}
