//! The `skerry-knn` program.

fn main() {}
