//! Settings: [`Options`] determine the result and are in its footer, [`Local`] settings are not.

use exact_knn::Metric;
use serde::{Deserialize, Serialize};
use stage::Bytes;

use crate::{BackendKind, Error};

/// The settings that determine the result.
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
    #[arg(long, value_enum, default_value_t = BackendKind::BruteForce)]
    pub backend: BackendKind,

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

    /// `partitioned`: number of inverted lists probed per row in the first round
    ///
    /// The row's own list is probed in addition. Each further round triples the number for the rows that still found
    /// new neighbors in the previous round.
    #[arg(long, default_value_t = 4, value_name = "LISTS")]
    pub nprobe: usize,

    /// `partitioned`: mean number of rows per inverted list
    #[arg(long, default_value_t = 256, value_name = "ROWS")]
    pub list_size: usize,

    /// `partitioned`: maximum number of rounds of probing further inverted lists
    #[arg(long, default_value_t = 8, value_name = "ROUNDS")]
    pub max_rounds: usize,

    /// `hnsw`: number of links per node (M)
    ///
    /// The M of Malkov and Yashunin.
    #[arg(long, default_value_t = 16, value_name = "M")]
    pub connectivity: usize,

    /// `hnsw`: size of the candidate list while building the graph (efConstruction)
    #[arg(long, default_value_t = 128, value_name = "EF")]
    pub ef_construction: usize,

    /// `hnsw`: size of the candidate list while searching (efSearch)
    ///
    /// At least k + 1 is used.
    #[arg(long, default_value_t = 128, value_name = "EF")]
    pub ef_search: usize,

    /// `faiss`: index factory string, such as `Flat`, `HNSW32` or `IVF4096,Flat`
    #[arg(long, default_value = "HNSW32", value_name = "FACTORY")]
    pub index: String,

    /// `faiss`, `milvus`: parameters of the index, such as `nprobe=32,efSearch=128` or `M=16,efConstruction=200`
    ///
    /// `milvus`: those of the construction; those of searches are in `--search-parameters`.
    #[arg(long, default_value = "", value_name = "NAME=VALUE,...")]
    pub index_parameters: String,

    /// `milvus`: index of the collection
    ///
    /// A server need not have all of them: Milvus Lite has `FLAT`, `IVF_FLAT` and `AUTOINDEX`.
    #[arg(long, value_enum, ignore_case = true, default_value_t = MilvusIndex::Flat, value_name = "INDEX")]
    pub milvus_index: MilvusIndex,

    /// `milvus`: parameters of searches, such as `ef=128` for HNSW or `nprobe=32` for inverted files
    #[arg(long, default_value = "", value_name = "NAME=VALUE,...")]
    pub search_parameters: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            k: 50,
            metric: Metric::Cosine,
            backend: BackendKind::BruteForce,
            bad_rows: BadRows::Refuse,
            recall_sample: None,
            target_recall: 0.95,
            nprobe: 4,
            list_size: 256,
            max_rounds: 8,
            connectivity: 16,
            ef_construction: 128,
            ef_search: 128,
            index: "HNSW32".to_owned(),
            index_parameters: String::new(),
            milvus_index: MilvusIndex::Flat,
            search_parameters: String::new(),
        }
    }
}

/// The action on rows that cannot be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BadRows {
    /// Stop with an error that names the first such row
    #[default]
    Refuse,
    /// Search the other rows only, and count such rows
    Isolate,
}

/// The indexes of Milvus that can be requested. A server need not have all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MilvusIndex {
    /// All pairs, exact up to rounding; every server has it
    #[default]
    Flat,
    /// Graph: `M`, `efConstruction`; `ef`
    Hnsw,
    /// Inverted file: `nlist`; `nprobe`
    IvfFlat,
    /// Inverted file of 8-bit codes: `nlist`; `nprobe`
    IvfSq8,
    /// Choice of the server
    #[value(name = "AUTOINDEX")]
    #[serde(rename = "AUTOINDEX")]
    AutoIndex,
    /// Graph on disk: `search_list`
    #[value(name = "DISKANN")]
    #[serde(rename = "DISKANN")]
    DiskAnn,
    /// Inverted file of 4-bit codes: `nlist`; `nprobe`, `reorder_k`
    Scann,
}

impl MilvusIndex {
    /// Its name in the protocol of Milvus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "FLAT",
            Self::Hnsw => "HNSW",
            Self::IvfFlat => "IVF_FLAT",
            Self::IvfSq8 => "IVF_SQ8",
            Self::AutoIndex => "AUTOINDEX",
            Self::DiskAnn => "DISKANN",
            Self::Scann => "SCANN",
        }
    }
}

/// A secret, which is never printed and in no file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(...)")
    }
}

