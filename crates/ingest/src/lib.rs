//! The first stage: reads a table of texts and says what it found.
//!
//! CSV, TSV, JSON lines, JSON, Parquet, Arrow or plain lines; one file, many, a pattern, standard input; gzip and
//! zstd. What cannot be read is an error with file, line and remedy, or a repair that was asked for and is counted.
//! Out come `documents.parquet` and, where asked for, `duplicates.parquet` and `embeddings.parquet`.
//!
//! The steps, each a module: sources are opened ([`source`]), decoded ([`encoding`]) and parsed ([`formats`]) into
//! columns of a [`table`]; types are found over all rows ([`types`]); the text of each row is put together ([`text`]);
//! rows are chosen ([`condition`], [`select`]). Memory is some three times the size of the uncompressed source, its bytes, its cells and
//! the texts made of them: 304 MiB for a CSV of 100 MB, 416 MiB where one cell holds all of it.

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
