//! The settings of the stage. All of them determine the bytes of the output, so all of them are recorded in the footer.

use exact_knn::Metric;
use hdbscan_graph::{FlatOptions, SelectionMethod, SelectionOptions, TreeKind};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::verdict::MIN_SUBSAMPLES;

/// Maximum number of subsamples; more do not change the result.
const MAX_SUBSAMPLES: usize = 1_000;

/// Settings that determine the clusters.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Minimum number of documents per cluster; 0: choose by the number of documents
    ///
    /// Smaller groups are noise. For n documents, 0 chooses a third of the square root of n, at least 5: 8 for 660
    /// documents, 29 for 7,600, 105 for 100,000.
    #[arg(long, default_value_t = 0, value_name = "DOCUMENTS")]
    pub min_cluster_size: usize,

    /// Neighbors used for the core distance
    ///
    /// Larger values are more conservative: more noise, fewer spurious clusters. The document itself is not counted, as
    /// in the hdbscan package (scikit-learn's value is one larger).
    #[arg(long, default_value_t = 5, value_name = "DOCUMENTS")]
    pub min_samples: usize,

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

    /// Maximum number of exemplars per cluster in `cluster_info`
    ///
    /// Exemplars are documents at the core of a cluster.
    #[arg(long, default_value_t = 10, value_name = "DOCUMENTS")]
    pub exemplars: usize,

    /// Number of coarser cluster levels to write
    ///
    /// The levels come from the same tree and are written as `cluster_l0` (finest), `cluster_l1` and so on; there may
    /// be fewer than asked for. Each level merges the clusters of the previous one, to half as many or fewer. The
    /// settings of size and selection apply to the clusters themselves, not to the levels.
    #[arg(long, default_value_t = 3, value_name = "LAYERS")]
    pub layers: usize,

    /// Soft membership: number of most likely clusters to write per document; 0: none
    #[arg(long, default_value_t = 0, value_name = "CLUSTERS")]
    pub membership: usize,

    /// Assign noise to clusters as well, in the additional column `cluster_assigned`
    ///
    /// The column `cluster` stays as it is.
    #[arg(long, value_enum, value_name = "HOW")]
    pub assign_noise: Option<Assign>,

    /// Subsamples for testing the stability of each cluster, 20 to 1,000; 0: no test
    ///
    /// Each subsample is a random half of the data that is clustered again. The stability of a cluster is how much of
    /// it is found again, on average. Only the neighbor graph is subsampled: in the recipe `topics` that is the graph
    /// of the reduced space. The reduction is not repeated, so structure that it may have invented is not detected.
    #[arg(long, default_value_t = 0, value_name = "SUBSAMPLES")]
    pub bootstrap: usize,

    /// Implementation of HDBSCAN to use
    ///
    /// `hdbscan` cross-checks the labels of tables of up to 5,000 rows. It gives labels only, and only with
    /// `--selection eom`.
    #[arg(long, value_enum, default_value_t = Engine::Skerry)]
    pub engine: Engine,

    /// Metric of the distances if the neighbors file does not name it: cosine, l2 or ip
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<Metric>,
}

/// Implementation of HDBSCAN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Skerry's own implementation
    #[default]
    Skerry,
    /// The crate `hdbscan` on the full distance matrix, for cross-checks
    Hdbscan,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            min_cluster_size: 0,
            min_samples: 5,
            min_samples_counts_self: false,
            use_k: None,
            tree: Tree::Graph,
            selection: Selection::Eom,
            selection_epsilon: 0.0,
            selection_persistence: 0.0,
            max_cluster_size: 0,
            allow_single_cluster: false,
            exemplars: 10,
            layers: 3,
            membership: 0,
            assign_noise: None,
            bootstrap: 0,
            engine: Engine::Skerry,
            metric: None,
        }
    }
}

/// Graph whose minimum spanning tree is clustered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tree {
    /// The neighbor graph, its components joined by their true nearest pairs
    #[default]
    Graph,
    /// The complete graph: the full distance matrix
    Exact,
}

impl From<Tree> for TreeKind {
    fn from(tree: Tree) -> Self {
        match tree {
            Tree::Graph => Self::Graph,
            Tree::Exact => Self::Exact,
        }
    }
}

/// Method for selecting clusters from the condensed tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Excess of mass: the disjoint clusters with the largest total stability
    #[default]
    Eom,
    /// The leaves of the condensed tree: the finest clusters
    Leaf,
}

