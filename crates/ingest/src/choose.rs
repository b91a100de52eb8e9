//! Selects the documents among the rows: filter, texts, duplicates, sample.

use std::borrow::Cow;

use arrow::array::LargeStringArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use artifacts::Duplicates;
use stage::Seed;

use crate::report::LISTED;
use crate::table::Table;
use crate::text::Recipe;
use crate::types::is_null_word;
use crate::{Error, Options, Report, condition, select};

/// Minimum number of documents for a map.
pub(crate) const MIN_DOCUMENTS: usize = 3;

/// The rows that become documents, their texts, and counts of the others.
pub(crate) struct Kept {
    /// Rows of the table, ascending.
    pub(crate) rows: Vec<u32>,
    /// Their texts.
    pub(crate) texts: Texts,
    /// Number of rows that each document represents, if duplicates are collapsed.
    pub(crate) copies: Option<Vec<i32>>,
    /// The document that represents each collapsed row.
    pub(crate) duplicates: Duplicates,
}

/// Concatenated texts with offsets, as in Arrow.
pub(crate) struct Texts {
    bytes: String,
    /// Start of each text, and end of the last one.
    bounds: Vec<i64>,
}

impl Texts {
    fn new() -> Self {
        Self {
            bytes: String::new(),
            bounds: vec![0],
        }
    }

    fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    fn get(&self, place: usize) -> &str {
        &self.bytes[self.bounds[place] as usize..self.bounds[place + 1] as usize]
    }

    /// Ends the current text.
    fn close(&mut self) {
        self.bounds.push(self.bytes.len() as i64);
    }

    fn pick(self, places: &[usize]) -> Self {
        if places.len() == self.len() {
            return self;
        }
        let mut picked = Self::new();
        for &place in places {
            picked.bytes.push_str(self.get(place));
            picked.close();
        }
        picked
    }

    /// The texts as a column, without a copy.
    pub(crate) fn into_array(self) -> LargeStringArray {
        let bounds = OffsetBuffer::new(ScalarBuffer::from(self.bounds));
        LargeStringArray::new(bounds, Buffer::from_vec(self.bytes.into_bytes()), None)
    }
}

/// Selects the documents: applies the filter, drops rows without text, and applies --dedup, --sample and --limit.
pub(crate) fn choose(
    table: &Table,
    recipe: &Recipe,
    parts: &[LargeStringArray],
    options: &Options,
    seed: Seed,
    report: &mut Report,
) -> Result<Kept, Error> {
    let holds = match &options.r#where {
        Some(sql) => {
            let engine = options.where_engine;
            Some(condition::holds_by(
                engine,
                table,
                sql,
                &options.null_values,
            )?)
        }
        None => None,
    };
    let (rows, texts) = with_text(table, recipe, parts, holds.as_deref(), options, report);
    let first = select::first_of_equals((0..texts.len()).map(|place| texts.get(place)));
    let source_row = |place: usize| table.source_row[rows[place] as usize];

    let mut places: Vec<usize> = (0..rows.len())
        .filter(|&place| !options.dedup || first[place] == place)
        .collect();
    if let Some(count) = options.sample {
        let numbers: Vec<i64> = places.iter().map(|&place| source_row(place)).collect();
        places = select::sample(&numbers, count, seed)
            .into_iter()
            .map(|drawn| places[drawn])
            .collect();
    }
    places.truncate(options.limit.unwrap_or(usize::MAX));
    report.documents = places.len();
    if places.len() < MIN_DOCUMENTS {
        return Err(Error::TooFew {
            documents: places.len(),
            rows: report.rows,
        });
    }

    let mut duplicates = Duplicates::default();
    let mut copies = None;
    if options.dedup {
        let (counts, collapsed) = collapse(&first, &places);
        report.duplicates = collapsed.len();
        copies = Some(counts);
        duplicates.source_row = collapsed
            .iter()
            .map(|&(place, _)| source_row(place))
            .collect();
        duplicates.id = collapsed.iter().map(|&(_, id)| id as i64).collect();
    } else {
        let mut seen = vec![false; rows.len()];
        report.duplicates = places
            .iter()
            .filter(|&&place| std::mem::replace(&mut seen[first[place]], true))
            .count();
    }
    let collapsed = if options.dedup { report.duplicates } else { 0 };
    report.not_drawn = rows.len() - places.len() - collapsed;
    let kept = places.iter().map(|&place| rows[place]).collect();
    Ok(Kept {
        rows: kept,
        texts: texts.pick(&places),
        copies,
        duplicates,
    })
}

/// The rows that pass the filter and have a text, with their texts.
fn with_text(
    table: &Table,
    recipe: &Recipe,
    parts: &[LargeStringArray],
    holds: Option<&[bool]>,
    options: &Options,
    report: &mut Report,
) -> (Vec<u32>, Texts) {
    let (mut rows, mut texts) = (Vec::new(), Texts::new());
    let mut columns: Vec<_> = parts.iter().map(LargeStringArray::iter).collect();
    let mut cells: Vec<Option<Cow<str>>> = Vec::with_capacity(parts.len());
    for row in 0..table.rows() {
        cells.clear();
        cells.extend(
            columns
                .iter_mut()
                .map(|column| column.next().flatten().map(Cow::Borrowed)),
        );
        if holds.is_some_and(|holds| !holds[row]) {
            report.filtered += 1;
            continue;
        }
        let mut decoded = false;
        for cell in &mut cells {
            let Some(text) = cell.take().filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            if is_null_word(text.trim(), &options.null_values) {
                report.null_words += 1;
            } else if options.decode_entities
                && let Cow::Owned(plain) = html_text::decode_entities(&text)
            {
                decoded = true;
                *cell = Some(Cow::Owned(plain)).filter(|text: &Cow<str>| !text.trim().is_empty());
            } else {
                *cell = Some(text);
            }
        }
        let present: Vec<Option<&str>> = cells.iter().map(Option::as_deref).collect();
        if recipe.write(&present, &mut texts.bytes) {
            texts.close();
            rows.push(row as u32);
            report.decoded += usize::from(decoded);
        } else {
            report.without_text += 1;
            if report.without_text_rows.len() < LISTED {
                report.without_text_rows.push(table.source_row[row]);
            }
        }
    }
    (rows, texts)
}

/// For each document (`places`) the number of rows that it represents, and for each collapsed row its place and its document.
/// Rows whose document is not in the sample are left out.
fn collapse(first: &[usize], places: &[usize]) -> (Vec<i32>, Vec<(usize, usize)>) {
    let mut id_of = vec![None; first.len()];
    for (id, &place) in places.iter().enumerate() {
        id_of[place] = Some(id);
    }
    let mut copies = vec![1; places.len()];
    let mut collapsed = Vec::new();
    for (place, &first) in first
        .iter()
        .enumerate()
        .filter(|&(place, &first)| first != place)
    {
        if let Some(id) = id_of[first] {
            copies[id] += 1;
            collapsed.push((place, id));
        }
    }
    (copies, collapsed)
}
