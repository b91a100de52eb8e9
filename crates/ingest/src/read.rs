//! Reads the sources into one table: open, decode, parse, concatenate.

use std::cell::Cell;

use stage::Progress;

use crate::encoding::{self, Decoded};
use crate::formats::{Format, OnBadRow, Parsed, Text, binary, csv, json, lines};
use crate::names::{Renamed, distinct, some};
use crate::report::{Converted, LISTED};
use crate::source::Source;
use crate::table::{Column, Table};
use crate::{Error, Options, Report};

/// Reads all sources into one table.
pub(crate) fn read_all(
    sources: &[Source],
    options: &Options,
    report: &mut Report,
    progress: &dyn Progress,
) -> Result<Table, Error> {
    let mut table = Table::default();
    let sizes: Vec<u64> = sources.iter().map(Source::size).collect();
    progress.begin("reading", Some(sizes.iter().sum()), "bytes");
    for (source, size) in sources.iter().zip(sizes) {
        let reading = Reading::new(size, progress);
        let (part, rows) = read(source, options, report, &reading)?;
        reading.ends();
        let offset = report.rows as i64;
        report.rows += rows;
        let (above, below) = table
            .append(part, offset)
            .map_err(|(column, fault)| Error::Column { column, fault })?;
        if !above.is_empty() {
            progress.warn(&format!(
                "{source} has columns that earlier sources lack, where they are empty: {}",
                some(&above)
            ));
        }
        if !below.is_empty() {
            progress.warn(&format!(
                "{source} lacks columns of earlier sources, which are empty here: {}",
                some(&below)
            ));
        }
    }
    progress.end();
    if table.rows() == 0 {
        return Err(Error::NoRows {
            source_name: named(sources),
            columns: some(&table.names()),
        });
    }
    Ok(table)
}

/// Progress of reading one source, in stored bytes.
struct Reading<'a> {
    /// The size of the source.
    size: u64,
    /// Bytes reported so far.
    reported: Cell<u64>,
    progress: &'a dyn Progress,
}

impl<'a> Reading<'a> {
    fn new(size: u64, progress: &'a dyn Progress) -> Self {
        Self {
            size,
            reported: Cell::new(0),
            progress,
        }
    }

    /// Reports that `read` of the `whole` bytes of its text are read.
    fn reaches(&self, read: usize, whole: usize) {
        /// Number of progress reports per source.
        const PARTS: u64 = 1_000;
        let share = read as f64 / whole.max(1) as f64;
        let reached = ((self.size as f64 * share) as u64).min(self.size);
        if reached >= self.reported.get() + self.size / PARTS {
            self.tell(reached);
        }
    }

    fn ends(&self) {
        self.tell(self.size);
    }

    fn tell(&self, reached: u64) {
        self.progress
            .advance(reached - self.reported.replace(reached));
    }
}

fn named(sources: &[Source]) -> String {
    match sources {
        [only] => only.to_string(),
        several => format!("the input of {} sources", several.len()),
    }
}

/// Reads one source; also returns its number of rows, including skipped ones.
fn read(
    source: &Source,
    options: &Options,
    report: &mut Report,
    reading: &Reading<'_>,
) -> Result<(Table, usize), Error> {
    let progress = reading.progress;
    let format = source.format(options.format)?;
    if !format.is_text() {
        return read_binary(source, format, report, progress);
    }
    let source_name = || source.to_string();
    let bytes = source.bytes()?;
    if bytes.is_empty() {
        return Err(Error::Empty {
            source_name: source_name(),
        });
    }
    check_is_text(source, &bytes, options)?;
    let encoding_fault = |fault| Error::Encoding {
        source_name: source_name(),
        encoding: options.encoding.clone(),
        fault,
    };
    let Decoded {
        text,
        faults,
        announced,
    } = encoding::decode(
        bytes,
        &options.encoding,
        options.on_bad_row == OnBadRow::Skip,
    )
    .map_err(encoding_fault)?;
    if let Some(announced) = announced {
        progress.note(&format!(
            "{source} is read as {announced}, by its byte order mark"
        ));
    }
    // If replacing was requested, rows with replaced bytes are valid; otherwise they are bad.
    let faults: Vec<usize> = if encoding::is_lossy(&options.encoding) && !faults.is_empty() {
        report.replaced_bytes += faults.len() as u64;
        progress.warn(&format!(
            "{source}: {} invalid byte sequences were replaced by U+FFFD",
            faults.len()
        ));
        Vec::new()
    } else {
        faults
    };
    let whole = text.len();
    let text = Text {
        text: &text,
        faults: &faults,
        read: &|read| reading.reaches(read, whole),
    };
    if text.text.trim().is_empty() {
        return Err(Error::Empty {
            source_name: source_name(),
        });
    }
    let parsed = parse(source, format, text, options, progress)?;
    let rows = parsed.source_row.len() + parsed.skipped.len();
    if !parsed.skipped.is_empty() {
        progress.warn(&format!(
            "{source}: {} of {rows} rows could not be read and were left out",
            parsed.skipped.len()
        ));
    }
    report.bad += parsed.skipped.len();
    let offset = report.rows as i64;
    let room = LISTED - report.bad_rows.len();
    report
        .bad_rows
        .extend(parsed.skipped.iter().take(room).map(|row| row + offset));
    report.blank_lines += parsed.blank_lines;
    let (table, renamed) = Table::of(parsed);
    say_renamed(source, &renamed, progress);
    report.renamed.extend(renamed);
    Ok((table, rows))
}