/// The settings of this machine: they change no byte of the result.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Local {
    /// Refuse to start a neighbor search that needs more memory, such as `4GiB` or `512MB`
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<Bytes>,

    /// `milvus`: address of the server, `http://HOST:PORT` or `https://HOST:PORT`, or the file of Milvus Lite
    ///
    /// A path that ends in `.db` or contains a slash is a file: Milvus Lite is started on it and stopped afterwards
    /// (`skerry setup --milvus-lite` installs it).
    #[arg(long, env = "MILVUS_URI", hide_env_values = true, value_parser = uri, value_name = "URI")]
    pub uri: Option<String>,

    /// `milvus`: `USER:PASSWORD` or an API key; better in `MILVUS_TOKEN`, because other users see command lines
    ///
    /// It is never printed, and in no file.
    #[arg(long, env = "MILVUS_TOKEN", hide_env_values = true, value_parser = token, value_name = "TOKEN")]
    #[serde(skip)]
    pub token: Option<Token>,

    /// `milvus`: database [default: that of the server]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,

    /// `milvus`: seconds that a request may take, and building an index without progress
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub deadline: u64,

    /// `milvus`: drop the collection after the search [default: keep it for the next run]
    ///
    /// Only a collection that Skerry made is dropped.
    #[arg(long, overrides_with = "keep")]
    pub drop: bool,

    /// `milvus`: keep the collection after the search, even if the settings file drops it
    #[arg(long, overrides_with = "drop")]
    pub keep: bool,
}

impl Default for Local {
    fn default() -> Self {
        Self {
            memory_limit: None,
            uri: None,
            token: None,
            database: None,
            deadline: 60,
            drop: false,
            keep: false,
        }
    }
}

/// How to reach a server of Milvus, for commands other than the stage.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArgs {
    /// Address of the server, `http://HOST:PORT` or `https://HOST:PORT`, or the file of Milvus Lite
    ///
    /// A path that ends in `.db` or contains a slash is a file: Milvus Lite is started on it and stopped afterwards
    /// (`skerry setup --milvus-lite` installs it).
    #[arg(long, env = "MILVUS_URI", hide_env_values = true, value_parser = uri, value_name = "URI")]
    pub uri: Option<String>,

    /// `USER:PASSWORD` or an API key; better in `MILVUS_TOKEN`, because other users see command lines
    ///
    /// It is never printed, and in no file.
    #[arg(long, env = "MILVUS_TOKEN", hide_env_values = true, value_parser = token, value_name = "TOKEN")]
    pub token: Option<Token>,

    /// Database [default: that of the server]
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,

    /// Seconds that a request may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub deadline: u64,
}

impl ServerArgs {
    /// Those of a command line.
    pub fn of(matches: &clap::ArgMatches) -> Self {
        use clap::FromArgMatches as _;
        Self::from_arg_matches(matches).expect("the command line was parsed with these arguments")
    }
}

impl From<ServerArgs> for Local {
    fn from(server: ServerArgs) -> Self {
        Self {
            uri: server.uri,
            token: server.token,
            database: server.database,
            deadline: server.deadline,
            ..Self::default()
        }
    }
}

/// Parses `--uri`: the path of a file becomes absolute, so that the next command finds it from another directory. Addresses are
/// checked later, because an error of the parser prints what was given, which may hold a password.
#[cfg_attr(
    not(feature = "milvus"),
    expect(clippy::unnecessary_wraps, reason = "the signature of a parser")
)]
fn uri(text: &str) -> Result<String, String> {
    #[cfg(feature = "milvus")]
    if milvus_client::lite::is_file(text) {
        return stage::absolute(text).map_err(|error| error.to_string());
    }
    Ok(text.to_owned())
}

/// Parses `--token`.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a parser")]
fn token(text: &str) -> Result<Token, std::convert::Infallible> {
    Ok(Token(text.to_owned()))
}

/// The default size of the recall sample where the result is not proven.
const RECALL_SAMPLE: usize = 1000;

impl Options {
    /// Number of rows to search again for the report, given whether the result is proven exact.
    pub fn sample_size(&self, certified: bool) -> usize {
        let default = if certified { 0 } else { RECALL_SAMPLE };
        self.recall_sample.unwrap_or(default)
    }

    /// Checks the options before anything is read.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for the first option with an invalid value.
    pub fn check(&self) -> Result<(), Error> {
        let rules: [(&'static str, bool, String, &'static str); 5] = [
            ("--k", self.k >= 1, self.k.to_string(), "at least 1"),
            (
                "--target-recall",
                (0.0..1.0).contains(&self.target_recall),
                self.target_recall.to_string(),
                "at least 0 and below 1 (for a recall of 1 use `--backend flat`)",
            ),
            // With one list per row, each list could become a component of its own, which no further round joins.
            (
                "--nprobe",
                self.nprobe >= 2,
                self.nprobe.to_string(),
                "at least 2",
            ),
            (
                "--list-size",
                self.list_size >= 16,
                self.list_size.to_string(),
                "at least 16",
            ),
            (
                "--connectivity",
                self.connectivity >= 2,
                self.connectivity.to_string(),
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
