//! What can be chosen: [`Options`] change the answer and stand in its footer, [`Local`] does neither.

use serde::{Deserialize, Serialize};
use stage::Bytes;
use vectors::{Margin, Metric};

use crate::{BackendKind, Error};

/// What to search for, and how.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Neighbors a row. One graph serves clustering and projection: the largest number that either needs. More than
    /// there are other rows becomes all of them, with a warning.
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub k: usize,

    /// What "near" means: cosine (1 - cos), l2 (Euclidean, rooted) or ip (1 - inner product).
    #[arg(long, default_value_t = Metric::Cosine, value_name = "METRIC")]
    pub metric: Metric,

    /// Who searches. `flat` is exact and the cheapest up to some 300,000 rows; `partitioned` is for more; `hnsw` and
    /// `faiss` are for comparison. None ever stands in for another.
    #[arg(long, value_enum, default_value_t = BackendKind::Flat)]
    pub backend: BackendKind,

    /// How far screening may err in exact searches: `guaranteed` proves the answer exact; `fast` uses six standard
    /// deviations with a check as it runs, and leaves `certified: false` in the file. It measures a quarter fewer pairs;
    /// with AVX-512 VNNI that saves no time, for screening outweighs measuring and the unproven answer is sampled.
    #[arg(long, default_value_t = Margin::Guaranteed, value_name = "MARGIN")]
    pub margin: Margin,

    /// What to do with rows that hold NaN or an infinity and, under cosine, with rows of zeros, which have no direction:
    /// `refuse`, or `isolate` them: they keep their ids and stand in no other row's list, and their own holds the first k
    /// rows at distance 1 (other metrics: at the largest distance of all lists). They are counted.
    #[arg(long, value_enum, default_value_t = BadRows::Refuse)]
    pub bad_rows: BadRows,

    /// Rows whose neighbors are searched again exactly, to measure recall. By default 1000 where the answer is not
    /// proven exact and 0 where it is.
    #[arg(long, value_name = "ROWS")]
    pub recall_sample: Option<usize>,

    /// `partitioned`: go on with rounds until recall on a sample reaches this (the lower end of its confidence
    /// interval); at least 0 and below 1, for what misses nothing is `flat`. The sample is another one than that of the
    /// report.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    pub target_recall: f64,

    /// `partitioned`: into how many cells each row looks in the first round after its own; every further round triples
    /// that for the rows that still found something.
    #[arg(long, default_value_t = 4, value_name = "CELLS")]
    pub cells_per_row: usize,

    /// `partitioned`: rows a cell has on average.
    #[arg(long, default_value_t = 256, value_name = "ROWS")]
    pub cell_size: usize,

    /// `partitioned`: at most this many rounds in which rows look into further cells.
    #[arg(long, default_value_t = 8, value_name = "ROUNDS")]
    pub max_rounds: usize,

    /// `hnsw`: links a node has (M of Malkov and Yashunin).
    #[arg(long, default_value_t = 16, value_name = "LINKS")]
    pub links: usize,

    /// `hnsw`: breadth of the search while building (efConstruction).
    #[arg(long, default_value_t = 128, value_name = "BREADTH")]
    pub ef_construction: usize,

    /// `hnsw`: breadth of the search for neighbors (ef), never less than k + 1.
    #[arg(long, default_value_t = 128, value_name = "BREADTH")]
    pub ef_search: usize,

    /// `faiss`: the index as its factory writes it: `Flat`, `HNSW32`, `IVF4096,Flat`, ...
    #[arg(long, default_value = "HNSW32", value_name = "FACTORY")]
    pub index: String,

    /// `faiss`: parameters of the search, as in `nprobe=32,efSearch=128`.
    #[arg(long, default_value = "", value_name = "NAME=VALUE,...")]
    pub index_parameters: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            k: 50,
            metric: Metric::Cosine,
            backend: BackendKind::Flat,
            margin: Margin::Guaranteed,
            bad_rows: BadRows::Refuse,
            recall_sample: None,
            target_recall: 0.95,
            cells_per_row: 4,
            cell_size: 256,
            max_rounds: 8,
            links: 16,
            ef_construction: 128,
            ef_search: 128,
            index: "HNSW32".to_owned(),
            index_parameters: String::new(),
        }
    }
}

/// What to do with rows that cannot be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRows {
    /// Stop with the first of them named.
    #[default]
    Refuse,
    /// Set them apart and count them.
    Isolate,
}

/// What belongs to the machine: it changes no byte of the answer.
#[derive(Clone, Debug, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Local {
    /// Refuse to begin a search of neighbors that would take more memory than this, as in `4GiB` or `512MB`.
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<Bytes>,
}

/// Rows searched again where the answer is not proven and nobody says how many.
const RECALL_SAMPLE: usize = 1000;

impl Options {
    /// How many rows are searched again for the report on an answer that is proven, or is not.
    pub fn sample_size(&self, certified: bool) -> usize {
        let default = if certified { 0 } else { RECALL_SAMPLE };
        self.recall_sample.unwrap_or(default)
    }

    /// Options that mean nothing are refused before anything is read.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] names the flag and what it takes.
    pub fn check(&self) -> Result<(), Error> {
        let rules: [(&'static str, bool, String, &'static str); 5] = [
            ("--k", self.k >= 1, self.k.to_string(), "at least 1"),
            (
                "--target-recall",
                (0.0..1.0).contains(&self.target_recall),
                self.target_recall.to_string(),
                "at least 0 and below 1 (`--backend flat` misses nothing)",
            ),
            // Rows of one cell each would be parts without a link between them, which no refinement can cross.
            (
                "--cells-per-row",
                self.cells_per_row >= 2,
                self.cells_per_row.to_string(),
                "at least 2",
            ),
            (
                "--cell-size",
                self.cell_size >= 16,
                self.cell_size.to_string(),
                "at least 16",
            ),
            (
                "--links",
                self.links >= 2,
                self.links.to_string(),
                "at least 2",
            ),
        ];
        match rules.into_iter().find(|&(_, holds, ..)| !holds) {
            Some((option, _, value, expected)) => Err(Error::Option {
                option,
                value,
                expected,
            }),
            None => Ok(()),
        }
    }
}
