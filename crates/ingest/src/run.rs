//! The stage itself: from the sources to the files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{LargeStringArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use artifacts::{Documents, Duplicates, Embeddings};
use polars::prelude::{ChunkedArray, DataType, IdxSize, Series, StringChunked};
use stage::{File, Files, NoLocal, Progress, Seed, Stage};

use crate::encoding::{self, Decoded};
use crate::formats::{Format, Kind, Parsed, binary, csv, json, lines};
use crate::names::{Renamed, nearest, unreserved};
use crate::report::LISTED;
use crate::source::{self, Source};
use crate::table::{Column, Table, to_arrow};
use crate::text::{Recipe, found_by_name};
use crate::types::{is_null_word, settle};
use crate::{ColumnReport, Error, Options, Report, entities, select, vectors};

/// The `ingest` stage.
#[derive(Debug, Clone, Copy)]
pub struct Ingest;

impl Stage for Ingest {
    const NAME: &'static str = "ingest";
    const ABOUT: &'static str =
        "Read a table of texts: CSV, TSV, JSON, JSON lines, Parquet, Arrow or plain lines";
    const PRODUCER: &'static str = concat!("skerry-ingest ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[];
    const OUTPUTS: &'static [File] = &[
        File {
            name: "documents",
            file: "documents.parquet",
            required: true,
            help: "the texts and the other columns",
        },
        File {
            name: "duplicates",
            file: "duplicates.parquet",
            required: false,
            help: "which document stands for each collapsed row, with --dedup",
        },
        File {
            name: "embeddings",
            file: "embeddings.parquet",
            required: false,
            help: "the vectors of the source, with --vectors",
        },
    ];
    const SOURCES: Option<&'static str> = Some(
        "Files, patterns of file names in quotes, or - for standard input; gzip and zstd are unpacked",
    );

    type Options = Options;
    type Local = NoLocal;
    type Report = Report;
    type Error = Error;

    fn writes(options: &Options) -> Vec<&'static str> {
        let optional = [
            ("duplicates", options.dedup),
            ("embeddings", options.vectors.is_some()),
        ];
        std::iter::once("documents")
            .chain(
                optional
                    .into_iter()
                    .filter(|(_, asked)| *asked)
                    .map(|(name, _)| name),
            )
            .collect()
    }

    fn fingerprints(
        files: &Files,
        _: &Options,
        _: &NoLocal,
    ) -> Result<BTreeMap<String, String>, Error> {
        Ok(BTreeMap::from([(
            "source".to_owned(),
            source::fingerprint(&source::expand(files.sources())?)?,
        )]))
    }

    fn run(
        files: &Files,
        options: &Options,
        _: &NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        if !options.text.is_empty() && options.template.is_some() {
            return Err(Error::TextTwice);
        }
        if let Some(column) = options
            .vectors
            .as_ref()
            .filter(|_| files.output("embeddings").is_none())
        {
            return Err(Error::NoPlace {
                column: column.clone(),
            });
        }
        let sources = source::expand(files.sources())?;
        let mut report = Report {
            sources: sources.len(),
            collapsed: options.dedup,
            ..Report::default()
        };
        let mut table = read_all(&sources, options, &mut report, progress)?;
        let recipe = recipe(&table, options, progress)?;
        report.text = recipe.columns();
        let parts = text_parts(&table, &recipe)?;
        settle_types(&mut table, options, &mut report);
        let kept = choose(&table, &recipe, &parts, options, seed, &mut report)?;
        drop(parts);

        let mut footer = stage::footer::<Self>(options, seed);
        footer.inputs = Self::fingerprints(files, options, &NoLocal {})?;
        if let (Some(name), Some(path)) = (&options.vectors, files.output("embeddings")) {
            let embeddings = take_vectors(&table, name, &kept)?;
            report.dimensions = Some(embeddings.dim());
            embeddings.write(path, &footer)?;
        }
        if let Some(path) = files.output("duplicates").filter(|_| options.dedup) {
            kept.duplicates.write(path, &footer)?;
        }
        if let Some(path) = files.output("documents") {
            let documents = documents(table, kept, &recipe, options, &mut report, progress)?;
            footer.fact("rows", report.rows);
            footer.fact("without_text", report.without_text);
            footer.fact("duplicates", report.duplicates);
            footer.fact("text", report.text.clone());
            documents.write(path, &footer)?;
        }
        Ok(report)
    }
}

