//! JSON lines and JSON arrays: one object per row; its keys are the columns, in order of first appearance.
//!
//! Values are kept as written until the type of the whole column is inferred, so that numbers do not change. Arrays and
//! objects are kept as JSON text (vectors are parsed from it). One pass; memory is the cells themselves.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Bad, Cells, Fault, Kind, OnBadRow, Parsed, Text};

/// The keys and values of one object, values unparsed.
struct Row<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A key, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Row<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    pairs.push((key, value));
                }
                Ok(Row(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The columns, found by name.
#[derive(Default)]
struct Columns {
    cells: Vec<Cells>,
    index: HashMap<String, usize>,
    /// For each column, the last row with this key, from 1.
    named_in: Vec<usize>,
    /// Total number of keys.
    values: usize,
}

impl Columns {
    /// Adds `row` as row number `at`.
    fn add(&mut self, at: usize, row: Row) -> Result<(), Fault> {
        // Parse all values before adding any: a bad row must not leave partial data.
        let mut values = Vec::with_capacity(row.0.len());
        for (key, value) in row.0 {
            let raw = value.get();
            values.push(match raw.as_bytes().first() {
                Some(b'n') => (key, Kind::Empty, None),
                Some(b'"') => {
                    let Key(text) =
                        serde_json::from_str(raw).map_err(|error| Fault::Json(words(&error)))?;
                    (key, Kind::Strings, Some(text))
                }
                Some(b'[' | b'{') => (key, Kind::Nested, Some(Cow::Borrowed(raw))),
                _ => (key, Kind::Words, Some(Cow::Borrowed(raw))),
            });
        }
        let mut fresh: HashSet<&str> = HashSet::new();
        for (key, _, _) in &values {
            let again = match self.index.get(key.as_ref()) {
                Some(&column) => std::mem::replace(&mut self.named_in[column], at + 1) == at + 1,
                None => !fresh.insert(key),
            };
            if again {
                self.named_in.fill(0);
                return Err(Fault::Twice(key.clone().into_owned()));
            }
        }
        self.values += values.len();
        for (key, kind, value) in values {
            let column = self.column(&key);
            self.cells[column].set(at, kind, value.as_deref());
        }
        Ok(())
    }

    /// Rejects a large and nearly empty table of `rows` rows: if each row has its own keys, the number of cells is quadratic.
    fn check(&self, rows: usize) -> Result<(), Fault> {
        const MANY_COLUMNS: usize = 1_000;
        const MANY_CELLS: usize = 20_000_000;
        const FEW_FILLED: usize = 50;
        let cells = self.cells.len() * rows;
        let large = self.cells.len() > MANY_COLUMNS && cells > MANY_CELLS;
        if large && self.values < cells / FEW_FILLED {
            return Err(Fault::Keys(self.cells.len()));
        }
        Ok(())
    }

    /// The index of the column `name`, which is added if it is new.
    fn column(&mut self, name: &str) -> usize {
        if let Some(&column) = self.index.get(name) {
            return column;
        }
        self.index.insert(name.to_owned(), self.cells.len());
        self.cells.push(Cells::new(name.to_owned()));
        self.named_in.push(0);
        self.cells.len() - 1
    }

    fn finish(mut self, rows: usize) -> Vec<Cells> {
        for cells in &mut self.cells {
            cells.fill(rows);
        }
        self.cells
    }
}

/// The message of the parser without its position, which is relative to the parsed piece.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(words, _)| words.to_owned())
}

fn kind_of(raw: &str) -> &'static str {
    match raw.trim_start().as_bytes().first() {
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a truth value",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Reads `piece`, which must be one object.
fn object(piece: &str) -> Result<Row<'_>, Fault> {
    if piece.trim_start().starts_with('{') {
        return serde_json::from_str(piece).map_err(|error| Fault::Json(words(&error)));
    }
    match serde_json::from_str::<&RawValue>(piece) {
        Ok(_) => Err(Fault::NoObject(kind_of(piece))),
        Err(error) => Err(no_json(piece, &error)),
    }
}

/// The fault of `text` for which the parser returned `error`.
fn no_json(text: &str, error: &serde_json::Error) -> Fault {
    const SHOWN: usize = 20;
    let text = text.trim_start();
    if text.starts_with(['{', '[', '"']) {
        return Fault::Json(words(error));
    }
    let line = text.lines().next().unwrap_or_default();
    Fault::Foreign(line.chars().take(SHOWN).collect())
}

/// Reads `piece` of `source`, which must be one object and hold no faulty bytes.
fn readable<'a>(source: Text<'_>, piece: &'a str) -> Result<Row<'a>, Fault> {
    if source.is_faulty(piece) {
        return Err(Fault::Bytes);
    }
    object(piece)
}

/// Reads one object per line.
pub fn lines(source: Text<'_>, on_bad_row: OnBadRow) -> Result<Parsed, Bad> {
    let mut parsed = Parsed::default();
    let mut columns = Columns::default();
    let mut row = 0;
    for (line, piece) in (1..).zip(source.text.lines()) {
        if piece.trim().is_empty() {
            parsed.blank_lines += 1;
            continue;
        }
        let at = parsed.source_row.len();
        match readable(source, piece).and_then(|object| columns.add(at, object)) {
            Ok(()) => parsed.source_row.push(row),
            Err(fault) if on_bad_row == OnBadRow::Error => return Err(Bad { line, fault }),
            Err(_) => parsed.skipped.push(row),
        }
        columns
            .check(parsed.source_row.len())
            .map_err(|fault| Bad { line, fault })?;
        (source.read)(source.place(piece));
        row += 1;
    }
    parsed.columns = columns.finish(parsed.source_row.len());
    Ok(parsed)
}

/// Reads one array of objects. A syntax error of the array itself is always fatal, because the following rows cannot be
/// separated.
pub fn array(source: Text<'_>, on_bad_row: OnBadRow) -> Result<Parsed, Bad> {
    let text = source.text;
    let trimmed = text.trim_start();
    if !trimmed.starts_with('[') && serde_json::from_str::<&RawValue>(trimmed).is_ok() {
        let found = kind_of(trimmed);
        let rows = serde_json::from_str::<Row>(trimmed).ok().and_then(|row| {
            let mut pairs = row.0.into_iter();
            let (key, _) = pairs.find(|(_, value)| value.get().starts_with('['))?;
            Some(key.into_owned())
        });
        return Err(Bad {
            line: 1,
            fault: Fault::NoArray { found, rows },
        });
    }
    let pieces: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| Bad {
        line: error.line().max(1) as u64,
        fault: no_json(text, &error),
    })?;
    let mut parsed = Parsed::default();
    let mut columns = Columns::default();
    for (row, piece) in (0..).zip(pieces) {
        let at = parsed.source_row.len();
        let place = source.place(piece.get());
        let bad = |fault| {
            let before = &text.as_bytes()[..place];
            let line = 1 + memchr::memchr_iter(b'\n', before).count() as u64;
            Bad { line, fault }
        };
        match readable(source, piece.get()).and_then(|object| columns.add(at, object)) {
            Ok(()) => parsed.source_row.push(row),
            Err(fault) if on_bad_row == OnBadRow::Error => return Err(bad(fault)),
            Err(_) => parsed.skipped.push(row),
        }
        columns.check(parsed.source_row.len()).map_err(bad)?;
        (source.read)(place);
    }
    parsed.columns = columns.finish(parsed.source_row.len());
    Ok(parsed)
}
