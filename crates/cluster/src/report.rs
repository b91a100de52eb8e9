//! The report of the stage.

use std::fmt;

use serde::Serialize;

use crate::options::Tree;
use crate::verdict::Verdict;

/// Figures of the clustering.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Number of documents.
    pub rows: usize,
    /// Number of clusters.
    pub clusters: usize,
    /// Number of documents in no cluster.
    pub noise: usize,
    /// Share of documents in no cluster.
    pub noise_share: f64,
    /// Number of documents in the largest cluster.
    pub largest: usize,
    /// Relative validity (DBCV on the tree); none with fewer than two clusters.
    pub validity: Option<f64>,
    /// Graph of the spanning tree.
    pub tree: Tree,
    /// Whether the neighbors are proven exact, by their file; if not, `--tree exact` is exact only for the given core
    /// distances.
    pub certified: bool,
    /// Number of neighbors used per document.
    pub k: usize,
    /// Neighbors used for the core distance, without the document itself.
    pub min_samples: usize,
    /// Minimum number of documents per cluster, given or chosen by default.
    pub min_cluster_size: usize,
    /// Number of components of the neighbor graph.
    pub components: usize,
    /// Number of documents that are exact copies of an earlier one.
    pub copies: usize,
    /// Number of documents whose neighbors beyond the lists were searched.
    pub searched: u64,
    /// Number of edges of the tree that are not in the neighbor graph.
    pub added: usize,
    /// Number of tree edges as long as the preceding one, whose order is arbitrary.
    pub tied_edges: usize,
    /// Number of clusters of each layer, finest first.
    pub layers: Vec<usize>,
    /// Number of noise documents assigned to clusters, with `assign_noise`.
    pub assigned: Option<usize>,
    /// Number of these without a clustered neighbor, assigned along the spanning tree.
    pub along_tree: Option<usize>,
    /// Bootstrap stability, with `bootstrap`.
    pub stability: Option<Verdict>,
    /// Adjusted Rand index between the labels of the engine `hdbscan` and ours.
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
            Tree::Exact => "of the full matrix (core distances not proven)",
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
                "\n{assigned} noise documents assigned to clusters, in the column cluster_assigned"
            )?;
            if let Some(along) = self.along_tree.filter(|&along| along > 0) {
                write!(
                    f,
                    "; {along} of them have no clustered neighbor and were assigned along the tree"
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
