//! The settings to sweep over, and the fixed settings.

use exact_knn::Metric;
use serde::{Deserialize, Serialize};

use super::Range;
use crate::{Error, Options, Selection, Tree};

/// The settings of a sweep. Fixed settings have the same names as in `cluster` and also take its values from
/// `pipeline.toml`.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepOptions {
    /// Values of `min_cluster_size` to try: `5,10,20`, or `5:500:25`
    ///
    /// `5:500:25` means 25 sizes from 5 to 500 in equal ratios.
    #[arg(long, default_value = "5:500:25", value_name = "SIZES")]
    pub min_cluster_sizes: Range,

    /// Values of `min_samples` to try [default: that of the run, else 5,10]
    ///
    /// The number of neighbors used for the core distance, written like `--min-cluster-sizes`. The document itself is
    /// not counted, as in the hdbscan package (scikit-learn's value is one larger).
    #[arg(
        long,
        default_value = "5,10",
        hide_default_value = true,
        value_name = "DOCUMENTS"
    )]
    pub min_samples: Range,

    /// Count the document itself in `min_samples`, as scikit-learn and cuML do
    ///
    /// With this flag, 6 means what 5 means without it.
    #[arg(long)]
    pub min_samples_counts_self: bool,

    /// Use only the first K neighbors of each row [default: all]
    #[arg(long, value_name = "K")]
    pub use_k: Option<usize>,

    /// Graph whose minimum spanning tree is clustered
    #[arg(long, value_enum, default_value_t = Tree::Graph)]
    pub tree: Tree,

    /// Method for selecting clusters from the condensed tree
    #[arg(long, value_enum, default_value_t = Selection::Eom)]
    pub selection: Selection,

    /// Merge clusters that split below this distance; 0: merge none
    ///
    /// The distance is in the unit of the metric.
    #[arg(long, default_value_t = 0.0, value_name = "DISTANCE")]
    pub selection_epsilon: f64,

    /// Undo splits in which one side persists for less than this range of lambda; 0: undo none
    ///
    /// Lambda is 1 / distance.
    #[arg(long, default_value_t = 0.0, value_name = "LAMBDA")]
    pub selection_persistence: f64,

    /// Maximum number of documents per selected cluster (`eom` only); 0: no limit
    ///
    /// Instead of a larger cluster, the clusters below it in the tree are selected. If it has none, its documents are
    /// noise, as in the hdbscan package.
    #[arg(long, default_value_t = 0, value_name = "DOCUMENTS")]
    pub max_cluster_size: usize,

    /// Allow a single cluster of all documents if it is the most stable one
    #[arg(long)]
    pub allow_single_cluster: bool,

    /// Metric of the distances if the neighbors file does not name it: cosine, l2 or ip
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<Metric>,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self {
            min_cluster_sizes: "5:500:25".parse().expect("a range"),
            min_samples: "5,10".parse().expect("a list"),
            min_samples_counts_self: false,
            use_k: None,
            tree: Tree::Graph,
            selection: Selection::Eom,
            selection_epsilon: 0.0,
            selection_persistence: 0.0,
            max_cluster_size: 0,
            allow_single_cluster: false,
            metric: None,
        }
    }
}

impl SweepOptions {
    /// The options of a run of `cluster` at one of the settings.
    pub fn at(&self, min_samples: usize, min_cluster_size: usize) -> Options {
        Options {
            min_cluster_size,
            min_samples,
            min_samples_counts_self: self.min_samples_counts_self,
            use_k: self.use_k,
            tree: self.tree,
            selection: self.selection,
            selection_epsilon: self.selection_epsilon,
            selection_persistence: self.selection_persistence,
            max_cluster_size: self.max_cluster_size,
            allow_single_cluster: self.allow_single_cluster,
            metric: self.metric,
            ..Options::default()
        }
    }

    /// Rejects settings out of range.
    pub fn check(&self) -> Result<(), Error> {
        if self.min_cluster_sizes.values().first() == Some(&0) {
            return Err(Error::Option {
                option: "min_cluster_sizes",
                value: "0".to_owned(),
                range: "sizes of 2 or more",
            });
        }
        for &min_samples in self.min_samples.values() {
            for &min_cluster_size in self.min_cluster_sizes.values() {
                self.at(min_samples, min_cluster_size).check()?;
            }
        }
        Ok(())
    }
}
