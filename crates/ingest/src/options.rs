//! What can be asked of the stage.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::formats::{Format, OnBadRow, Quote};

/// The options of `ingest`.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Columns that make up the text, each on a line of its own [default: found by their names]. May be given several
    /// times; a name with a comma stands in double quotes: '"the, title"'
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    #[serde(deserialize_with = "crate::names::unquoted")]
    pub text: Vec<String>,
    /// The text as a template instead: "{title}\n{description}"
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<String>,
    /// Other columns to keep, given like those of --text [default: all]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    #[serde(deserialize_with = "crate::names::unquoted")]
    pub columns: Vec<String>,
    /// Column of vectors to take instead of embedding the texts
    #[arg(long, value_name = "COLUMN")]
    pub vectors: Option<String>,
    /// Rows to keep: a condition in SQL over the columns of the source, "year >= 2020 AND lang = 'en'"; dates stand in
    /// quotes, "date >= '2025-03-01'", and are UTC without a zone where the column has zones
    #[arg(long = "where", value_name = "SQL")]
    pub r#where: Option<String>,
    /// Collapse rows with the same text into one; `copies` keeps their count, duplicates.parquet their rows
    #[arg(long)]
    pub dedup: bool,
    /// Keep this many documents, drawn by the seed, in the order of the source
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Keep the first documents, at most this many; with --sample, the first of those drawn
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Format of the sources [default: by the ending of their names]
    #[arg(long)]
    pub format: Option<Format>,
    /// Character between the fields of a CSV file, or "tab" [default: found]
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// What a quote means in a CSV file
    #[arg(long, default_value = "double")]
    pub quote: Quote,
    /// The first line of a CSV file is a row; columns are named `column_1`, `column_2` ...
    #[arg(long)]
    pub no_header: bool,
    /// Encoding of text files: utf-8, lossy (utf-8, faults replaced and counted), latin1, utf-16le, gb18030 ...
    #[arg(long, default_value = "utf-8")]
    pub encoding: String,
    /// What to do with a row that cannot be read: one of too many fields, of faulty quotes or JSON, or no UTF-8
    #[arg(long, default_value = "error")]
    pub on_bad_row: OnBadRow,
    /// Words that stand for "no value" when they are a whole cell of a text or a number
    #[arg(long, value_name = "WORD,...", value_delimiter = ',', default_value = crate::types::NULL_WORDS)]
    pub null_values: Vec<String>,
    /// Decode HTML entities (&amp; &#39;) in the texts [default: texts stay as they are in the source]
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
