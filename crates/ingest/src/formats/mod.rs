//! Input formats.
//!
//! Text formats are parsed into columns of strings, whose types are inferred later over all rows ([`crate::types`]). Parquet
//! and Arrow keep their types.

pub mod binary;
pub mod csv;
pub mod json;
pub mod lines;
pub mod nested;

use std::sync::Arc;

use arrow::array::{ArrayRef, LargeStringBuilder};

pub use csv::Quote;

/// Input format.
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
    /// The format by the file extension, ignoring `.gz` and `.zst`.
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

    /// Its name for `--format`.
    pub fn name(self) -> String {
        let value = clap::ValueEnum::to_possible_value(&self).expect("no format is hidden");
        value.get_name().to_owned()
    }

    /// The binary format by the first bytes.
    pub fn of_magic(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PAR1") {
            Some(Self::Parquet)
        } else if bytes.starts_with(b"ARROW1") {
            Some(Self::Arrow)
        } else {
            None
        }
    }

    /// Whether it is a text format.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Parquet | Self::Arrow)
    }
}

/// A decoded text, with the positions of invalid bytes.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// The text.
    pub text: &'a str,
    /// Positions of U+FFFD for invalid bytes, ascending. Rows that contain one cannot be read.
    pub faults: &'a [usize],
    /// Called after each row with the number of bytes read.
    pub read: &'a dyn Fn(usize),
}

impl Text<'_> {
    /// The offset of `piece` in the text.
    fn place(self, piece: &str) -> usize {
        piece.as_ptr() as usize - self.text.as_ptr() as usize
    }

    /// Whether this piece contains invalid bytes.
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

/// Action on rows that cannot be read.
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
    /// Its first line, from 1.
    pub line: u64,
    /// The fault.
    pub fault: Fault,
}

/// The fault of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A quote is opened but never closed.
    OpenQuote,
    /// A quoted field continues after its closing quote.
    AfterQuote {
        /// Whether a backslash precedes that quote.
        backslash: bool,
    },
    /// Too many or too few fields.
    Fields {
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Invalid JSON, with the message of the parser.
    Json(String),
    /// Not JSON at all.
    Foreign(String),
    /// JSON, but not an object.
    NoObject(&'static str),
    /// JSON, but not an array of objects.
    NoArray {
        /// The type found.
        found: &'static str,
        /// For an object, the key of an array in it.
        rows: Option<String>,
    },
    /// Bytes that are invalid in the encoding.
    Bytes,
    /// A key occurs twice in one object.
    Twice(String),
    /// Too many keys: the table would be large and mostly empty.
    Keys(usize),
}

/// The kind of values in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// No values.
    #[default]
    Empty,
    /// Strings whose type has to be inferred: a delimited file, or numbers of a JSON file.
    Words,
    /// JSON strings: only dates are inferred.
    Strings,
    /// Arrays and objects, as JSON text.
    Nested,
    /// Values of several kinds, kept as written.
    Mixed,
    /// Values with a type of their own.
    Typed,
    /// Lists of floats.
    Vectors,
}

impl Kind {
    /// The kind of a column with values of both kinds.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (a, b) if a == b => a,
            _ => Self::Mixed,
        }
    }
}

/// A builder for a column of strings.
pub struct Cells {
    /// The column's name, empty if it has none.
    pub name: String,
    /// The kind of its values.
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

    /// Adds a value of `kind` in `row`; skipped rows are null.
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

/// A parsed table of strings.
#[derive(Default)]
pub struct Parsed {
    /// The columns.
    pub columns: Vec<Cells>,
    /// For each row its number in the source.
    pub source_row: Vec<i64>,
    /// Numbers of the rows that could not be read and were skipped.
    pub skipped: Vec<i64>,
    /// Number of blank lines, which are not rows.
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
