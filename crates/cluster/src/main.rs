//! The `skerry-cluster` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<cluster::Cluster>()
}
