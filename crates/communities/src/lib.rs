//! Topics of a k-nearest-neighbor graph without settings: Leiden communities at a resolution that is found by evidence.
//!
//! ```
//! use communities::{find, neighbors};
//! use exact_knn::{Metric, Points};
//! use knn_graph::KnnGraph;
//! use random_streams::Seed;
//!
//! // Three groups of 100 points in 8 dimensions.
//! let values: Vec<f32> = (0..300 * 8)
//!     .map(|at| Seed(1).stream("example", at).next_f32() + if at % 8 == at / 800 { 4.0 } else { 0.0 })
//!     .collect();
//! let points = Points::new(&values, 8)?;
//! let (knn, _) = exact_knn::knn(points, Metric::L2, 2 * neighbors(300), &|_| ())?;
//! let graph = KnnGraph::new(knn.ids, knn.distances, knn.k)?;
//!
//! let found = find(&graph.view(), Some((points, Metric::L2)), Seed(42))?;
//! assert!(found.null.unwrap().structure);
//! assert_eq!(found.layers[found.themes].partition.count(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The rule
//!
//! 1. The graph is UMAP's fuzzy union of the 15 nearest neighbors ([`neighbors`]; fewer for small tables).
//! 2. **Is there anything?** Of up to 2,000 points the graph is divided at rising resolutions, and so are the graphs of four sets of
//!    Gaussian points with the same mean and covariance. If the data divide hardly earlier than these, the answer is one community.
//! 3. **How coarse?** From the resolution at which structureless points would divide, the edges of a graph of twice as many neighbors
//!    are split at random into two graphs that share none, and the communities of both are compared by the adjusted Rand index. The
//!    themes are the coarsest partition whose halves agree within 0.02 as well as those of any resolution.
//! 4. **Layers.** Communities of themes are merged at half the resolution, again and again, and divided at twice the resolution as
//!    long as halves agree at least three quarters as well as at the themes; the last of these layers are the topics.
//!
//! | module | step |
//! |---|---|
//! | `graph` | the fuzzy graph and its halves |
//! | `null` | points without structure, and where they divide |
//! | `resolution` | agreement of halves by resolution, and the choice |
//! | `find` | themes, layers and shares |
//!
//! # Conventions
//!
//! Points are rows; row i of the graph is point i. Layers are strictly nested, from coarse to fine; communities are numbered by size.
//! Everything is drawn from the seed, so that the result has the same bits at any number of threads. A tie between copies of
//! a point is not resolved: collapse copies before the search, or they fill each other's lists.
//!
//! # Cost
//!
//! About 60 runs of Leiden on at most 20,000 points, ten or so on the whole graph, and exact searches among 2,000 points (and, of
//! more than 20,000, among a sample of 20,000).
//!
//! # Sources
//!
//! Leiden: Traag, Waltman and van Eck 2019. Resolution: Reichardt and Bornholdt 2006. The choice of a resolution by the stability of
//! its communities under sampling follows the idea of clustering stability (Ben-Hur, Elisseeff and Guyon 2002; von Luxburg 2010).

mod error;
mod find;
mod graph;
mod null;
mod resolution;

pub use error::Error;
pub use find::{Communities, Layer, find};
pub use graph::neighbors;
pub use null::NullTest;
pub use resolution::Agreement;