/// Reads all sources into one table.
fn read_all(
    sources: &[Source],
    options: &Options,
    report: &mut Report,
    progress: &dyn Progress,
) -> Result<Table, Error> {
    let mut table = Table::default();
    progress.begin("reading", Some(sources.len() as u64), "sources");
    for source in sources {
        let (part, rows) = read(source, options, report, progress)?;
        let offset = report.rows as i64;
        report.rows += rows;
        let (above, below) = table
            .append(part, offset)
            .map_err(|(column, fault)| Error::Column { column, fault })?;
        if !above.is_empty() {
            progress.warn(&format!(
                "{source} has columns that earlier sources lack, empty there: {}",
                above.join(", ")
            ));
        }
        if !below.is_empty() {
            progress.warn(&format!(
                "{source} lacks columns of earlier sources, empty here: {}",
                below.join(", ")
            ));
        }
        progress.advance(1);
    }
    progress.end();
    if table.rows() == 0 {
        return Err(Error::NoRows {
            source_name: named(sources),
            columns: table.names().join(", "),
        });
    }
    Ok(table)
}

fn named(sources: &[Source]) -> String {
    match sources {
        [only] => only.to_string(),
        several => format!("the input of {} sources", several.len()),
    }
}

/// Reads one source, and how many rows it has with those left out.
fn read(
    source: &Source,
    options: &Options,
    report: &mut Report,
    progress: &dyn Progress,
) -> Result<(Table, usize), Error> {
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
        replaced,
        announced,
    } = encoding::decode(bytes, &options.encoding).map_err(encoding_fault)?;
    if let Some(announced) = announced {
        progress.note(&format!(
            "{source} says that it is in {announced}, and is read so"
        ));
    }
    if replaced > 0 {
        report.replaced_bytes += replaced;
        progress.warn(&format!(
            "{source}: {replaced} faulty byte sequences were replaced by U+FFFD"
        ));
    }
    let text = encoding::without_mark(&text);
    if text.trim().is_empty() {
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
                "{source} has a column without a name: it is called {to}"
            ));
        } else {
            progress.warn(&format!(
                "{source} has more than one column {from}: one is called {to}"
            ));
        }
    }
}

