//! The stage: reads the sources, writes the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, LargeStringArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use artifacts::{Documents, DocumentsFacts, Embeddings};
use stage::{File, Files, NoLocal, Progress, Seed, Stage};

use crate::choose::{Kept, MIN_DOCUMENTS, choose};
use crate::convert::{floats, strings, to_text, type_name};
use crate::formats::Kind;
use crate::names::{Renamed, cut_at_comma, nearest, some, unreserved};
use crate::read::{given_delimiter, read_all};
use crate::source::{self, Source};
use crate::table::{Column, Table, stored};
use crate::text::{Recipe, found_by_name};
use crate::types::{infer_type, is_null_word, type_of};
use crate::{ColumnReport, Error, Options, Report, vectors};

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
            help: "the document that represents each collapsed row, with --dedup",
        },
        File {
            name: "embeddings",
            file: "embeddings.parquet",
            required: false,
            help: "the vectors of the source, with --vectors",
        },
    ];
    const SOURCES: Option<&'static str> = Some(
        "Files, quoted glob patterns, or - for standard input; gzip and zstd are decompressed",
    );
    const SHORT_HELP: &'static [&'static str] =
        &["text", "template", "where", "limit", "dedup", "vectors"];

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
        options: &Options,
        _: &NoLocal,
    ) -> Result<BTreeMap<String, String>, Error> {
        source::fingerprints(&source::expand(files.sources())?, options.format)
    }

    fn check(options: &Options, _: &NoLocal) -> Result<(), Error> {
        if !options.text.is_empty() && options.template.is_some() {
            return Err(Error::TextTwice);
        }
        if let Some(template) = &options.template {
            Recipe::template(template)?;
        }
        if let Some(delimiter) = &options.delimiter {
            given_delimiter(delimiter)?;
        }
        options.where_engine.check()?;
        for (option, given) in [("--sample", options.sample), ("--limit", options.limit)] {
            if let Some(given) = given.filter(|&given| given < MIN_DOCUMENTS) {
                return Err(Error::Limit { option, given });
            }
        }
        Ok(())
    }

    fn run(
        files: &Files,
        options: &Options,
        local: &NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        Self::check(options, local)?;
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
        for source in &sources {
            if let Source::File(path) = source
                && let Some(output) = files.written_to(path, Self::OUTPUTS)
            {
                return Err(Error::ReadAndWritten {
                    path: path.clone(),
                    output: output.name,
                });
            }
        }
        let mut report = Report {
            sources: sources.len(),
            collapsed: options.dedup,
            ..Report::default()
        };
        let mut table = read_all(&sources, options, &mut report, progress)?;
        let recipe = recipe(&table, options, progress)?;
        report.text = recipe.columns();
        let parts = text_parts(&table, &recipe)?;
        infer_types(&mut table, options, &mut report);
        let kept = choose(&table, &recipe, &parts, options, seed, &mut report)?;
        drop(parts);

        let mut footer = stage::footer::<Self>(options, seed);
        footer.inputs = Self::fingerprints(files, options, local)?;
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
            footer.set_facts(&DocumentsFacts {
                intake: Some(report.intake()),
                text: Some(report.text.clone()),
            });
            documents.write(path, &footer)?;
        }
        Ok(report)
    }
}

/// The text recipe of the options, or one detected by the column names.
fn recipe(table: &Table, options: &Options, progress: &dyn Progress) -> Result<Recipe, Error> {
    let names = table.names();
    let (recipe, option) = if let Some(template) = &options.template {
        (Recipe::template(template)?, "--template")
    } else if options.text.is_empty() {
        let fits = |i: usize| is_text(&table.columns[i], options);
        let columns = found_by_name(&names, fits).ok_or_else(|| {
            let empty = found_by_name(&names, |i| is_empty(&table.columns[i], options));
            match empty.filter(|_| !(0..names.len()).any(fits)) {
                Some(columns) => Error::AllEmpty { columns },
                None => Error::NoTextColumn {
                    columns: some(&names),
                },
            }
        })?;
        progress.note(&format!(
            "the text is made of {} (detected by name; override with --text)",
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
                columns: some(&names),
                nearest: cut_at_comma(wanted, &names)
                    .or_else(|| nearest(wanted, &names))
                    .map(str::to_owned),
            });
        }
    }
    Ok(recipe)
}

