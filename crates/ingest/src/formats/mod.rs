//! The formats a table may come in.
//!
//! The text formats are parsed here, into columns of strings whose types are found later, over all rows
//! ([`crate::types`]). Parquet and Arrow are read with the types they have.

pub mod binary;
pub mod csv;
pub mod json;
pub mod lines;
pub mod nested;

use std::sync::Arc;

use arrow::array::{ArrayRef, LargeStringBuilder};

pub use csv::Quote;

/// A format of input.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Comma-separated values; other delimiters are detected
    Csv,
    /// Tab-separated values
    Tsv,
    /// JSON lines: one object per line
    Jsonl,
    /// JSON: an array of objects
    Json,
    /// Parquet
    Parquet,
    /// Arrow IPC, file or stream; Feather 2
    Arrow,
    /// Plain text: one text per line
    Lines,
}

impl Format {
    /// The format that the name of a file speaks of, `.gz` and `.zst` left aside.
    pub fn of_name(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        let plain = [".gz", ".gzip", ".zst", ".zstd"]
            .iter()
            .find_map(|end| lower.strip_suffix(end))
            .unwrap_or(&lower);
        let (_, extension) = plain.rsplit_once('.')?;
        Some(match extension {
            "csv" => Self::Csv,
            "tsv" | "tab" => Self::Tsv,
            "jsonl" | "ndjson" => Self::Jsonl,
            "json" => Self::Json,
            "parquet" | "pq" => Self::Parquet,
            "arrow" | "arrows" | "ipc" | "feather" => Self::Arrow,
            "txt" => Self::Lines,
            _ => return None,
        })
    }

    /// Its name, as `--format` has it.
    pub fn name(self) -> String {
        let value = clap::ValueEnum::to_possible_value(&self).expect("no format is hidden");
        value.get_name().to_owned()
    }

    /// The binary format that `bytes` begin like.
    pub fn of_magic(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PAR1") {
            Some(Self::Parquet)
        } else if bytes.starts_with(b"ARROW1") {
            Some(Self::Arrow)
        } else {
            None
        }
    }

    /// Whether it is text, in some encoding.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Parquet | Self::Arrow)
    }
}

/// A decoded text, and where bytes in it were none.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The text.
    pub text: &'a str,
    /// Where in it U+FFFD stands for bytes that are no text, rising. The rows they are in cannot be read.
    pub faults: &'a [usize],
    /// Is told, row by row, how many bytes of it are read.
    pub read: &'a dyn Fn(usize),
}

impl Text<'_> {
    /// Where `piece` of the text begins in it.
    fn place(self, piece: &str) -> usize {
        piece.as_ptr() as usize - self.text.as_ptr() as usize
    }

    /// Whether there is a fault in this piece of the text.
    fn is_faulty(self, piece: &str) -> bool {
        if self.faults.is_empty() {
            return false;
        }
        let start = self.place(piece);
        let next = self.faults.partition_point(|&fault| fault < start);
        self.faults
            .get(next)
            .is_some_and(|&fault| fault < start + piece.len())
    }
}

/// What to do with a row that cannot be read.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum OnBadRow {
    /// Stop with an error that names the row
    #[default]
    Error,
    /// Leave the row out, count it and list it
    Skip,
}

/// A row that cannot be read, and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A quote is opened and never closed.
    OpenQuote,
    /// A quoted field goes on after its closing quote.
    AfterQuote {
        /// Whether a backslash stands before that quote.
        backslash: bool,
    },
    /// Too many or too few fields.
    Fields {
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// No JSON, by the parser's word.
    Json(String),
    /// No JSON, and nothing like it.
    Foreign(String),
    /// JSON, but no object.
    NoObject(&'static str),
    /// JSON, but no array of rows.
    NoArray {
        /// What it is.
        found: &'static str,
        /// The key that an array stands under, where it is an object.
        rows: Option<String>,
    },
    /// Bytes that are no text.
    Bytes,
    /// A key that stands twice in one object.
    Twice(String),
    /// So many keys that the table would be empty for the most part, and too large.
    Keys(usize),
}

/// What is known of the types in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// No value yet.
    #[default]
    Empty,
    /// Words whose type must be found: a delimited file, or the numbers of a JSON file.
    Words,
    /// Strings that were marked as such: only dates are looked for.
    Strings,
    /// Arrays and objects, kept as JSON.
    Nested,
    /// Values of several kinds, kept as they are written.
    Mixed,
    /// Values with a type of their own.
    Typed,
    /// Lists of floats.
    Vectors,
}

impl Kind {
    /// What is known after seeing `other` too.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (a, b) if a == b => a,
            _ => Self::Mixed,
        }
    }
}

/// A column of strings that grows.
pub struct Cells {
    /// The column's name, empty if it has none.
    pub name: String,
    /// What its strings are.
    pub kind: Kind,
    values: LargeStringBuilder,
    len: usize,
}

impl Cells {
    /// An empty column.
    pub fn new(name: String) -> Self {
        Self {
            name,
            kind: Kind::Empty,
            values: LargeStringBuilder::new(),
            len: 0,
        }
    }

    /// Adds a cell of a delimited file.
    pub fn push(&mut self, value: Option<&str>) {
        self.kind = Kind::Words;
        self.values.append_option(value);
        self.len += 1;
    }

    /// Adds a value of `kind` in `row`; rows that were left out since the last are null.
    pub fn set(&mut self, row: usize, kind: Kind, value: Option<&str>) {
        self.fill(row);
        self.kind = self.kind.with(kind);
        self.values.append_option(value);
        self.len += 1;
    }

    /// Adds nulls until there are `rows` cells.
    pub fn fill(&mut self, rows: usize) {
        while self.len < rows {
            self.values.append_null();
            self.len += 1;
        }
    }

    /// The column.
    pub fn finish(mut self) -> ArrayRef {
        Arc::new(self.values.finish())
    }
}

/// A table of strings as it was parsed.
#[derive(Default)]
pub struct Parsed {
    /// The columns.
    pub columns: Vec<Cells>,
    /// For each row its number in the source.
    pub source_row: Vec<i64>,
    /// Numbers of the rows that could not be read and were left out.
    pub skipped: Vec<i64>,
    /// Lines with nothing on them, which are no rows.
    pub blank_lines: u64,
}

impl Parsed {
    /// A table of one column.
    pub fn single(name: &str, values: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let values: Vec<_> = values.collect();
        let mut cells = Cells::new(name.to_owned());
        for value in &values {
            cells.push(Some(value.as_ref()).filter(|value| !value.is_empty()));
        }
        cells.kind = Kind::Strings;
        Self {
            source_row: (0..values.len() as i64).collect(),
            columns: vec![cells],
            ..Self::default()
        }
    }
}
