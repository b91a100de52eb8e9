//! HDBSCAN* on a neighbor graph: equal to the full distance matrix, in the memory of the graph.
//!
//! The files are the steps of the method (Campello, Moulavi and Sander 2013; `McInnes` and Healy 2017). All but
//! `run` take slices and return values.
//!
//! | module | step |
//! |---|---|
//! | [`core_distance`] | how dense it is around each point |
//! | [`mst`] | the forest of the graph, bridges between its components, the tree of the full matrix |
//! | [`linkage`], [`hierarchy`] | the dendrogram |
//! | [`condense`], [`tree`] | the dendrogram without small groups, row by row and by cluster |
//! | [`select`] | which clusters: excess of mass, leaves, epsilon, persistence |
//! | [`labels`], [`outliers`], [`exemplars`] | what follows for each point and cluster |
//! | [`flat`] | from dendrogram to labels in one call |
//! | [`validity`] | how well clusters are separated |
//! | [`duplicates`] | exact copies |
//! | [`layers`] | coarser granularities above the clusters |
//! | [`membership`], [`assign`], [`predict`] | soft membership, clusters for noise, clusters for new points |
//! | [`stability`] | do clusters come back without part of the data |
//! | [`engine`], [`agreement`] | the `hdbscan` crate, for cross-checks |
//! | [`sweep`] | many settings from one graph |

pub mod agreement;
pub mod assign;
pub mod condense;
pub mod core_distance;
pub mod duplicates;
pub mod engine;
mod error;
pub mod exemplars;
pub mod flat;
pub mod hierarchy;
pub mod labels;
pub mod layers;
pub mod linkage;
pub mod membership;
pub mod mst;
mod options;
pub mod outliers;
pub mod predict;
mod report;
mod run;
pub mod select;
mod source;
pub mod stability;
pub mod sweep;
pub mod tree;
pub mod validity;

pub use error::Error;
pub use options::{Engine, Options, Tree};
pub use predict::Predict;
pub use report::Report;
pub use run::Cluster;
pub use sweep::Sweep;
