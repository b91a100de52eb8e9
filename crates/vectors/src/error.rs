//! What can be wrong with a question or with the vectors it is asked of.

use crate::Metric;

/// Why a search could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values is not a multiple of the dimension, or the dimension is zero.
    #[error("{values} values are not rows of {d}")]
    Shape {
        /// How many values there are.
        values: usize,
        /// The dimension they were said to have.
        d: usize,
    },
    /// More rows than an id can number.
    #[error("{n} rows are more than an id of 32 bits can number")]
    TooManyRows {
        /// How many rows there are.
        n: usize,
    },
    /// A row holds NaN or an infinity.
    #[error("row {row} holds {value} at position {column}")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The position in the row, from 0.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A row of zeros has no direction.
    #[error("row {row} is all zeros, which has no direction")]
    ZeroRow {
        /// The row, from 0.
        row: usize,
    },
    /// A row is so long that a distance from it would not fit in an `f32`.
    #[error("row {row} has length {length:e}, too long for {metric} distances in 32 bits")]
    TooLong {
        /// The row, from 0.
        row: usize,
        /// Its Euclidean length.
        length: f64,
        /// The metric that was asked for.
        metric: Metric,
    },
    /// `k` is zero, or there are not `k` other rows.
    #[error("k is {k}, but each row has {others} others")]
    K {
        /// How many neighbors were asked for.
        k: usize,
        /// How many there are.
        others: usize,
    },
    /// A query, a member or a list of it does not fit the points.
    #[error("row {row} was asked for, but there are {n}")]
    NoSuchRow {
        /// The row asked for.
        row: usize,
        /// How many rows there are.
        n: usize,
    },
    /// A row was named twice where each may stand once.
    #[error("row {row} is named twice where each may stand once")]
    NamedTwice {
        /// The row.
        row: usize,
    },
    /// One list should be as long as another.
    #[error("{what}: {found} values where {expected} belong")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// No such metric.
    #[error("unknown metric {name:?}")]
    UnknownMetric {
        /// The name given.
        name: String,
    },
    /// No such margin.
    #[error("unknown margin {name:?}")]
    UnknownMargin {
        /// The name given.
        name: String,
    },
    /// No such kernel.
    #[error("unknown kernel {name:?}")]
    UnknownKernel {
        /// The name given.
        name: String,
    },
    /// The kernel asked for needs instructions that this machine does not have.
    #[error("kernel {name} needs {needs}, which this machine does not have")]
    KernelMissing {
        /// The kernel.
        name: &'static str,
        /// The instructions it needs.
        needs: &'static str,
    },
    /// The caller's watch said stop.
    #[error("the search was cancelled")]
    Cancelled,
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Shape { .. }
            | Error::Length { .. }
            | Error::NoSuchRow { .. }
            | Error::NamedTwice { .. }
            | Error::Cancelled => {
                return None;
            }
            Error::TooManyRows { .. } => "split the rows into several searches".into(),
            Error::NotFinite { .. } => "drop the row, or look at what wrote it".into(),
            Error::ZeroRow { .. } => "drop the row, or use the metric l2".into(),
            Error::TooLong { .. } => "scale all rows down by one factor".into(),
            Error::K { others, .. } => format!("ask for 1 to {others}"),
            Error::UnknownMargin { .. } => "use guaranteed or fast".into(),
            Error::UnknownMetric { .. } => "use cosine, l2 or ip".into(),
            Error::UnknownKernel { .. } => {
                "set SKERRY_KERNEL to amx, vnni, avx2 or portable, or leave it unset".into()
            }
            Error::KernelMissing { .. } => {
                "leave SKERRY_KERNEL unset for the best kernel this machine has".into()
            }
        })
    }
}
