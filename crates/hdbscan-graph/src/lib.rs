//! HDBSCAN* on a k-nearest-neighbor graph, in the memory of the graph.
//!
//! HDBSCAN* (Campello, Moulavi and Sander 2013; `McInnes` and Healy 2017) finds clusters of any shape at several densities
//! and leaves the rest as noise. Implementations either build the full distance matrix or walk a space tree, which in high
//! dimension compares all pairs as well. Here the input is a [`knn_graph::KnnView`] that is often there already.
//!
//! Two calls cluster:
//!
//! 1. [`hierarchy`]: core distances, the minimum spanning tree under mutual reachability, the single linkage tree. Components of
//!    the graph are joined by their true nearest pairs, and [`TreeKind::Exact`] gives the tree of the full distance matrix; both
//!    search the points, which a [`LazyIndex`] loads only then.
//! 2. [`flat_clustering`]: condensed tree, selection of clusters, labels, probabilities, outlier scores. Cheap, so that many
//!    settings can be tried on one hierarchy.
//!
//! From there: [`layers`] (coarser levels), [`membership`] (soft clusters), [`assign_nearest`] and [`assign_soft`] (clusters for
//! noise), [`exemplars`], [`Predictor`] (clusters of new points), [`stability`] (do clusters survive subsampling),
//! [`relative_validity`] and [`adjusted_rand_index`] (scores). The steps are also available one by one, in [`steps`].
//!
//! ```
//! use hdbscan_graph::{FlatOptions, HierarchyOptions, LazyIndex, flat_clustering, hierarchy};
//! use knn_graph::KnnGraph;
//! use exact_knn::{Metric, Points};
//!
//! // Two groups of four points and one point far away, on a line.
//! let values = [0.0, 0.1, 0.2, 0.3, 5.0, 5.1, 5.2, 5.3, 50.0];
//! let points = Points::new(&values, 1).unwrap();
//! let (knn, _) = exact_knn::knn(points, Metric::L2, 3, &|_| ()).unwrap();
//! let graph = KnnGraph::new(knn.ids, knn.distances, knn.k)?;
//!
//! let options = HierarchyOptions { min_samples: 2, ..HierarchyOptions::default() };
//! let index = LazyIndex::of_points(points, Metric::L2);
//! let built = hierarchy(&graph.view(), &options, &index, &|_| ())?;
//! let found = flat_clustering(&built.linkage, &FlatOptions { min_cluster_size: 3, ..FlatOptions::default() });
//! assert_eq!(found.labels, [0, 0, 0, 0, 1, 1, 1, 1, -1]);
//! # Ok::<(), hdbscan_graph::Error>(())
//! ```
//!
//! # Conventions
//!
//! Points are numbered 0..n like the rows of the graph. Labels are `i32`: 0, 1, ... in the order of the condensed tree, -1 for
//! noise. Distances are `f32` in the unit of the metric and not negative; lambda is 1 / distance, `f64`. `min_samples` does not
//! count the point itself, as in the hdbscan package (scikit-learn's value is one larger). All results are the same at any
//! number of threads: edges are ordered by weight and ids, so there is one minimum spanning tree, and random numbers are drawn
//! from one stream per subsample.

mod agreement;
mod assign;
mod condense;
mod core_distance;
mod duplicates;
mod error;
mod exemplars;
mod flat_clustering;
mod hierarchy;
mod labels;
mod layers;
mod lazy_index;
mod linkage;
mod membership;
mod mst;
mod outliers;
mod predict;
mod select;
mod stability;
mod tree;
mod validity;

pub use agreement::adjusted_rand_index;
pub use assign::{Assigned, Clustered, assign_nearest, assign_soft};
pub use condense::CondensedTree;
pub use error::{Error, Need};
pub use exemplars::{exemplars, layer_exemplars};
pub use flat_clustering::{FlatClustering, FlatOptions, flat_clustering};
pub use hierarchy::{Hierarchy, HierarchyOptions, TreeKind, hierarchy};
pub use labels::cluster_sizes;
pub use layers::{Layer, layers};
pub use lazy_index::LazyIndex;
pub use linkage::Linkage;
pub use membership::{Membership, MembershipInput, membership};
pub use mst::Edge;
pub use predict::{Prediction, Predictor, vote};
pub use select::{Selection, SelectionMethod, SelectionOptions};
pub use stability::{FullRun, stability};
pub use tree::ClusterTree;
pub use validity::relative_validity;

/// The steps of the method one by one, in their order, for programs that replace one of them.
pub mod steps {
    pub use crate::core_distance::{core_distances, mutual_reachability};
    pub use crate::mst::{PointIndex, SpanningTree, bridge, exact_tree, spanning_forest};

    pub use crate::duplicates::join_copies;
    pub use crate::linkage::single_linkage;

    pub use crate::condense::{condense, lambda_cap};
    pub use crate::labels::labels;
    pub use crate::select::select;
}
