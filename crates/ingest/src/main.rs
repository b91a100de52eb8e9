//! The `skerry-ingest` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<ingest::Ingest>()
}
