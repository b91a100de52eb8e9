//! What can be chosen: [`Options`] change the answer and stand in its footer, [`Local`] does neither.

use serde::{Deserialize, Serialize};
use stage::Bytes;
use vectors::{Margin, Metric};

use crate::{BackendKind, Error};

/// What to search for, and how.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Number of neighbors per row
    ///
    /// The row itself is not counted. One graph serves clustering and projection: choose the larger of the numbers that
    /// they need. If there are fewer other rows, all of them are taken, with a warning.
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub k: usize,

    /// Distance metric: cosine (1 - cos), l2 (Euclidean) or ip (1 - inner product)
    ///
    /// `l2` is the Euclidean distance itself, not its square.
    #[arg(long, default_value_t = Metric::Cosine, value_name = "METRIC")]
    pub metric: Metric,

    /// Search backend
    ///
    /// `flat` is exact and the cheapest up to about 300,000 rows; `partitioned` is for larger tables; `hnsw` and
    /// `faiss` are for comparison. No backend replaces another silently.
    #[arg(long, value_enum, default_value_t = BackendKind::Flat)]
    pub backend: BackendKind,

    /// Error margin for screening in exact searches: guaranteed or fast
    ///
    /// `guaranteed` is a proven bound of the quantization error: the result is exact. `fast` is six standard deviations
    /// of that error, checked during the search; the file then holds `certified: false`. It measures a quarter fewer
    /// pairs. With AVX-512 VNNI this saves no time: screening takes longer than measuring, and the recall of the
    /// unproven result is measured on a sample.
    #[arg(long, default_value_t = Margin::Guaranteed, value_name = "MARGIN")]
    pub margin: Margin,

    /// Action on rows that cannot be searched: NaN, infinity or, under cosine, all zeros
    ///
    /// Rows of zeros have no direction. Isolated rows keep their ids and are in no other row's list; their own list
    /// holds the first k rows at distance 1 (other metrics: at the largest distance of all lists).
    #[arg(long, value_enum, default_value_t = BadRows::Refuse)]
    pub bad_rows: BadRows,

    /// Rows to search again exactly to measure recall [default: 1000; 0 if proven exact]
    #[arg(long, value_name = "ROWS")]
    pub recall_sample: Option<usize>,

    /// `partitioned`: recall at which the search stops; at least 0, below 1
    ///
    /// Further rounds follow until the lower end of the confidence interval of recall on a sample reaches it. For a
    /// recall of 1 use `flat`. The sample is not that of the report.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    pub target_recall: f64,

    /// `partitioned`: inverted lists probed per row in the first round (nprobe)
    ///
    /// The row's own list is probed in addition. Each further round triples the number for the rows that still found
    /// new neighbors in the previous round.
    #[arg(long, default_value_t = 4, value_name = "CELLS")]
    pub cells_per_row: usize,

    /// `partitioned`: mean number of rows per inverted list
    #[arg(long, default_value_t = 256, value_name = "ROWS")]
    pub cell_size: usize,

    /// `partitioned`: maximum number of rounds of probing further inverted lists
    #[arg(long, default_value_t = 8, value_name = "ROUNDS")]
    pub max_rounds: usize,

    /// `hnsw`: links per node (M)
    ///
    /// M of Malkov and Yashunin.
    #[arg(long, default_value_t = 16, value_name = "LINKS")]
    pub links: usize,

    /// `hnsw`: size of the candidate list while building the graph (efConstruction)
    #[arg(long, default_value_t = 128, value_name = "BREADTH")]
    pub ef_construction: usize,

    /// `hnsw`: size of the candidate list while searching (efSearch)
    ///
    /// At least k + 1 is used.
    #[arg(long, default_value_t = 128, value_name = "BREADTH")]
    pub ef_search: usize,

    /// `faiss`: index factory string, such as `Flat`, `HNSW32` or `IVF4096,Flat`
    #[arg(long, default_value = "HNSW32", value_name = "FACTORY")]
    pub index: String,

    /// `faiss`: search parameters, such as `nprobe=32,efSearch=128`
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
    /// Stop with an error that names the first such row
    #[default]
    Refuse,
    /// Set such rows apart and count them
    Isolate,
}

/// What belongs to the machine: it changes no byte of the answer.
#[derive(Clone, Debug, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Local {
    /// Refuse to start a neighbor search that needs more memory, such as `4GiB` or `512MB`
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
