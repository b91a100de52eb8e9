//! Communities of an edge list: `cargo run --release --example edge_list -- FILE [RESOLUTION]`.
//!
//! Each line of the file has two node numbers and optionally a weight, separated by white space. Without a file, the example is
//! Zachary's karate club (1977).

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;

use leiden::{Graph, Options, leiden};
use random_streams::Seed;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let text = match arguments.next() {
        Some(path) => std::fs::read_to_string(path)?,
        None => include_str!("../tests/data/karate.txt").to_owned(),
    };
    let resolution = arguments.next().map_or(Ok(1.0), |given| given.parse())?;

    let mut edges = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut fields = line.split_whitespace();
        let mut node = || {
            fields
                .next()
                .ok_or("a line has fewer than two numbers")?
                .parse()
                .map_err(Box::<dyn Error>::from)
        };
        let (from, to): (u32, u32) = (node()?, node()?);
        edges.push((from, to, fields.next().map_or(Ok(1.0), str::parse)?));
    }
    let n = edges
        .iter()
        .map(|&(from, to, _)| from.max(to) as usize + 1)
        .max()
        .unwrap_or(0);
    let graph = Graph::from_edges(n, &edges)?;

    let options = Options {
        resolution,
        ..Options::default()
    };
    let found = leiden(&graph, &options, Seed(42));
    let sizes = found.sizes(graph.sizes());
    println!(
        "{} nodes, {} edges, {} communities",
        graph.len(),
        graph.edges(),
        found.count()
    );
    println!("modularity {:.6}", graph.modularity(&found, resolution));
    println!("largest communities {:?}", &sizes[..sizes.len().min(10)]);
    Ok(())
}
