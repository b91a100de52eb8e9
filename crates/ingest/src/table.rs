//! The rows of all sources as one table.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, TimeUnit};

use crate::convert::{cast, floats, narrow, to_text, type_name};
use crate::formats::{Kind, Parsed};
use crate::names::{Renamed, distinct};

/// A column of the source.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values: text with 64-bit offsets, i64 (u64 if one of them is too large), floats, booleans, dates, timestamps in
    /// nanoseconds or microseconds, 128-bit decimals, or lists of numbers.
    pub values: ArrayRef,
    /// The kind of its values.
    pub kind: Kind,
}

/// Rows of one or more sources.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// For each row its number in the source.
    pub source_row: Vec<i64>,
}

impl Table {
    /// Converts a parsed table, with a distinct name for each column.
    pub fn of(parsed: Parsed) -> (Self, Vec<Renamed>) {
        let given: Vec<String> = parsed
            .columns
            .iter()
            .map(|cells| cells.name.clone())
            .collect();
        let (names, renamed) = distinct(&given);
        let columns = names.into_iter().zip(parsed.columns).map(|(name, cells)| {
            let kind = cells.kind;
            Column {
                values: cells.finish(),
                name,
                kind,
            }
        });
        (
            Self {
                columns: columns.collect(),
                source_row: parsed.source_row,
            },
            renamed,
        )
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.source_row.len()
    }

    /// The names of the columns.
    pub fn names(&self) -> Vec<String> {
        self.columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    }

    /// The column of this name.
    pub fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Appends the rows of `other`; missing columns are null. Row numbers of `other` start at `offset`. Returns the columns missing
    /// in this table and in the other.
    pub fn append(
        &mut self,
        other: Self,
        offset: i64,
    ) -> Result<(Vec<String>, Vec<String>), (String, String)> {
        if self.columns.is_empty() && self.source_row.is_empty() {
            let source_row = other.source_row.iter().map(|row| row + offset).collect();
            *self = Self {
                source_row,
                ..other
            };
            return Ok((Vec::new(), Vec::new()));
        }
        let (above, below) = (self.rows(), other.rows());
        let (mut lacking_above, mut lacking_below) = (Vec::new(), Vec::new());
        let mut rest: Vec<Option<Column>> = other.columns.into_iter().map(Some).collect();
        for column in &mut self.columns {
            let same = rest
                .iter_mut()
                .find(|slot| slot.as_ref().is_some_and(|other| other.name == column.name));
            let (values, kind) = if let Some(other) = same.and_then(Option::take) {
                (other.values, other.kind)
            } else {
                lacking_below.push(column.name.clone());
                (nulls(column.values.data_type(), below), Kind::Empty)
            };
            let joined = join(&column.values, column.kind, &values, kind);
            (column.values, column.kind) = joined.map_err(|error| (column.name.clone(), error))?;
        }
        for column in rest.into_iter().flatten() {
            lacking_above.push(column.name.clone());
            let joined = join(
                &nulls(column.values.data_type(), above),
                Kind::Empty,
                &column.values,
                column.kind,
            );
            let (values, kind) = joined.map_err(|error| (column.name.clone(), error))?;
            self.columns.push(Column {
                name: column.name,
                values,
                kind,
            });
        }
        self.source_row
            .extend(other.source_row.iter().map(|row| row + offset));
        Ok((lacking_above, lacking_below))
    }
}

fn nulls(dtype: &DataType, rows: usize) -> ArrayRef {
    new_null_array(dtype, rows)
}

/// Concatenates `above` and `below` in their common type: numbers as f64, dates and times as timestamps, else text.
fn join(
    above: &ArrayRef,
    above_kind: Kind,
    below: &ArrayRef,
    below_kind: Kind,
) -> Result<(ArrayRef, Kind), String> {
    use DataType as D;
    let kind = above_kind.with(below_kind);
    let same = above.data_type() == below.data_type();
    let number = |dtype: &D| *dtype == D::Int64 || dtype.is_floating();
    let dtype = match (above.data_type(), below.data_type()) {
        (dtype, _) if same => dtype.clone(),
        (dtype, _) if below_kind == Kind::Empty => dtype.clone(),
        (_, dtype) if above_kind == Kind::Empty => dtype.clone(),
        (a, b) if a.is_nested() || b.is_nested() => {
            return Err(format!(
                "it holds {} in one source and {} in another",
                type_name(a),
                type_name(b)
            ));
        }
        (a, b) if number(a) && number(b) => D::Float64,
        // The finer unit holds both in the years from 1677 to 2262.
        (D::Timestamp(_, zone), D::Timestamp(_, other))
            if zone == other && in_nanoseconds(above) && in_nanoseconds(below) =>
        {
            D::Timestamp(TimeUnit::Nanosecond, zone.clone())
        }
        (D::Date32, moment @ D::Timestamp(_, None)) if fits(above, moment) => moment.clone(),
        (moment @ D::Timestamp(_, None), D::Date32) if fits(below, moment) => moment.clone(),
        _ => D::LargeUtf8,
    };
    let kind = if same || dtype != D::LargeUtf8 {
        kind
    } else {
        Kind::Mixed
    };
    let part = |array: &ArrayRef, kind: Kind| -> Result<ArrayRef, String> {
        if *array.data_type() == dtype {
            Ok(array.clone())
        } else if kind == Kind::Empty {
            Ok(nulls(&dtype, array.len()))
        } else if dtype == D::LargeUtf8 {
            Ok(Arc::new(to_text(array)?))
        } else {
            cast(array, &dtype)
        }
    };
    let (above, below) = (part(above, above_kind)?, part(below, below_kind)?);
    let joined = concat(&[&above, &below]).map_err(|error| error.to_string())?;
    Ok((joined, kind))
}

/// Whether all values of a column fit into `dtype`.
fn fits(column: &ArrayRef, dtype: &DataType) -> bool {
    cast(column, dtype).is_ok()
}

/// Whether all timestamps of a column fit into 64 bits in nanoseconds.
fn in_nanoseconds(moments: &ArrayRef) -> bool {
    match moments.data_type() {
        DataType::Timestamp(_, zone) => fits(
            moments,
            &DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
        ),
        _ => false,
    }
}

/// The values of `rows` in their stored type: 64-bit numbers, text with 32-bit offsets if possible.
pub fn stored(column: &ArrayRef, rows: &[u32]) -> Result<ArrayRef, String> {
    let column = if rows.len() == column.len() {
        column.clone()
    } else {
        take(column, &UInt32Array::from(rows.to_vec()), None).map_err(|error| error.to_string())?
    };
    if let Some(floats) = floats(&column) {
        return Ok(Arc::new(floats));
    }
    match column.data_type() {
        DataType::LargeUtf8 | DataType::UInt64 => Ok(narrow(&to_text(&column)?)),
        _ => Ok(column),
    }
}
