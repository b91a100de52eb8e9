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
    /// Vectors from a table of texts.
    Embed(pipeline_benches::embed::Options),
    /// Nearest neighbors, from a file of vectors to a file of neighbors.
    Knn(pipeline_benches::knn::Options),
    /// Clusters from a file of neighbors.
    Cluster(pipeline_benches::cluster::Options),
    /// A layout in two dimensions from a file of neighbors.
    Project(pipeline_benches::project::Options),
    /// Clusters from vectors, compared with human labels.
    Quality(pipeline_benches::quality::Options),
    /// Reading a file of vectors into one matrix.
    Read(pipeline_benches::read::Options),
    /// Skerry's contestant of `read`.
    #[command(hide = true)]
    Matrix(pipeline_benches::read::Matrix),
    /// Agreement of the clusters of finished runs with labels.
    Agreement(pipeline_benches::scores::Options),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().contest {
        Which::Embed(options) => pipeline_benches::embed::run(&options),
        Which::Knn(options) => pipeline_benches::knn::run(&options),
        Which::Cluster(options) => pipeline_benches::cluster::run(&options),
        Which::Project(options) => pipeline_benches::project::run(&options),
        Which::Quality(options) => pipeline_benches::quality::run(&options),
        Which::Read(options) => pipeline_benches::read::run(&options),
        Which::Matrix(files) => pipeline_benches::read::matrix(&files),
        Which::Agreement(options) => pipeline_benches::scores::run(&options),
    }
}
