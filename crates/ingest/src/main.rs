//! The `skerry-ingest` program.

fn main() {}
