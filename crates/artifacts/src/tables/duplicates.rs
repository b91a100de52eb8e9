//! `duplicates.parquet`: which document stands for each collapsed row.

use crate::declare::table;

table! {
    /// For each row of the source that was collapsed, the document that it was collapsed into.
    Duplicates: "duplicates", version 1, by "ingest", "which document stands for each collapsed row (with `--dedup`)";
    {
        /// Row of the source that was collapsed.
        source_row: Vec<i64>,
        /// Document that it was collapsed into.
        id: Vec<i64>,
    }
}
