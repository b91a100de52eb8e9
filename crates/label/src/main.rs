//! The `skerry-label` program.

fn main() {}
