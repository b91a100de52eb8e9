//! The `skerry-embed` program.

fn main() {}