/// Whether a column has no values.
fn is_empty(column: &Column, options: &Options) -> bool {
    match strings(&column.values) {
        Some(cells) => cells.iter().flatten().all(|cell| !has_value(cell, options)),
        None => column.values.null_count() == column.values.len(),
    }
}

/// Whether a cell has a value, other than blanks or a word for "no value".
fn has_value(cell: &str, options: &Options) -> bool {
    let cell = cell.trim();
    !cell.is_empty() && !is_null_word(cell, &options.null_values)
}

/// Whether a column holds plain strings.
fn is_text(column: &Column, options: &Options) -> bool {
    let Some(strings) = strings(&column.values) else {
        return false;
    };
    column.kind != Kind::Nested
        && strings
            .iter()
            .flatten()
            .any(|cell| has_value(cell, options))
        && type_of(&column.name, strings, column.kind, &options.null_values).is_none()
}

/// The columns of the text as strings, as the source has them.
fn text_parts(table: &Table, recipe: &Recipe) -> Result<Vec<LargeStringArray>, Error> {
    let part = |name: &String| {
        let column = table
            .find(name)
            .expect("the recipe's columns were looked up");
        let fail = |fault: String| Error::Column {
            column: name.clone(),
            fault,
        };
        if column.kind == Kind::Vectors {
            return Err(fail("it holds vectors, not text".to_owned()));
        }
        let Some(floats) = floats(&column.values) else {
            return to_text(&column.values).map_err(fail);
        };
        // NaN counts as no text.
        let cells = floats.iter().map(|value| {
            value
                .filter(|value| !value.is_nan())
                .map(|value| value.to_string())
        });
        Ok(cells.collect())
    };
    recipe.columns().iter().map(part).collect()
}

/// Infers the type of every column of strings.
fn infer_types(table: &mut Table, options: &Options, report: &mut Report) {
    for column in &mut table.columns {
        if let Some(strings) = strings(&column.values)
            && options.vectors.as_ref() != Some(&column.name)
        {
            let strings = strings.clone();
            let inferred = infer_type(&column.name, strings, column.kind, &options.null_values);
            column.values = inferred.values;
            report.null_words += inferred.nulled;
        }
    }
}

fn take_vectors(table: &Table, name: &str, kept: &Kept) -> Result<Embeddings, Error> {
    let column = table.find(name).expect("the column was looked up");
    let found =
        vectors::gather(&column.values, column.kind, &kept.rows).map_err(|fault| match fault {
            vectors::Fault::NoVectors => Error::NoVectors {
                column: name.to_owned(),
                found: type_name(column.values.data_type()),
            },
            vectors::Fault::Row { place, fault } => Error::Vector {
                column: name.to_owned(),
                row: table.source_row[kept.rows[place] as usize],
                fault,
            },
            vectors::Fault::Numbers(fault) => Error::Column {
                column: name.to_owned(),
                fault,
            },
        })?;
    Ok(Embeddings::new(found.d, found.values))
}

/// The other columns: those selected, without the vectors, and without a column that is the text.
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
        if column.kind == Kind::Vectors || vectors::spells_vectors(&column.values) {
            progress.note(&format!(
                "column {0} holds vectors and is left out; use them with --vectors {0}",
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
    let (names, renamed) = unreserved(&given, is_reserved);
    for Renamed { from, to } in &renamed {
        progress.note(&format!(
            "column {from} has a reserved name and becomes {to}"
        ));
    }
    report.renamed.extend(renamed);
    report
        .converted
        .retain(|converted| given.contains(&converted.column));
    if !report.converted.is_empty() {
        let converted: Vec<String> = report.converted.iter().map(ToString::to_string).collect();
        progress.note(&format!(
            "stored with another type than in the source: {}",
            some(&converted)
        ));
    }
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (column, name) in columns.into_iter().zip(names) {
        let fail = |fault: String| Error::Column {
            column: column.name.clone(),
            fault,
        };
        let array = stored(&column.values, &kept.rows).map_err(fail)?;
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
    let text = kept.texts.into_array();
    Ok(Documents {
        text,
        source_row,
        copies: kept.copies,
        columns,
    })
}

/// Whether the name is reserved. Not case-sensitive, because many readers do not distinguish `ID` from `id`.
fn is_reserved(name: &str) -> bool {
    let layer = |name: &str| {
        let number = name.to_ascii_lowercase();
        let number = number.strip_prefix("cluster_l").map(str::to_owned);
        number.is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    artifacts::RESERVED
        .iter()
        .any(|ours| ours.eq_ignore_ascii_case(name))
        || layer(name)
}
