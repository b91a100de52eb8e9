//! The `skerry-embed` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<embed::Embed>()
}
