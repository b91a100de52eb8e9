//! Leiden communities of an undirected weighted graph (Traag, Waltman and van Eck 2019, "From Louvain to Leiden: guaranteeing
//! well-connected communities", Scientific Reports 9, 5233): sequential, and the same on every machine for the same seed.
//!
//! ```
//! use leiden::{Graph, Options, leiden};
//! use random_streams::Seed;
//!
//! // Two triangles that one edge joins.
//! let edges = [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (2, 3, 1.0), (3, 4, 1.0), (4, 5, 1.0), (3, 5, 1.0)];
//! let graph = Graph::from_edges(6, &edges)?;
//! let found = leiden(&graph, &Options::default(), Seed(42));
//! assert_eq!(found.labels(), [0, 0, 0, 1, 1, 1]);
//! assert!((graph.modularity(&found, 1.0) - 5.0 / 14.0).abs() < 1e-12);
//! # Ok::<(), leiden::Error>(())
//! ```
//!
//! # Steps
//!
//! | module | step |
//! |---|---|
//! | `local_moves` | nodes move to the neighboring community that gains most, visited from a queue |
//! | `refine` | each community is built up again from single nodes, in connected parts |
//! | `graph` | the parts become the nodes of a smaller graph ([`Graph::aggregate`]), on which the steps repeat |
//! | `leiden` | the loop, and its iterations |
//!
//! # Nested partitions
//!
//! Strengths and sizes survive aggregation, so a coarser partition is Leiden on the aggregate at a lower resolution
//! ([`Partition::then`] maps it back), and a finer one is Leiden on [`Graph::within`] at a higher one. Both are strictly nested.
//!
//! # Conventions
//!
//! Nodes are numbered from 0, 32 bits. Weights are finite and at least 0. Communities are numbered from 0, the largest first,
//! equal ones in the order of their first nodes. Ties go to the community a node is in, then to that of its smallest neighbor.

mod error;
mod graph;
mod leiden;
mod level;
mod local_moves;
mod options;
mod partition;
mod refine;

pub use error::Error;
pub use graph::Graph;
pub use leiden::{leiden, leiden_from};
pub use options::{Objective, Options};
pub use partition::Partition;
