//! What the stage reports when it is done.

use std::fmt;

use serde::Serialize;

use crate::options::Tree;
use crate::verdict::Verdict;

/// What was done, counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Documents.
    pub rows: usize,
    /// Clusters found.
    pub clusters: usize,
    /// Documents in no cluster.
    pub noise: usize,
    /// Their share.
    pub noise_share: f64,
    /// Documents of the largest cluster.
    pub largest: usize,
    /// Relative validity (DBCV on the tree); none with fewer than two clusters.
    pub validity: Option<f64>,
    /// Which spanning tree.
    pub tree: Tree,
    /// Whether the neighbors are proven exact, according to their file; otherwise an exact tree is exact only for
    /// their core distances.
    pub certified: bool,
    /// Number of neighbors used per document.
    pub k: usize,
    /// Neighbors used for the core distance, without the document itself.
    pub min_samples: usize,
    /// Minimum number of documents per cluster, as set or chosen by the number of documents.
    pub min_cluster_size: usize,
    /// Components of the neighbor graph.
    pub components: usize,
    /// Documents that are exact copies of an earlier one.
    pub copies: usize,
    /// Documents whose neighbors outside their lists were searched.
    pub searched: u64,
    /// Edges of the tree that the graph does not have.
    pub added: usize,
    /// Edges of the same length as the one before them, whose order is arbitrary.
    pub tied_edges: usize,
    /// Clusters of each layer, finest first.
    pub layers: Vec<usize>,
    /// Noise assigned to clusters, with `assign_noise`.
    pub assigned: Option<usize>,
    /// Those of them without a cluster among their neighbors, assigned along the spanning tree.
    pub along_tree: Option<usize>,
    /// How stable the clusters are, with `bootstrap`.
    pub stability: Option<Verdict>,
    /// With the engine `hdbscan`, the adjusted Rand index of its labels and ours.
    pub agreement: Option<f64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.noise_share;
        writeln!(
            f,
            "{} clusters in {} documents; {} in none ({share:.1} %)",
            self.clusters, self.rows, self.noise
        )?;
        if self.clusters > 0 {
            write!(f, "largest cluster: {} documents", self.largest)?;
            if let Some(validity) = self.validity {
                write!(f, "; relative validity {validity:.3}")?;
            }
            writeln!(f)?;
        }
        let kind = match self.tree {
            Tree::Graph => "of the neighbor graph",
            Tree::Exact if self.certified => "of the full matrix",
            Tree::Exact => "of the full matrix (on core distances that are not proven)",
        };
        write!(
            f,
            "tree {kind}: {} neighbors, min_samples {} (others), min_cluster_size {}, ",
            self.k, self.min_samples, self.min_cluster_size
        )?;
        if self.components > 1 {
            write!(f, "{} components, ", self.components)?;
        }
        write!(
            f,
            "{} edges added after {} searches",
            self.added, self.searched
        )?;
        if self.copies > 0 {
            write!(f, "\n{} documents are copies of another", self.copies)?;
        }
        if !self.layers.is_empty() {
            let counts: Vec<String> = self.layers.iter().map(ToString::to_string).collect();
            write!(f, "\nlayers of {} clusters", counts.join(", "))?;
        }
        if let Some(assigned) = self.assigned {
            write!(
                f,
                "\n{assigned} documents of noise given to clusters, in a column of their own"
            )?;
            if let Some(along) = self.along_tree.filter(|&along| along > 0) {
                write!(
                    f,
                    "; {along} of them have no cluster among their neighbors and went along the tree"
                )?;
            }
        }
        if let Some(verdict) = &self.stability {
            write!(
                f,
                "\n{} ({} subsamples)",
                verdict.sentence, verdict.subsamples
            )?;
        }
        if let Some(agreement) = self.agreement {
            write!(
                f,
                "\nlabels of the hdbscan crate; adjusted Rand index to ours {agreement:.4}"
            )?;
        }
        Ok(())
    }
}
