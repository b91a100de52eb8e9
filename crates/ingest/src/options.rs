//! Options of the stage.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::condition::Engine;
use crate::formats::{Format, OnBadRow, Quote};

/// Settings that determine the documents.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Columns that make up the text, each on its own line [default: detected by their names]
    ///
    /// May be given several times. Put a name that contains a comma in double quotes: '"the, title"'.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    #[serde(deserialize_with = "crate::names::unquoted")]
    pub text: Vec<String>,
    /// Compose the text from a template instead: "{title}\n{description}"
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// Other columns to keep, written like those of --text [default: all]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    #[serde(deserialize_with = "crate::names::unquoted")]
    pub columns: Vec<String>,
    /// Use the vectors in this column instead of embedding the texts
    #[arg(long, value_name = "COLUMN")]
    pub vectors: Option<String>,
    /// Keep the rows that meet this SQL condition: "year >= 2020 AND lang = 'en'"
    ///
    /// The condition may use all columns of the source. Put dates in quotes, "date >= '2025-03-01'"; a date without a
    /// time zone is UTC if the column has time zones.
    #[arg(long = "where", value_name = "SQL")]
    pub r#where: Option<String>,
    /// Engine that evaluates --where
    #[arg(long, default_value = "arrow")]
    pub where_engine: Engine,
    /// Collapse rows with the same text into one
    ///
    /// The column `copies` holds the number of rows, duplicates.parquet the rows themselves.
    #[arg(long)]
    pub dedup: bool,
    /// Keep a random sample of N documents, in the order of the source
    ///
    /// The seed determines the sample.
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Keep at most the first N documents
    ///
    /// With --sample, the first N of the sample.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Format of the sources [default: by file extension]
    #[arg(long)]
    pub format: Option<Format>,
    /// Field delimiter of CSV files, a character or "tab" [default: detected]
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// Quoting style of CSV files
    #[arg(long, default_value = "double")]
    pub quote: Quote,
    /// Read the first line of a CSV file as data, not as a header
    ///
    /// The columns are named `column_1`, `column_2` and so on.
    #[arg(long)]
    pub no_header: bool,
    /// Encoding of text files: utf-8, lossy, latin1, utf-16le, gb18030 ...
    ///
    /// `lossy` is UTF-8 in which invalid bytes are replaced and counted.
    #[arg(long, default_value = "utf-8")]
    pub encoding: String,
    /// Action on rows that cannot be read
    ///
    /// Such a row has too many fields, faulty quotes, faulty JSON or invalid UTF-8.
    #[arg(long, default_value = "error")]
    pub on_bad_row: OnBadRow,
    /// Words that mean "no value" as the whole cell of a text or a number
    #[arg(long, value_name = "WORD,...", value_delimiter = ',', default_value = crate::types::NULL_WORDS)]
    pub null_values: Vec<String>,
    /// Decode HTML entities (&amp; &#39;) in the texts [default: keep the texts as they are]
    #[arg(long)]
    pub decode_entities: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            template: None,
            columns: Vec::new(),
            vectors: None,
            r#where: None,
            where_engine: Engine::Arrow,
            dedup: false,
            sample: None,
            limit: None,
            format: None,
            delimiter: None,
            quote: Quote::Double,
            no_header: false,
            encoding: "utf-8".to_owned(),
            on_bad_row: OnBadRow::Error,
            null_values: crate::types::NULL_WORDS
                .split(',')
                .map(str::to_owned)
                .collect(),
            decode_entities: false,
        }
    }
}
