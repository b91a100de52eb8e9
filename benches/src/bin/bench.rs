//! `cargo xtask bench ...`: comparisons with other tools.

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "bench",
    about = "Compares stages with other tools that do the same work"
)]
struct Args {
    #[command(subcommand)]
    contest: Which,
}

#[derive(Subcommand)]
enum Which {
    /// Nearest neighbors, from a file of vectors to a file of neighbors.
    Knn(pipeline_benches::knn::Options),
    /// Agreement of clusters with labels that people gave.
    Quality(pipeline_benches::quality::Options),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().contest {
        Which::Knn(options) => pipeline_benches::knn::run(&options),
        Which::Quality(options) => pipeline_benches::quality::run(&options),
    }
}
