//! The report of the stage.

use std::fmt;

use artifacts::Intake;
use serde::Serialize;
use stage::counted;

use crate::names::{Renamed, some};

/// Maximum number of row numbers in a list of the report; the counts are complete.
pub(crate) const LISTED: usize = 1_000;

/// Counts of the stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Number of sources.
    pub sources: usize,
    /// Number of rows, including bad ones.
    pub rows: usize,
    /// Number of rows that could not be read and were left out.
    pub bad: usize,
    /// Row numbers of the first of them in the source.
    pub bad_rows: Vec<i64>,
    /// Number of blank lines, which are not rows.
    pub blank_lines: u64,
    /// Number of invalid byte sequences that were replaced.
    pub replaced_bytes: u64,
    /// Number of rows left out by `--where`.
    pub filtered: usize,
    /// Number of rows without a text, which were left out.
    pub without_text: usize,
    /// Row numbers of the first of them in the source.
    pub without_text_rows: Vec<i64>,
    /// Number of cells with a word for "no value", which count as empty.
    pub null_words: usize,
    /// Number of rows left out by the sample or the limit, including their duplicates.
    pub not_drawn: usize,
    /// Number of rows with the text of an earlier document.
    pub duplicates: usize,
    /// Whether these were collapsed.
    pub collapsed: bool,
    /// Number of documents.
    pub documents: usize,
    /// The columns that make up the text.
    pub text: Vec<String>,
    /// Number of texts in which entities were decoded.
    pub decoded: usize,
    /// The other columns written.
    pub columns: Vec<ColumnReport>,
    /// Columns stored with another type than in the source.
    pub converted: Vec<Converted>,
    /// Renamed columns.
    pub renamed: Vec<Renamed>,
    /// Columns left out: unused vectors and binary data.
    pub left_out: Vec<String>,
    /// Number of dimensions of the vectors of `--vectors`.
    pub dimensions: Option<usize>,
}

impl Report {
    /// The counts for the facts of the file.
    pub fn intake(&self) -> Intake {
        Intake {
            rows: self.rows,
            documents: self.documents,
            bad: self.bad,
            filtered: self.filtered,
            without_text: self.without_text,
            not_drawn: self.not_drawn,
            duplicates: self.duplicates,
            collapsed: self.collapsed,
        }
    }
}

/// A written column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnReport {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub kind: String,
}

/// A column stored with another type than in the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Its name in the source.
    pub column: String,
    /// Its type in the source.
    pub from: String,
    /// Its stored type.
    pub to: String,
}

impl fmt::Display for Converted {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} ({} as {})", self.column, self.from, self.to)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(
            f,
            "{} of {} from {}, text from {}",
            counted(self.documents, "document"),
            counted(self.rows, "row"),
            counted(self.sources, "source"),
            self.text.join(" and "),
        )?;
        let mut line = |n: usize, what: &str, rows: &[i64]| {
            if n == 0 {
                Ok(())
            } else {
                writeln!(f, "  {}: {what}{}", stage::thousands(n), listed(rows, n))
            }
        };
        line(
            self.bad,
            "rows that could not be read, left out",
            &self.bad_rows,
        )?;
        line(
            usize::try_from(self.blank_lines).unwrap_or(usize::MAX),
            "blank lines, skipped",
            &[],
        )?;
        line(
            usize::try_from(self.replaced_bytes).unwrap_or(usize::MAX),
            "invalid byte sequences, replaced",
            &[],
        )?;
        line(self.filtered, "rows left out by --where", &[])?;
        line(
            self.without_text,
            "rows without a text, left out",
            &self.without_text_rows,
        )?;
        line(
            self.null_words,
            "cells with a word for \"no value\", treated as empty",
            &[],
        )?;
        line(self.decoded, "texts with decoded entities", &[])?;
        line(self.not_drawn, "rows left out by --sample or --limit", &[])?;
        let fate = if self.collapsed {
            "collapsed"
        } else {
            "kept (--dedup collapses them)"
        };
        line(
            self.duplicates,
            &format!("rows with the text of an earlier row, {fate}"),
            &[],
        )?;
        if !self.columns.is_empty() {
            let columns: Vec<String> = self
                .columns
                .iter()
                .map(|column| format!("{} ({})", column.name, column.kind))
                .collect();
            writeln!(f, "  columns kept: {}", some(&columns))?;
        }
        if !self.converted.is_empty() {
            let converted: Vec<String> = self.converted.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "  {} stored with another type than in the source: {}",
                counted(converted.len(), "column"),
                some(&converted)
            )?;
        }
        for Renamed { from, to } in &self.renamed {
            let from = if from.is_empty() {
                "without a name"
            } else {
                from
            };
            writeln!(f, "  column {from} is now {to}")?;
        }
        if !self.left_out.is_empty() {
            writeln!(f, "  columns left out: {}", some(&self.left_out))?;
        }
        if let Some(d) = self.dimensions {
            writeln!(f, "  vectors of {d} dimensions")?;
        }
        Ok(())
    }
}

fn listed(rows: &[i64], n: usize) -> String {
    const SHOWN: usize = 10;
    if rows.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = rows.iter().take(SHOWN).map(ToString::to_string).collect();
    let rest = if n > shown.len() { " ..." } else { "" };
    format!(
        " (source {} {}{rest})",
        if n == 1 { "row" } else { "rows" },
        shown.join(", ")
    )
}
