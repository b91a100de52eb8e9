//! What was read, counted.

use std::fmt;

use artifacts::Intake;
use serde::Serialize;

use crate::names::{Renamed, some};

/// How many row numbers a list in the report holds at most; the count beside it is always whole.
pub(crate) const LISTED: usize = 1_000;

/// What the stage did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Sources that were read.
    pub sources: usize,
    /// Rows in them, bad ones too.
    pub rows: usize,
    /// Rows that could not be read and were left out.
    pub bad: usize,
    /// The first of them, as row numbers of the source.
    pub bad_rows: Vec<i64>,
    /// Lines with nothing on them, which are no rows.
    pub blank_lines: u64,
    /// Byte sequences that were no text and were replaced.
    pub replaced_bytes: u64,
    /// Rows that the predicate left out.
    pub filtered: usize,
    /// Rows without a text, left out.
    pub without_text: usize,
    /// The first of them, as row numbers of the source.
    pub without_text_rows: Vec<i64>,
    /// Cells of texts and of numbers that held a word for "no value" and count as empty.
    pub null_words: usize,
    /// Rows left out by the sample or the limit, with the copies of their texts.
    pub not_drawn: usize,
    /// Rows whose text an earlier document has: collapsed into it, or standing beside it.
    pub duplicates: usize,
    /// Whether they were collapsed.
    pub collapsed: bool,
    /// Documents that were written.
    pub documents: usize,
    /// The columns that make up the text.
    pub text: Vec<String>,
    /// Texts in which entities were decoded.
    pub decoded: usize,
    /// The other columns, as they were written.
    pub columns: Vec<ColumnReport>,
    /// Columns that are stored as another kind of thing than they were.
    pub converted: Vec<Converted>,
    /// Columns that got another name.
    pub renamed: Vec<Renamed>,
    /// Columns that were left out because a table cannot show them: vectors that were not asked for, raw bytes.
    pub left_out: Vec<String>,
    /// Dimension of the vectors that were taken.
    pub dimensions: Option<usize>,
}

impl Report {
    /// What became of the rows.
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

/// A column that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnReport {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub kind: String,
}

/// A column that is stored as another kind of thing than it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Its name in the source.
    pub column: String,
    /// Its type in the source.
    pub from: String,
    /// What it is stored as.
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
            count(self.documents, "document"),
            count(self.rows, "row"),
            count(self.sources, "source"),
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
            "blank lines, passed over",
            &[],
        )?;
        line(
            usize::try_from(self.replaced_bytes).unwrap_or(usize::MAX),
            "faulty byte sequences, replaced",
            &[],
        )?;
        line(self.filtered, "rows that --where left out", &[])?;
        line(
            self.without_text,
            "rows without a text, left out",
            &self.without_text_rows,
        )?;
        line(
            self.null_words,
            "cells with a word for \"no value\", taken as empty",
            &[],
        )?;
        line(self.decoded, "texts with decoded entities", &[])?;
        line(
            self.not_drawn,
            "rows that --sample or --limit left out",
            &[],
        )?;
        let fate = if self.collapsed {
            "collapsed"
        } else {
            "kept (--dedup collapses them)"
        };
        line(
            self.duplicates,
            &format!("rows that repeat an earlier text, {fate}"),
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
                "  {} stored otherwise than in the source: {}",
                count(converted.len(), "column"),
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

fn count(n: usize, thing: &str) -> String {
    if n == 1 {
        format!("1 {thing}")
    } else {
        format!("{} {thing}s", stage::thousands(n))
    }
}
