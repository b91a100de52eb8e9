//! What can be chosen. All of it decides the bytes of the output, so all of it goes into the footer.

use serde::{Deserialize, Serialize};
use vectors::Metric;

use crate::Error;
use crate::assign::Assign;
use crate::flat::Cut;
use crate::select::{Method, Rule};
use crate::stability::FEWEST;

/// The most subsamples: more tell nothing new.
const MOST_SUBSAMPLES: usize = 1_000;

/// How to cluster.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The fewest documents of a cluster. Smaller groups are noise. 0 chooses by their number n: a third of its square
    /// root, at least 5; so 8 for 660 documents, 29 for 7,600, 105 for 100,000.
    #[arg(long, default_value_t = 0, value_name = "DOCUMENTS")]
    pub min_cluster_size: usize,

    /// How many other documents density is measured over: the core distance is that to the so-many-th nearest. Larger
    /// is more conservative: more noise, fewer chance clusters. The document itself is not counted, as in hdbscan.
    #[arg(long, default_value_t = 5, value_name = "DOCUMENTS")]
    pub min_samples: usize,

    /// Count the document itself in `min_samples`, as scikit-learn and cuML do: their 6 is our 5.
    #[arg(long)]
    pub min_samples_counts_self: bool,

    /// Use the first so many neighbors of each list only [default: all].
    #[arg(long, value_name = "K")]
    pub use_k: Option<usize>,

    /// Which spanning tree: `graph`, that of the neighbor graph with its components joined by their true nearest pairs;
    /// or `exact`, that of the full distance matrix.
    #[arg(long, value_enum, default_value_t = Tree::Graph)]
    pub tree: Tree,

    /// How clusters are chosen from the tree: `eom`, the most stable ones (excess of mass), or `leaf`, the finest.
    #[arg(long, value_enum, default_value_t = Method::Eom)]
    pub selection: Method,

    /// Do not split clusters below this distance, in the unit of the metric; 0 splits at any.
    #[arg(long, default_value_t = 0.0, value_name = "DISTANCE")]
    pub selection_epsilon: f64,

    /// Undo splits of which one side lasts for less than this in lambda (1 / distance); 0 undoes none.
    #[arg(long, default_value_t = 0.0, value_name = "LAMBDA")]
    pub selection_persistence: f64,

    /// Do not choose clusters of more documents than this: those below them in the tree are chosen instead, where there are
    /// any, and where nothing splits a larger cluster its documents are noise, as with hdbscan (`eom` only); 0 for no limit.
    #[arg(long, default_value_t = 0, value_name = "DOCUMENTS")]
    pub max_cluster_size: usize,

    /// Let everything be one cluster if that is the most stable.
    #[arg(long)]
    pub allow_single_cluster: bool,

    /// Documents at the core of each cluster to name in `cluster_info`, at most.
    #[arg(long, default_value_t = 10, value_name = "DOCUMENTS")]
    pub exemplars: usize,

    /// Coarser granularities of the same tree to write as `cluster_l0` (finest) and so on, at most so many: each groups the
    /// clusters of the one before, to half as many or fewer. Limits of size and selection are for the clusters themselves.
    #[arg(long, default_value_t = 3, value_name = "LAYERS")]
    pub layers: usize,

    /// Soft membership: write the so many likeliest clusters of each document; 0 writes none.
    #[arg(long, default_value_t = 0, value_name = "CLUSTERS")]
    pub membership: usize,

    /// Give noise to clusters as well, in a column of its own (`cluster_assigned`): to that of the `nearest` neighbor in
    /// one, or to that with the largest `soft` membership.
    #[arg(long, value_enum, value_name = "HOW")]
    pub assign_noise: Option<Assign>,

    /// Test how stable each cluster is: how much of it comes back, on average over so many random halves of the data (20 to
    /// 1,000), clustered again. Only the neighbor graph is halved: in the recipe `topics` that is the graph of the reduced
    /// space, which stays as it is, with what the reduction may have invented. 0 tests nothing.
    #[arg(long, default_value_t = 0, value_name = "SUBSAMPLES")]
    pub bootstrap: usize,

    /// Who clusters: `skerry`; or `hdbscan`, the crate of that name on the full distance matrix, to cross-check the labels of
    /// tables of up to 5,000 rows. It gives labels only, and only for `eom`.
    #[arg(long, value_enum, default_value_t = Engine::Skerry)]
    pub engine: Engine,

    /// The metric of the distances, for neighbors whose file does not say.
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<Metric>,
}

/// Who clusters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This crate.
    #[default]
    Skerry,
    /// The crate `hdbscan`.
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
            selection: Method::Eom,
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

/// Which spanning tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tree {
    /// Of the neighbor graph, its components joined by their true nearest pairs.
    #[default]
    Graph,
    /// Of the full distance matrix.
    Exact,
}

impl Options {
    /// Refuses what makes no sense.
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
            // Files count in signed numbers of four bytes.
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
                "1 or more where the document itself counts",
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
        if self.bootstrap != 0 && !(FEWEST..=MOST_SUBSAMPLES).contains(&self.bootstrap) {
            let range = "20 to 1000, or 0 to test nothing: fewer give no verdict";
            return Err(wrong("bootstrap", &self.bootstrap, range));
        }
        if self.engine == Engine::Hdbscan {
            self.check_labels_alone()?;
        }
        Ok(())
    }

    /// Refuses what the hdbscan engine would leave out. What is there by default was not asked for.
    fn check_labels_alone(&self) -> Result<(), Error> {
        let default = Self::default();
        let asked = [
            ("selection", self.selection != Method::Eom),
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

    /// These options for `n` documents: what was left to their number is chosen.
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

    /// How many other points density is measured over.
    pub fn others(&self) -> usize {
        self.min_samples - usize::from(self.min_samples_counts_self)
    }

    /// What makes the flat clustering.
    pub fn cut(&self) -> Cut {
        Cut {
            min_cluster_size: self.min_cluster_size,
            persistence: self.selection_persistence,
            rule: Rule {
                method: self.selection,
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