impl From<Selection> for SelectionMethod {
    fn from(selection: Selection) -> Self {
        match selection {
            Selection::Eom => Self::Eom,
            Selection::Leaf => Self::Leaf,
        }
    }
}

/// Method for assigning noise to clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assign {
    /// The cluster of the nearest clustered neighbor, by mutual reachability distance
    Nearest,
    /// The cluster with the largest soft membership
    Soft,
}

impl Options {
    /// Rejects settings out of range and combinations that the engine does not support.
    pub fn check(&self) -> Result<(), Error> {
        let least = usize::from(self.min_samples_counts_self);
        for (option, value) in [
            ("min_cluster_size", self.min_cluster_size),
            ("min_samples", self.min_samples),
            ("use_k", self.use_k.unwrap_or(1)),
            ("max_cluster_size", self.max_cluster_size),
            ("exemplars", self.exemplars),
            ("layers", self.layers),
            ("membership", self.membership),
        ] {
            // Files store counts as i32.
            if i32::try_from(value).is_err() {
                return Err(wrong(option, &value, "at most 2147483647"));
            }
        }
        if self.min_cluster_size == 1 {
            return Err(wrong(
                "min_cluster_size",
                &self.min_cluster_size,
                "2 or more, or 0 to choose by the number of documents",
            ));
        }
        if self.min_samples < least {
            return Err(wrong(
                "min_samples",
                &self.min_samples,
                "1 or more if the document itself counts",
            ));
        }
        for (option, value) in [
            ("selection_epsilon", self.selection_epsilon),
            ("selection_persistence", self.selection_persistence),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(wrong(option, &value, "0 or a positive number"));
            }
        }
        if self.max_cluster_size != 0 && self.max_cluster_size < self.min_cluster_size.max(2) {
            return Err(wrong(
                "max_cluster_size",
                &self.max_cluster_size,
                "no less than min_cluster_size, or 0 for no limit",
            ));
        }
        if self.use_k == Some(0) {
            return Err(wrong("use_k", &0, "1 or more"));
        }
        if self.bootstrap != 0 && !(MIN_SUBSAMPLES..=MAX_SUBSAMPLES).contains(&self.bootstrap) {
            let range = "20 to 1000, or 0 for no test";
            return Err(wrong("bootstrap", &self.bootstrap, range));
        }
        if self.engine == Engine::Hdbscan {
            self.check_labels_alone()?;
        }
        Ok(())
    }

    /// Rejects non-default settings that the hdbscan engine would ignore.
    fn check_labels_alone(&self) -> Result<(), Error> {
        let default = Self::default();
        let asked = [
            ("selection", self.selection != Selection::Eom),
            ("selection_persistence", self.selection_persistence > 0.0),
            ("membership", self.membership > 0),
            ("assign_noise", self.assign_noise.is_some()),
            ("bootstrap", self.bootstrap > 0),
            ("layers", ![0, default.layers].contains(&self.layers)),
            (
                "exemplars",
                ![0, default.exemplars].contains(&self.exemplars),
            ),
        ];
        match asked.into_iter().find(|(_, asked)| *asked) {
            Some((option, _)) => Err(Error::LabelsAlone { option }),
            None => Ok(()),
        }
    }

    /// These options with the defaults that depend on the number of documents resolved.
    #[must_use]
    pub fn for_documents(&self, n: usize) -> Self {
        let chosen = match self.min_cluster_size {
            0 => (n.isqrt() / 3).max(5),
            asked => asked,
        };
        Self {
            min_cluster_size: chosen,
            ..self.clone()
        }
    }

    /// Neighbors used for the core distance, not counting the point itself.
    pub fn others(&self) -> usize {
        self.min_samples - usize::from(self.min_samples_counts_self)
    }

    /// The settings of the flat clustering.
    pub fn flat(&self) -> FlatOptions {
        FlatOptions {
            min_cluster_size: self.min_cluster_size,
            selection_persistence: self.selection_persistence,
            selection: SelectionOptions {
                method: self.selection.into(),
                epsilon: self.selection_epsilon,
                max_cluster_size: self.max_cluster_size,
                allow_single_cluster: self.allow_single_cluster,
            },
        }
    }
}

fn wrong(option: &'static str, value: &impl ToString, range: &'static str) -> Error {
    Error::Option {
        option,
        value: value.to_string(),
        range,
    }
}
