//! Errors of a search.

use crate::Metric;

/// Why a search could not be made. `Display` states the fact, [`Error::hint`] the remedy. Of several faulty rows the first is
/// reported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The number of values is not a multiple of the dimension, or the dimension is zero.
    #[error("{values} values are not rows of {d} values each")]
    Shape {
        /// Number of values.
        values: usize,
        /// Values per row.
        d: usize,
    },
    /// There are more rows than 32-bit ids.
    #[error("{n} rows are more than 32-bit ids can number")]
    TooManyRows {
        /// Number of rows.
        n: usize,
    },
    /// A row holds NaN or an infinity.
    #[error("row {row} holds {value} at position {column}")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The position in the row, from 0.
        column: usize,
        /// The value.
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
        /// The metric of the search.
        metric: Metric,
    },
    /// `k` is zero or larger than the number of other rows.
    #[error("k is {k}, but each row has {others} other rows")]
    K {
        /// Number of neighbors per row.
        k: usize,
        /// Number of other rows.
        others: usize,
    },
    /// An id is not the number of a row.
    #[error("row {row} does not exist: there are {n} rows")]
    NoSuchRow {
        /// The id.
        row: usize,
        /// Number of rows.
        n: usize,
    },
    /// A row occurs twice in a list of distinct rows.
    #[error("row {row} occurs twice in a list of distinct rows")]
    RepeatedRow {
        /// The row.
        row: usize,
    },
    /// A list does not have the required length.
    #[error("{what}: {found} values instead of {expected}")]
    Length {
        /// What the list holds.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The required length.
        expected: usize,
    },
    /// No metric has this name.
    #[error("unknown metric {name:?}; the metrics are cosine, l2 and ip")]
    UnknownMetric {
        /// The name.
        name: String,
    },
    /// No kernel has this name.
    #[error("unknown kernel {name:?}")]
    UnknownKernel {
        /// The name.
        name: String,
    },
    /// The kernel needs instructions that this machine does not have.
    #[error("kernel {name} needs {needs}, which this machine does not have")]
    KernelMissing {
        /// The kernel.
        name: &'static str,
        /// The instructions that it needs.
        needs: &'static str,
    },
}

impl Error {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Shape { .. }
            | Error::Length { .. }
            | Error::NoSuchRow { .. }
            | Error::RepeatedRow { .. } => {
                return None;
            }
            Error::TooManyRows { .. } => "split the rows into several searches".into(),
            Error::NotFinite { .. } => "drop the row, or check the program that wrote it".into(),
            Error::ZeroRow { .. } => "drop the row, or use the metric l2".into(),
            Error::TooLong { .. } => "scale all rows down by one factor".into(),
            Error::K { others, .. } => format!("use 1 to {others}"),
            Error::UnknownMetric { .. } => "use cosine, l2 or ip".into(),
            Error::UnknownKernel { .. } => {
                "set SKERRY_KERNEL to amx, vnni, avx2 or portable, or leave it unset".into()
            }
            Error::KernelMissing { .. } => {
                "leave SKERRY_KERNEL unset for the best kernel of this machine".into()
            }
        })
    }
}
