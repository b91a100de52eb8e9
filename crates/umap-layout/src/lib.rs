//! UMAP layouts (`McInnes`, Healy and Melville 2018, arXiv 1802.03426) from a k-nearest-neighbor graph: seeded, with the same
//! bytes at any number of threads, and with figures of how far the result can be trusted.
//!
//! [`layout`] computes positions in 2 to 100 dimensions from a [`knn_graph::KnnView`], [`quality`] measures them.
//!
//! ```
//! use knn_graph::KnnGraph;
//! use random_streams::Seed;
//! use umap_layout::{Kernel, Options, layout, quality};
//! use exact_knn::{Metric, Points};
//!
//! let seed = Seed(42);
//! let values: Vec<f32> = (0..600).map(|at| seed.stream("example", at).next_f32()).collect();
//! let points = Points::new(&values, 6).unwrap();
//! let (knn, _) = exact_knn::knn(points, Metric::L2, 14, &|_| ()).unwrap();
//! let graph = KnnGraph::new(knn.ids, knn.distances, knn.k).unwrap();
//!
//! let options = Options { epochs: Some(50), ..Options::default() };
//! let found = layout(&graph.view(), None, &options, seed, Kernel::best(), &|| {})?;
//! assert_eq!(found.positions.len(), 100 * 2);
//! let (figures, _) = quality(&found.positions, 2, &graph.view(), Some((points, Metric::L2)), seed);
//! assert!(figures.trustworthiness.unwrap() > 0.6);
//! # Ok::<(), umap_layout::Error>(())
//! ```
//!
//! # Steps
//!
//! | module | step |
//! |---|---|
//! | `smooth`, `fuzzy` | distances to memberships, and their union, the [`FuzzyGraph`] |
//! | `curve` | the [`Curve`] that turns distances of the layout into memberships |
//! | `init` | initial positions: spectral, principal components, random ([`initialize`]) |
//! | `optimize` | stochastic gradient descent |
//! | `quality` | neighbors kept, trustworthiness |
//! | `kernels` | the vector instructions that the last two run on ([`Kernel`]) |
//!
//! # Conventions
//!
//! Arrays are row-major. Positions are `f32`, n rows of `components` values. Neighborhoods leave the point itself out, so k is
//! one less than umap-learn's `n_neighbors`. Where an order is arbitrary the smaller id comes first.

mod curve;
mod error;
mod fuzzy;
mod init;
mod kernels;
mod layout;
mod optimize;
mod options;
mod quality;
mod smooth;

pub use curve::Curve;
pub use error::Error;
pub use fuzzy::FuzzyGraph;
pub use kernels::Kernel;
pub use layout::{Layout, Start, gather_copies, initialize, layout};
pub use options::{Init, Options};
pub use quality::{
    Quality, nearest_in_plane, nearest_in_space, preserved, quality, trustworthiness,
};
