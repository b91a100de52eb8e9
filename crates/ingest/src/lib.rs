//! The stage `ingest`: reads a table of texts and reports its content.
//!
//! Sources are CSV, TSV, JSON lines, JSON, Parquet, Arrow or plain lines; files, glob patterns or standard input; optionally
//! compressed with gzip or zstd. A row that cannot be read is an error with file, line and remedy; requested repairs are
//! counted. Writes `documents.parquet` and, on request, `duplicates.parquet` and `embeddings.parquet`.
//!
//! The steps, each a module: sources are opened ([`source`]), decoded ([`encoding`]) and parsed ([`formats`]) into columns of
//! a [`table`]; types are inferred over all rows ([`types`]); the text of each row is composed ([`text`]); rows are selected
//! ([`condition`], [`select`]). Memory is about three times the size of the uncompressed source (bytes, cells and texts): 304
//! MiB for a CSV of 100 MB, 416 MiB if one cell holds all of it.

mod choose;
pub mod condition;
mod convert;
pub mod encoding;
mod error;
pub mod formats;
pub mod names;
mod options;
mod read;
mod report;
mod run;
pub mod select;
pub mod source;
pub mod table;
pub mod text;
pub mod types;
pub mod vectors;

pub use error::Error;
pub use options::Options;
pub use report::{ColumnReport, Converted, Report};
pub use run::Ingest;
