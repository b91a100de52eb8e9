//! How to search, and what a search says of itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Kernel};

/// How far below a row's threshold a screened score may be and still be looked at exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Margin {
    /// The largest error that quantization can make, by Cauchy and Schwarz: the answer is proven exact.
    #[default]
    Guaranteed,
    /// Six standard deviations of the error, checked against the errors seen; not proven.
    Fast,
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Margin::Guaranteed => "guaranteed",
            Margin::Fast => "fast",
        })
    }
}

impl FromStr for Margin {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "guaranteed" => Ok(Margin::Guaranteed),
            "fast" => Ok(Margin::Fast),
            _ => Err(Error::UnknownMargin {
                name: name.to_owned(),
            }),
        }
    }
}

/// How to search. The default is proven exact, by the best kernel of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// How far screening may err.
    pub margin: Margin,
    /// The kernel to use; `None` takes the one that `SKERRY_KERNEL` names, else the best that this machine has.
    pub kernel: Option<Kernel>,
}

/// What a search did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchReport {
    /// The instructions that screened.
    pub kernel: Kernel,
    /// The margin asked for.
    pub margin: Margin,
    /// Whether the answer is proven exact. False only if [`Margin::Fast`] was asked for and was used.
    pub certified: bool,
    /// How many rows were searched for.
    pub rows: u64,
    /// How many pairs were measured exactly after screening.
    pub reranked: u64,
    /// How many rows screening could not help, and that were searched plainly.
    pub fallen_back: u64,
    /// Bytes that [`crate::estimate`] foresaw.
    pub estimated_bytes: u64,
}

/// Called from worker threads with the number of rows just finished (the calls add up to all rows); `false` stops the
/// search with [`crate::Error::Cancelled`].
pub type Watch<'a> = &'a (dyn Fn(u64) -> bool + Sync);
