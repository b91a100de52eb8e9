//! The tables of a run, one file each.

mod cluster_info;
mod clusters;
mod condensed_tree;
mod documents;
mod duplicates;
mod embeddings;
mod labels;
mod map;
mod membership;
mod mst;
mod neighbors;
mod predictions;
mod projection;
mod single_linkage;
mod sweep;
mod topics;
mod vector_file;

pub use cluster_info::{ClusterInfo, ClusterRow};
pub use clusters::Clusters;
pub use condensed_tree::CondensedTree;
pub use documents::Documents;
pub use duplicates::Duplicates;
pub use embeddings::{Embeddings, Shape};
pub use labels::{Label, Labels};
pub use map::Map;
pub use membership::Membership;
pub use mst::Mst;
pub use neighbors::Neighbors;
pub use predictions::Predictions;
pub use projection::Projection;
pub use single_linkage::SingleLinkage;
pub use sweep::{Sweep, SweepRow};
pub use topics::{Topic, Topics};
pub use vector_file::VectorFile;
