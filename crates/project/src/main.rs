//! The `skerry-project` program.

fn main() {}
