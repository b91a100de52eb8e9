/// Why arrays or edges are not an undirected weighted graph.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The arrays do not have the lengths that belong together.
    #[error("{0}")]
    Shape(String),
    /// An end of an edge is no node.
    #[error("an edge leads from node {from} to node {to}, but there are only {n} nodes")]
    Node {
        /// One end.
        from: usize,
        /// The other end.
        to: usize,
        /// The number of nodes.
        n: usize,
    },
    /// A weight is negative, infinite or not a number.
    #[error(
        "the edge between nodes {from} and {to} has the weight {weight}, which is not a finite number of at least 0"
    )]
    Weight {
        /// One end.
        from: usize,
        /// The other end.
        to: usize,
        /// Its weight.
        weight: f64,
    },
    /// A row is not ascending, or lists its own node.
    #[error(
        "the row of node {row} lists node {found} out of order: rows list other nodes, ascending, each once"
    )]
    Order {
        /// The row.
        row: usize,
        /// The neighbor that is out of order.
        found: usize,
    },
    /// An edge is in the row of one of its ends only, or with two weights.
    #[error(
        "the edge from node {from} to node {to} is not in the row of node {to} with the same weight"
    )]
    Asymmetric {
        /// The end whose row has the edge.
        from: usize,
        /// The other end.
        to: usize,
    },
}
