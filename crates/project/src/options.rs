//! What can be chosen. The defaults are umap-learn's, which people compare with, except the learning rate.

use serde::{Deserialize, Serialize};

use crate::Error;

/// How to lay out.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Number of neighbors per point, counting the point itself, as in umap-learn
    ///
    /// Small values show detail, large values the overall structure. If the file has fewer neighbors, all of them are
    /// used, with a warning.
    #[arg(long, default_value_t = 15, value_name = "N")]
    pub n_neighbors: usize,

    /// Number of dimensions of the layout, 2 to 100
    ///
    /// 2 for a map. More are for clustering; such a layout is written as a file of embeddings.
    #[arg(long, default_value_t = 2, value_name = "D")]
    pub components: usize,

    /// Minimum distance between points in the layout; small values make tight groups
    ///
    /// In units of the layout; at most `spread`.
    #[arg(long, default_value_t = 0.1, value_name = "DISTANCE")]
    pub min_dist: f64,

    /// Scale of the layout: how fast membership decreases with distance
    #[arg(long, default_value_t = 1.0, value_name = "DISTANCE")]
    pub spread: f64,

    /// Number of training epochs [default: 500 up to 10,000 points, 200 above]
    ///
    /// The defaults are those of umap-learn.
    #[arg(long, value_name = "EPOCHS")]
    pub epochs: Option<usize>,

    /// Number of negative samples per positive sample
    ///
    /// Each time an edge attracts one of its ends, that end is repelled from this many random points.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub negative_samples: usize,

    /// Weight of repulsion relative to attraction
    #[arg(long, default_value_t = 1.0, value_name = "WEIGHT")]
    pub repulsion: f64,

    /// Learning rate of the first epoch; it falls linearly to 0 [default: 60 / epochs]
    ///
    /// Below 7,500 points the default is multiplied by the square root of points / 7,500. umap-learn uses 1.0, which
    /// suits updates of both ends of an edge at once; here an update moves one end, and about a hundredth more
    /// neighbors are kept at 0.3 in 200 epochs. More epochs and fewer points take smaller steps, so that the groups of
    /// small maps do not drift apart.
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,

    /// Initialization of the layout
    #[arg(long, value_enum, default_value_t = Init::Spectral)]
    pub init: Init,

    /// Layout engine
    ///
    /// `umap-rs` is for comparison: its gradient is wrong (version 0.4.5), it takes no seed, and its result changes
    /// from run to run.
    #[arg(long, value_enum, default_value_t = Engine::Skerry)]
    pub engine: Engine,

    /// Metric of the neighbors if their file does not name it: cosine, l2 or ip
    ///
    /// Only the quality figures need it.
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<exact_knn::Metric>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            n_neighbors: 15,
            components: 2,
            min_dist: 0.1,
            spread: 1.0,
            epochs: None,
            negative_samples: 5,
            repulsion: 1.0,
            learning_rate: None,
            init: Init::Spectral,
            engine: Engine::Skerry,
            metric: None,
        }
    }
}

/// Initialization of the layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Eigenvectors of the graph Laplacian
    #[default]
    Spectral,
    /// Principal components of the embeddings, which must be given
    Pca,
    /// Random positions
    Random,
}

/// Layout engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Skerry's own optimizer: seeded, the same bytes at any number of threads
    #[default]
    Skerry,
    /// The crate `umap-rs` (needs a build with the feature `umap-rs`)
    UmapRs,
}

impl Options {
    /// The learning rate of the first of `epochs` for n points.
    ///
    /// A point draws its own group among the points it is pushed from the more often the fewer points there are; at one
    /// rate for all n, groups of small maps wander off. Measured on 660 to 7,600 news texts: this rate keeps as many
    /// neighbors as the full one, and the farthest point lies 2.4 times as far out as the median one instead of 5.
    pub fn learning_rate_for(&self, epochs: usize, n: usize) -> f64 {
        let full = 60.0 / epochs as f64;
        let few = (n as f64 / 7_500.0).sqrt().min(1.0);
        self.learning_rate.unwrap_or(full * few).min(1.0e3)
    }

    /// The number of epochs for n points.
    pub fn epochs_for(&self, n: usize) -> usize {
        self.epochs.unwrap_or(if n <= 10_000 { 500 } else { 200 })
    }

    /// Options that mean nothing, or that this build has nothing for, are refused before anything is read.
    pub fn check(&self) -> Result<(), Error> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let rules: [(&'static str, bool, String, &'static str); 8] = [
            (
                "--n-neighbors",
                self.n_neighbors >= 2,
                self.n_neighbors.to_string(),
                "at least 2: the point and a neighbor",
            ),
            (
                "--components",
                (2..=100).contains(&self.components),
                self.components.to_string(),
                "from 2 to 100",
            ),
            (
                "--spread",
                positive(self.spread),
                self.spread.to_string(),
                "above 0",
            ),
            (
                "--min-dist",
                self.min_dist.is_finite() && (0.0..=self.spread).contains(&self.min_dist),
                self.min_dist.to_string(),
                "from 0 to the spread",
            ),
            (
                "--epochs",
                (1..=1_000_000).contains(&self.epochs.unwrap_or(1)),
                self.epochs.unwrap_or(1).to_string(),
                "from 1 to 1,000,000",
            ),
            (
                "--negative-samples",
                self.negative_samples <= 1000,
                self.negative_samples.to_string(),
                "from 0 to 1000",
            ),
            (
                "--repulsion",
                self.repulsion.is_finite() && (0.0..=1e6).contains(&self.repulsion),
                self.repulsion.to_string(),
                "from 0 to 1,000,000",
            ),
            (
                "--learning-rate",
                self.learning_rate
                    .is_none_or(|rate| positive(rate) && rate <= 1e3),
                self.learning_rate.unwrap_or_default().to_string(),
                "above 0, up to 1000",
            ),
        ];
        match rules.into_iter().find(|&(_, holds, ..)| !holds) {
            Some((option, _, value, expected)) => Err(Error::Option {
                option,
                value,
                expected,
            }),
            None if self.engine == Engine::UmapRs && !cfg!(feature = "umap-rs") => {
                Err(Error::NotCompiledIn { engine: "umap-rs" })
            }
            None => Ok(()),
        }
    }
}
