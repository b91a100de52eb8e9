//! The `skerry-cluster` program.

fn main() {}
