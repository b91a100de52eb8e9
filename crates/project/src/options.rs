//! The settings of the stage. The defaults are those of umap-learn, except the learning rate.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Settings that determine the layout.
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
    /// The crate `umap-rs`
    #[cfg_attr(
        not(feature = "umap-rs"),
        doc = "[not in this build: needs --features umap-rs]"
    )]
    UmapRs,
}

impl Options {
    /// The settings of the method.
    pub fn layout(&self) -> umap_layout::Options {
        umap_layout::Options {
            components: self.components,
            min_dist: self.min_dist,
            spread: self.spread,
            epochs: self.epochs,
            negative_samples: self.negative_samples,
            repulsion: self.repulsion,
            learning_rate: self.learning_rate,
            init: self.init.into(),
        }
    }

    /// Rejects values out of range, and engines that this build lacks, before anything is read.
    pub fn check(&self) -> Result<(), Error> {
        if self.n_neighbors < 2 {
            return Err(Error::Option {
                option: "--n-neighbors".to_owned(),
                value: self.n_neighbors.to_string(),
                expected: "at least 2: the point and a neighbor",
            });
        }
        self.layout().check()?;
        if self.engine == Engine::UmapRs && !cfg!(feature = "umap-rs") {
            return Err(Error::NotCompiledIn { engine: "umap-rs" });
        }
        Ok(())
    }
}

impl From<Init> for umap_layout::Init {
    fn from(init: Init) -> Self {
        match init {
            Init::Spectral => Self::Spectral,
            Init::Pca => Self::Pca,
            Init::Random => Self::Random,
        }
    }
}
