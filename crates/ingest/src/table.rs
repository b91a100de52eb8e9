//! The rows of all sources as one table, and its way into Arrow.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    LargeStringArray, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use polars::prelude::{DataType, PolarsError, PolarsResult, Series, TimeUnit};

use crate::formats::{Kind, Parsed};
use crate::names::{Renamed, distinct};

/// A column, under the name it has in the source.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values.
    pub series: Series,
    /// What is known of their type.
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
    /// The table that was parsed, with a distinct name for each column.
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
                series: cells.finish(&name),
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

    /// Puts the rows of `other` under these; a column that one of them lacks is null there. Row numbers of `other` run
    /// on from `offset`. Returns the columns that were lacking, in this table and in the other.
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
            let (series, kind) = if let Some(other) = same.and_then(Option::take) {
                (other.series, other.kind)
            } else {
                lacking_below.push(column.name.clone());
                (nulls(column.series.dtype(), below), Kind::Empty)
            };
            let joined = join(&column.series, column.kind, &series, kind);
            (column.series, column.kind) =
                joined.map_err(|error| (column.name.clone(), error.to_string()))?;
        }
        for column in rest.into_iter().flatten() {
            lacking_above.push(column.name.clone());
            let joined = join(
                &nulls(column.series.dtype(), above),
                Kind::Empty,
                &column.series,
                column.kind,
            );
            let (series, kind) =
                joined.map_err(|error| (column.name.clone(), error.to_string()))?;
            self.columns.push(Column {
                series: series.with_name(column.name.as_str().into()),
                name: column.name,
                kind,
            });
        }
        self.source_row
            .extend(other.source_row.iter().map(|row| row + offset));
        Ok((lacking_above, lacking_below))
    }
}

fn nulls(dtype: &DataType, rows: usize) -> Series {
    Series::full_null("".into(), rows, dtype)
}

/// `above` and `below` as one column, of the type that holds both: numbers as f64, days and times as times, else text.
fn join(
    above: &Series,
    above_kind: Kind,
    below: &Series,
    below_kind: Kind,
) -> PolarsResult<(Series, Kind)> {
    let kind = above_kind.with(below_kind);
    let same = above.dtype() == below.dtype();
    let dtype = match (above.dtype(), below.dtype()) {
        (dtype, _) if same => dtype.clone(),
        (dtype, _) if below_kind == Kind::Empty => dtype.clone(),
        (_, dtype) if above_kind == Kind::Empty => dtype.clone(),
        (a, b) if a.is_nested() || b.is_nested() => {
            return Err(PolarsError::SchemaMismatch(
                format!("it holds {a} in one source and {b} in another").into(),
            ));
        }
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            DataType::Float64
        }
        // The finer unit holds both in the years from 1677 to 2262.
        (DataType::Datetime(_, zone), DataType::Datetime(_, other))
            if zone == other && in_nanoseconds(above) && in_nanoseconds(below) =>
        {
            DataType::Datetime(TimeUnit::Nanoseconds, zone.clone())
        }
        (DataType::Date, time @ DataType::Datetime(_, None))
        | (time @ DataType::Datetime(_, None), DataType::Date) => time.clone(),
        _ => DataType::String,
    };
    let kind = if same || dtype != DataType::String {
        kind
    } else {
        Kind::Mixed
    };
    let part = |series: &Series, kind: Kind| {
        if *series.dtype() == dtype {
            Ok(series.clone())
        } else if kind == Kind::Empty {
            Ok(nulls(&dtype, series.len()).with_name(series.name().clone()))
        } else {
            series.strict_cast(&dtype)
        }
    };
    let mut joined = part(above, above_kind)?;
    joined.append(&part(below, below_kind)?)?;
    Ok((joined, kind))
}

/// Whether 64 bits hold all moments of a column in nanoseconds.
fn in_nanoseconds(moments: &Series) -> bool {
    let fits = |micros: i64| micros.checked_mul(1_000).is_some();
    match moments.dtype() {
        DataType::Datetime(TimeUnit::Microseconds, _) => moments
            .to_physical_repr()
            .i64()
            .is_ok_and(|micros| micros.iter().flatten().all(fits)),
        DataType::Datetime(TimeUnit::Nanoseconds, _) => true,
        _ => false,
    }
}

/// A column as Arrow has it; `utf8` with 64-bit offsets where 2 GiB of text would not fit into 32.
pub fn to_arrow(series: &Series) -> PolarsResult<ArrayRef> {
    Ok(match series.dtype() {
        DataType::Boolean => Arc::new(series.bool()?.iter().collect::<BooleanArray>()),
        DataType::Int64 => Arc::new(series.i64()?.iter().collect::<Int64Array>()),
        DataType::Float64 => Arc::new(series.f64()?.iter().collect::<Float64Array>()),
        DataType::Date => Arc::new(series.date()?.physical().iter().collect::<Date32Array>()),
        DataType::Datetime(unit, zone) => {
            // Every zone is UTC by now; written as an offset, which any reader knows without a database of zones.
            let zone = zone.as_ref().map(|_| "+00:00");
            let counts = series.datetime()?.physical().iter();
            if *unit == TimeUnit::Nanoseconds {
                let nanos: TimestampNanosecondArray = counts.collect();
                Arc::new(nanos.with_timezone_opt(zone))
            } else {
                let micros: TimestampMicrosecondArray = counts.collect();
                Arc::new(micros.with_timezone_opt(zone))
            }
        }
        &DataType::Decimal(precision, scale) => {
            let decimals: Decimal128Array = series.decimal()?.physical().iter().collect();
            let decimals = decimals.with_precision_and_scale(precision as u8, scale as i8);
            Arc::new(decimals.map_err(|error| PolarsError::ComputeError(error.to_string().into()))?)
        }
        _ => {
            let strings = series.str()?;
            let bytes: usize = strings.iter().flatten().map(str::len).sum();
            if bytes < i32::MAX as usize {
                Arc::new(strings.iter().collect::<StringArray>())
            } else {
                Arc::new(strings.iter().collect::<LargeStringArray>())
            }
        }
    })
}
