//! The `skerry-viz` program.

fn main() {}
