/// Why no communities could be found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The points and the graph do not belong together.
    #[error("the graph has {nodes} rows, but there are {points} points")]
    Rows {
        /// Rows of the graph.
        nodes: usize,
        /// Number of points.
        points: usize,
    },
    /// The graph has too few neighbors per row.
    #[error("the graph has {k} neighbors per row, but at least {least} are needed")]
    Neighbors {
        /// Neighbors per row.
        k: usize,
        /// The number needed.
        least: usize,
    },
    /// A search among a sample of the points failed.
    #[error(transparent)]
    Search(#[from] exact_knn::Error),
}