/// Refuses what cannot be text, so that the message is about the format and not about some byte.
fn check_is_text(source: &Source, bytes: &[u8], options: &Options) -> Result<(), Error> {
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
    } else if !wide && memchr::memchr(0, head).is_some() {
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
    text: &str,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Parsed, Error> {
    let result = match format {
        Format::Csv | Format::Tsv => {
            let usual = if format == Format::Tsv { b'\t' } else { b',' };
            let delimiter = match &options.delimiter {
                Some(given) => given_delimiter(given)?,
                None => csv::delimiter(text, usual, options.quote),
            };
            if options.delimiter.is_none() && delimiter != usual {
                let shown = if delimiter == b'\t' {
                    "tabs".to_owned()
                } else {
                    format!("{:?}", char::from(delimiter))
                };
                progress.note(&format!("the fields of {source} are separated by {shown} (found; --delimiter says otherwise)"));
            }
            let dialect = csv::Dialect {
                delimiter,
                quote: options.quote,
                header: !options.no_header,
            };
            csv::read(text, dialect, options.on_bad_row)
        }
        // Many files called .json hold an object a line.
        Format::Json if holds_an_object_a_line(text) => {
            progress.note(&format!(
                "{source} holds an object a line, and is read as JSON lines"
            ));
            json::lines(text, options.on_bad_row)
        }
        Format::Json => json::array(text, options.on_bad_row),
        Format::Jsonl => json::lines(text, options.on_bad_row),
        _ => Ok(lines::read(text)),
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

fn given_delimiter(given: &str) -> Result<u8, Error> {
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
    let frame = binary::read(format, source)?.map_err(fail)?;
    let rows = frame.height();
    let mut table = Table {
        columns: Vec::new(),
        source_row: (0..rows as i64).collect(),
    };
    for column in frame.into_columns() {
        let name = column.name().to_string();
        match binary::guard(|| binary::plain(column.as_materialized_series())).map_err(|fault| {
            Error::Column {
                column: name.clone(),
                fault,
            }
        })? {
            binary::Plain::Column(series, kind) => {
                table.columns.push(Column { name, series, kind })
            }
            binary::Plain::Bytes => {
                progress.warn(&format!(
                    "column {name} of {source} holds bytes that are no text: it is left out"
                ));
                report.left_out.push(name);
            }
        }
    }
    Ok((table, rows))
}

/// The recipe that was asked for, or the one that the names of the columns suggest.
fn recipe(table: &Table, options: &Options, progress: &dyn Progress) -> Result<Recipe, Error> {
    let names = table.names();
    let (recipe, option) = if let Some(template) = &options.template {
        (Recipe::template(template)?, "--template")
    } else if options.text.is_empty() {
        let found = found_by_name(&names, |i| is_text(&table.columns[i], options));
        let columns = found.ok_or_else(|| Error::NoTextColumn {
            columns: names.join(", "),
        })?;
        progress.note(&format!(
            "the text is made of {} (found by name; --text says otherwise)",
            columns.join(" and ")
        ));
        (Recipe::joined(&columns), "--text")
    } else {
        (Recipe::joined(&options.text), "--text")
    };
    for (wanted, option) in recipe
        .columns()
        .iter()
        .map(|column| (column, option))
        .chain(options.columns.iter().map(|column| (column, "--columns")))
        .chain(options.vectors.iter().map(|column| (column, "--vectors")))
    {
        if !names.contains(wanted) {
            return Err(Error::NoColumn {
                column: wanted.clone(),
                option,
                columns: names.join(", "),
                nearest: nearest(wanted, &names).map(str::to_owned),
            });
        }
    }
    Ok(recipe)
}

/// Whether a column holds strings that are nothing else, judged by its first values.
fn is_text(column: &Column, options: &Options) -> bool {
    const LOOKED_AT: usize = 1_000;
    if column.kind == Kind::Nested || *column.series.dtype() != DataType::String {
        return false;
    }
    let head = column.series.head(Some(LOOKED_AT));
    let Ok(strings) = head.str() else {
        return false;
    };
    let any = strings.iter().flatten().any(|cell| !cell.trim().is_empty());
    any && *settle(strings.clone(), column.kind, &options.null_values)
        .series
        .dtype()
        == DataType::String
}

/// The columns of the text as strings, as the source has them.
fn text_parts(table: &Table, recipe: &Recipe) -> Result<Vec<StringChunked>, Error> {
    let part = |name: &String| {
        let column = table
            .find(name)
            .expect("the recipe's columns were looked up");
        let fail = |fault: String| Error::Column {
            column: name.clone(),
            fault,
        };
        if column.kind == Kind::Vectors {
            return Err(fail("it holds vectors, no text".to_owned()));
        }
        let series = match column.series.dtype() {
            // Not a number is no text either.
            DataType::Float64 => {
                let floats = column
                    .series
                    .f64()
                    .map_err(|error| fail(error.to_string()))?;
                let cells = floats.iter().map(|value| {
                    value
                        .filter(|value| !value.is_nan())
                        .map(|value| value.to_string())
                });
                return Ok(cells.collect());
            }
            DataType::String => column.series.clone(),
            _ => column
                .series
                .cast(&DataType::String)
                .map_err(|error| fail(error.to_string()))?,
        };
        Ok(series
            .str()
            .map_err(|error| fail(error.to_string()))?
            .clone())
    };
    recipe.columns().iter().map(part).collect()
}

/// Gives every column that came as strings its type.
fn settle_types(table: &mut Table, options: &Options, report: &mut Report) {
    for column in &mut table.columns {
        if let Ok(strings) = column.series.str()
            && options.vectors.as_ref() != Some(&column.name)
        {
            let settled = settle(strings.clone(), column.kind, &options.null_values);
            column.series = settled.series;
            report.null_words += settled.nulled;
        }
    }
}

/// The rows that become documents, their texts, and what became of the others.
struct Kept {
    /// Rows of the table, rising.
    rows: Vec<IdxSize>,
    texts: Texts,
    copies: Option<Vec<i32>>,
    duplicates: Duplicates,
}

/// Texts one after the other.
#[derive(Default)]
struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    fn get(&self, place: usize) -> &str {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.bytes[start..self.ends[place]]
    }
}

/// Chooses the documents: those the predicate keeps, that have a text, one of each where asked, a sample, the first.
fn choose(
    table: &Table,
    recipe: &Recipe,
    parts: &[StringChunked],
    options: &Options,
    seed: Seed,
    report: &mut Report,
) -> Result<Kept, Error> {
    let holds = options
        .r#where
        .as_ref()
        .map(|predicate| select::where_holds(table, predicate))
        .transpose()?;
    let mut texts = Texts::default();
    let mut rows: Vec<IdxSize> = Vec::new();
    let mut cells: Vec<_> = parts.iter().map(ChunkedArray::iter).collect();
    let mut present: Vec<Option<Cow<str>>> = Vec::with_capacity(parts.len());
    for row in 0..table.rows() {
        present.clear();
        present.extend(
            cells
                .iter_mut()
                .map(|cells| cells.next().flatten().map(Cow::Borrowed)),
        );
        if holds.as_ref().is_some_and(|holds| !holds[row]) {
            report.filtered += 1;
            continue;
        }
        let mut decoded = false;
        for cell in &mut present {
            let Some(text) = cell.take().filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            if is_null_word(text.trim(), &options.null_values) {
                report.null_words += 1;
            } else if options.decode_entities
                && let Cow::Owned(plain) = entities::decode(&text)
            {
                decoded = true;
                *cell = Some(Cow::Owned(plain)).filter(|text: &Cow<str>| !text.trim().is_empty());
            } else {
                *cell = Some(text);
            }
        }
        let borrowed: Vec<Option<&str>> = present.iter().map(Option::as_deref).collect();
        if recipe.write(&borrowed, &mut texts.bytes) {
            texts.ends.push(texts.bytes.len());
            rows.push(row as IdxSize);
            report.decoded += usize::from(decoded);
        } else {
            report.without_text += 1;
            if report.without_text_rows.len() < LISTED {
                report.without_text_rows.push(table.source_row[row]);
            }
        }
    }

    let first = select::first_of_equals((0..rows.len()).map(|place| texts.get(place)));
    let mut places: Vec<usize> = (0..rows.len())
        .filter(|&place| !options.dedup || first[place] == place)
        .collect();
    let candidates = places.len();
    if let Some(count) = options.sample {
        let numbers: Vec<i64> = places
            .iter()
            .map(|&place| table.source_row[rows[place] as usize])
            .collect();
        places = select::sample(&numbers, count, seed)
            .into_iter()
            .map(|drawn| places[drawn])
            .collect();
    }
    places.truncate(options.limit.unwrap_or(usize::MAX));
    report.not_drawn = candidates - places.len();
    report.documents = places.len();
    if places.len() < 3 {
        return Err(Error::TooFew {
            documents: places.len(),
            rows: report.rows,
        });
    }

    let mut duplicates = Duplicates::default();
    let copies = options.dedup.then(|| {
        let mut id_of = vec![None; rows.len()];
        for (id, &place) in places.iter().enumerate() {
            id_of[place] = Some(id);
        }
        let mut copies = vec![1_i32; places.len()];
        for (place, &first) in first
            .iter()
            .enumerate()
            .filter(|&(place, &first)| first != place)
        {
            if let Some(id) = id_of[first] {
                copies[id] += 1;
                duplicates
                    .source_row
                    .push(table.source_row[rows[place] as usize]);
                duplicates.id.push(id as i64);
            }
        }
        report.duplicates = duplicates.id.len();
        copies
    });
    if !options.dedup {
        let mut seen = vec![false; rows.len()];
        report.duplicates = places
            .iter()
            .filter(|&&place| std::mem::replace(&mut seen[first[place]], true))
            .count();
    }
    if places.len() < rows.len() {
        let mut fewer = Texts::default();
        for &place in &places {
            fewer.bytes.push_str(texts.get(place));
            fewer.ends.push(fewer.bytes.len());
        }
        texts = fewer;
        rows = places.iter().map(|&place| rows[place]).collect();
    }
    Ok(Kept {
        rows,
        texts,
        copies,
        duplicates,
    })
}

fn take_vectors(table: &Table, name: &str, kept: &Kept) -> Result<Embeddings, Error> {
    let column = table.find(name).expect("the column was looked up");
    let found =
        vectors::gather(&column.series, column.kind, &kept.rows).map_err(|fault| match fault {
            vectors::Fault::NoVectors => Error::NoVectors {
                column: name.to_owned(),
                found: column.series.dtype().to_string(),
            },
            vectors::Fault::Row { place, fault } => Error::Vector {
                column: name.to_owned(),
                row: table.source_row[kept.rows[place] as usize],
                fault,
            },
            vectors::Fault::Polars(fault) => Error::Column {
                column: name.to_owned(),
                fault,
            },
        })?;
    Ok(Embeddings::new(found.d, found.values))
}

/// The other columns: those asked for, without the vectors, and without a text that is one column as it stands.
fn other_columns(
    table: Table,
    recipe: &Recipe,
    options: &Options,
    report: &mut Report,
    progress: &dyn Progress,
) -> Vec<Column> {
    let text = recipe.columns();
    let mut columns = Vec::new();
    for column in table.columns {
        let wanted = options.columns.is_empty() || options.columns.contains(&column.name);
        let is_the_text = recipe.is_plain() && text.contains(&column.name);
        if !wanted || is_the_text || options.vectors.as_ref() == Some(&column.name) {
            continue;
        }
        if column.kind == Kind::Vectors || vectors::spells_vectors(&column.series) {
            progress.note(&format!(
                "column {0} holds vectors and is left out; --vectors {0} takes them",
                column.name
            ));
            report.left_out.push(column.name);
            continue;
        }
        columns.push(column);
    }
    columns
}

fn documents(
    table: Table,
    kept: Kept,
    recipe: &Recipe,
    options: &Options,
    report: &mut Report,
    progress: &dyn Progress,
) -> Result<Documents, Error> {
    let n = kept.rows.len();
    let source_row = kept
        .rows
        .iter()
        .map(|&row| table.source_row[row as usize])
        .collect();
    let columns = other_columns(table, recipe, options, report, progress);
    let given: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let (names, renamed) = unreserved(&given, &artifacts::RESERVED, &["cluster_l"]);
    for Renamed { from, to } in &renamed {
        progress.note(&format!(
            "column {from} bears a name of ours: it is called {to}"
        ));
    }
    report.renamed.extend(renamed);
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (column, name) in columns.into_iter().zip(names) {
        let fail = |fault: String| Error::Column {
            column: column.name.clone(),
            fault,
        };
        let array = binary::guard(|| to_arrow(&take(&column.series, &kept.rows)?)).map_err(fail)?;
        report.columns.push(ColumnReport {
            name: name.clone(),
            kind: array.data_type().to_string(),
        });
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let size = RecordBatchOptions::new().with_row_count(Some(n));
    let columns = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &size)
        .expect("every column has as many rows as there are documents");
    let text = LargeStringArray::from_iter_values((0..n).map(|place| kept.texts.get(place)));
    Ok(Documents {
        text,
        source_row,
        copies: kept.copies,
        columns,
    })
}

/// The values of `rows`; the column itself where that is all of them.
fn take(series: &Series, rows: &[IdxSize]) -> polars::prelude::PolarsResult<Series> {
    if rows.len() == series.len() {
        Ok(series.clone())
    } else {
        series.take_slice(rows)
    }
}
