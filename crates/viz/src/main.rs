//! The `skerry-viz` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<viz::Viz>()
}
