//! The `skerry-label` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<label::Label>()
}
