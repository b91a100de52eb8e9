//! The `skerry-knn` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    stage::cli::main::<knn::Knn>()
}
