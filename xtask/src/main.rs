//! `cargo xtask`: the commands of the workspace.
//!
//! It starts programs and links none of the stages, so that it builds in seconds.

mod bench;
mod ci;
mod direction;
mod features;
mod milvus_servers;
mod pipeline;
mod process;
mod skipped;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  pipeline [INPUT] [FLAGS]  build, download what is missing, run the pipeline (default input: data/headlines.csv)
  setup                     build, and download the default model and ONNX Runtime into the cache
  ci                        everything that must pass: format, lints, dependencies, docs, tests, pipeline;
                            SKERRY_CI_FEATURES=1 adds `features`
  direction                 check that no stage depends on another
  features [NAME]...        the optional engines: build and test each (hnsw, faiss, umap-rs, polars); many minutes
  bench NAME [FLAGS]        measure against other tools; `cargo xtask bench` lists the benches
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        process::say(USAGE);
        return Ok(());
    };
    match command.as_str() {
        "pipeline" => pipeline::pipeline(rest),
        "setup" => pipeline::setup(),
        "ci" => ci::ci(),
        "direction" => direction::check(),
        "features" => features::features(rest),
        "bench" => bench::bench(rest),
        "help" | "--help" | "-h" => {
            process::say(USAGE);
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{USAGE}"),
    }
}