fn say_renamed(source: &Source, renamed: &[Renamed], progress: &dyn Progress) {
    for Renamed { from, to } in renamed {
        if from.is_empty() {
            progress.note(&format!(
                "{source} has a column without a name, which becomes {to}"
            ));
        } else {
            progress.warn(&format!(
                "{source} has more than one column {from}; one becomes {to}"
            ));
        }
    }
}

/// Rejects binary data, so that the message is about the format and not about a byte.
fn check_is_text(source: &Source, bytes: &[u8], options: &Options) -> Result<(), Error> {
    // A few NUL bytes are faults of their lines.
    const FEW: usize = 10;
    let head = &bytes[..bytes.len().min(4096)];
    let marked = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let wide = marked
        || options.encoding.to_lowercase().contains("utf-16")
        || options.encoding.to_lowercase().contains("utf16");
    let found = if Format::of_magic(bytes) == Some(Format::Parquet) {
        "a Parquet file"
    } else if Format::of_magic(bytes) == Some(Format::Arrow) {
        "an Arrow file"
    } else if head.starts_with(b"PK\x03\x04") {
        "a ZIP archive"
    } else if !wide && memchr::memchr_iter(0, head).count() * FEW > head.len() {
        "UTF-16 or binary data"
    } else {
        return Ok(());
    };
    Err(Error::NoText {
        source_name: source.to_string(),
        found,
    })
}

fn parse(
    source: &Source,
    format: Format,
    text: Text<'_>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Parsed, Error> {
    let result = match format {
        Format::Csv | Format::Tsv => {
            let usual = if format == Format::Tsv { b'\t' } else { b',' };
            let delimiter = match &options.delimiter {
                Some(given) => {
                    let given = given_delimiter(given)?;
                    check_delimiter(source, text.text, given, options)?;
                    given
                }
                None => csv::delimiter(text.text, usual, options.quote),
            };
            if options.delimiter.is_none() && delimiter != usual {
                let shown = if delimiter == b'\t' {
                    "tabs".to_owned()
                } else {
                    format!("{:?}", char::from(delimiter))
                };
                progress.note(&format!("the fields of {source} are separated by {shown} (detected; override with --delimiter)"));
            }
            let dialect = csv::Dialect {
                delimiter,
                quote: options.quote,
                header: !options.no_header,
            };
            csv::read(text, dialect, options.on_bad_row)
        }
        // Many .json files are JSON lines.
        Format::Json if holds_an_object_a_line(text.text) => {
            progress.note(&format!(
                "{source} has one object per line and is read as JSON lines"
            ));
            json::lines(text, options.on_bad_row)
        }
        Format::Json => json::array(text, options.on_bad_row),
        Format::Jsonl => json::lines(text, options.on_bad_row),
        _ => lines::read(text, options.on_bad_row),
    };
    result.map_err(|bad| Error::Row {
        source_name: source.to_string(),
        line: bad.line,
        fault: bad.fault,
    })
}

fn holds_an_object_a_line(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    lines.next().is_some()
        && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(first).is_ok()
}

/// Rejects a delimiter that gives one column if another one gives more: whole rows would become texts.
fn check_delimiter(source: &Source, text: &str, given: u8, options: &Options) -> Result<(), Error> {
    match csv::better_delimiter(text, given, options.quote) {
        None => Ok(()),
        Some((found, columns)) => Err(Error::OtherDelimiter {
            source_name: source.to_string(),
            given: char::from(given),
            found: char::from(found),
            columns,
        }),
    }
}

/// The byte of `--delimiter`.
pub(crate) fn given_delimiter(given: &str) -> Result<u8, Error> {
    match given.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | b'\\') => Ok(byte),
        _ => Err(Error::Delimiter {
            given: given.to_owned(),
        }),
    }
}

fn read_binary(
    source: &Source,
    format: Format,
    report: &mut Report,
    progress: &dyn Progress,
) -> Result<(Table, usize), Error> {
    let name = if format == Format::Parquet {
        "Parquet"
    } else {
        "Arrow IPC"
    };
    let fail = |fault| Error::Binary {
        source_name: source.to_string(),
        format: name,
        fault,
    };
    let read = binary::read(format, source)?.map_err(fail)?;
    let rows = read.rows;
    let given: Vec<String> = read
        .schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let (names, renamed) = distinct(&given);
    say_renamed(source, &renamed, progress);
    report.renamed.extend(renamed);
    let mut table = Table {
        columns: Vec::new(),
        source_row: (0..rows as i64).collect(),
    };
    let fields = read.schema.fields().iter().zip(read.columns);
    for (name, (field, chunks)) in names.into_iter().zip(fields) {
        let from = field.data_type();
        let plain = binary::plain(from, chunks).map_err(|fault| Error::Column {
            column: name.clone(),
            fault,
        })?;
        match plain {
            binary::Plain::Column(values, kind) => {
                if let Some((from, to)) = binary::converted(from, values.data_type(), kind) {
                    let column = name.clone();
                    let converted = Converted { column, from, to };
                    if !report.converted.contains(&converted) {
                        report.converted.push(converted);
                    }
                }
                table.columns.push(Column { name, values, kind });
            }
            binary::Plain::Bytes => {
                progress.warn(&format!(
                    "column {name} of {source} holds binary data and is left out"
                ));
                report.left_out.push(name);
            }
        }
    }
    Ok((table, rows))
}
