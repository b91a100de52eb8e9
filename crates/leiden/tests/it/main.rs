//! Literals, properties of the paper, and values of igraph.

mod graphs;
mod literals;
mod properties;
