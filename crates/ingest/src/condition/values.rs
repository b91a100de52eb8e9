//! Values of a condition as Arrow arrays, and their single values.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Datum, Float32Array, Float64Array,
    Int64Array, IntervalMonthDayNanoArray, LargeStringArray, LargeStringBuilder, PrimitiveArray,
    new_null_array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationNanosecondType, Float16Type, Float32Type,
    Float64Type, Int64Type, IntervalMonthDayNanoType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDateTime, TimeDelta};

use super::Fault;
use super::functions::Cell;
use super::literals::scaled;
use super::term::{DIFFERENCE, Literal};
use crate::convert::{cast, day, decimal_to_f64, micros, nanos};

/// One value per row, or one for all rows.
#[derive(Debug, Clone)]
pub struct Values {
    pub array: ArrayRef,
    pub scalar: bool,
}

impl Values {
    /// The index of the value of `row`.
    pub fn at(&self, row: usize) -> usize {
        if self.scalar { 0 } else { row }
    }

    pub fn is_null(&self, row: usize) -> bool {
        *self.array.data_type() == DataType::Null || self.array.is_null(self.at(row))
    }
}

impl Datum for Values {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array.as_ref(), self.scalar)
    }
}

/// Floats with NaN as null and without negative zero.
pub fn real(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    let number = |value: f64| (!value.is_nan()).then_some(value + 0.0);
    Arc::new(
        values
            .map(|value| value.and_then(number))
            .collect::<Float64Array>(),
    )
}

/// A literal as an array of one value.
pub fn constant(literal: &Literal, dtype: &DataType) -> Result<ArrayRef, Fault> {
    let bad = || Fault::bare(format!("{literal:?} has no value of its type"));
    Ok(match literal {
        Literal::Null => new_null_array(dtype, 1),
        Literal::Truth(truth) => Arc::new(BooleanArray::from(vec![*truth])),
        Literal::Text(text) => Arc::new(LargeStringArray::from(vec![text.as_str()])),
        Literal::Temporal(count, _) => temporal_array(std::iter::once(Some(*count)), dtype),
        Literal::Span(span) if *dtype == DIFFERENCE => Arc::new(PrimitiveArray::<
            DurationNanosecondType,
        >::from(vec![span.nanos])),
        Literal::Span(span) => Arc::new(IntervalMonthDayNanoArray::from(vec![
            IntervalMonthDayNanoType::make_value(span.months, span.days, span.nanos),
        ])),
        Literal::Number(text) => match dtype {
            DataType::Int64 => Arc::new(Int64Array::from(vec![
                text.parse::<i64>().map_err(|_| bad())?,
            ])),
            &DataType::Decimal128(precision, scale) => {
                let count = scaled(text, scale.unsigned_abs()).ok_or_else(bad)?;
                let array = PrimitiveArray::<Decimal128Type>::from(vec![count]);
                Arc::new(
                    array
                        .with_precision_and_scale(precision, scale)
                        .map_err(kernel)?,
                )
            }
            dtype => {
                let number: f64 = text.parse().map_err(|_| bad())?;
                if *dtype == DataType::Float32 {
                    let number: f32 = text.parse().map_err(|_| bad())?;
                    Arc::new(Float32Array::from(vec![number]))
                } else {
                    let wide: ArrayRef = Arc::new(Float64Array::from(vec![number]));
                    cast(&wide, dtype).map_err(Fault::bare)?
                }
            }
        },
    })
}

/// The value of `row` as an argument of a function.
pub fn cell(values: &Values, row: usize) -> Result<Cell<'_>, Fault> {
    let (array, at) = (&values.array, values.at(row));
    if values.is_null(row) {
        return Ok(Cell::Null);
    }
    Ok(match array.data_type() {
        DataType::LargeUtf8 => Cell::Text(Cow::Borrowed(array.as_string::<i64>().value(at))),
        DataType::Boolean => Cell::Truth(array.as_boolean().value(at)),
        DataType::Int64 => Cell::Whole(array.as_primitive::<Int64Type>().value(at)),
        DataType::Float32 => Cell::Number(f64::from(array.as_primitive::<Float32Type>().value(at))),
        DataType::Float16 => Cell::Number(array.as_primitive::<Float16Type>().value(at).to_f64()),
        DataType::Float64 => Cell::Number(array.as_primitive::<Float64Type>().value(at)),
        DataType::Decimal128(_, scale) => Cell::Decimal(
            array.as_primitive::<Decimal128Type>().value(at),
            scale.unsigned_abs(),
        ),
        _ => Cell::Moment(moment(array, at)?),
    })
}

/// Texts, some of them null.
pub fn texts<'a>(cells: impl Iterator<Item = Option<Cow<'a, str>>>) -> ArrayRef {
    let mut builder = LargeStringBuilder::new();
    for cell in cells {
        builder.append_option(cell);
    }
    Arc::new(builder.finish())
}

/// The timestamp at `at`, which is not null: a date is its midnight, a time of day is on 1970-01-01.
pub fn moment(array: &ArrayRef, at: usize) -> Result<NaiveDateTime, Fault> {
    let moment = match array.data_type() {
        DataType::Date32 => {
            day(array.as_primitive::<Date32Type>().value(at)).map(NaiveDateTime::from)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(nanos(
            array.as_primitive::<TimestampNanosecondType>().value(at),
        )),
        DataType::Timestamp(_, _) => {
            micros(array.as_primitive::<TimestampMicrosecondType>().value(at))
        }
        DataType::Time64(_) => {
            let nanos = array.as_primitive::<Time64NanosecondType>().value(at);
            DateTime::UNIX_EPOCH
                .naive_utc()
                .checked_add_signed(TimeDelta::nanoseconds(nanos))
        }
        _ => None,
    };
    moment.ok_or_else(too_far)
}

/// A date outside the calendar.
pub fn too_far() -> Fault {
    Fault::new(
        "the date is too far from 1970",
        "exclude such rows with a preceding condition",
    )
}

/// Dates or times of the type `dtype` from their physical values.
pub fn temporal_array(counts: impl Iterator<Item = Option<i64>>, dtype: &DataType) -> ArrayRef {
    match dtype {
        DataType::Date32 => Arc::new(
            counts
                .map(|count| count.and_then(|count| i32::try_from(count).ok()))
                .collect::<Date32Array>(),
        ),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => Arc::new(
            counts
                .collect::<PrimitiveArray<TimestampNanosecondType>>()
                .with_timezone_opt(zone.clone()),
        ),
        DataType::Timestamp(_, zone) => Arc::new(
            counts
                .collect::<PrimitiveArray<TimestampMicrosecondType>>()
                .with_timezone_opt(zone.clone()),
        ),
        _ => Arc::new(counts.collect::<PrimitiveArray<Time64NanosecondType>>()),
    }
}

/// Cells as an array of the type `dtype`; NaN is null.
pub fn array_of(cells: Vec<Option<Cell<'_>>>, dtype: &DataType) -> Result<ArrayRef, String> {
    let cells = cells.into_iter().map(|cell| cell.unwrap_or(Cell::Null));
    let float = |cell: Cell<'_>| match cell {
        Cell::Number(n) => Some(n),
        Cell::Whole(n) => Some(n as f64),
        Cell::Decimal(n, scale) => Some(decimal_to_f64(n, scale)),
        _ => None,
    };
    Ok(match dtype {
        DataType::LargeUtf8 => texts(cells.map(|cell| match cell {
            Cell::Text(text) => Some(text),
            _ => None::<Cow<'_, str>>,
        })),
        DataType::Boolean => Arc::new(
            cells
                .map(|cell| match cell {
                    Cell::Truth(truth) => Some(truth),
                    _ => None,
                })
                .collect::<BooleanArray>(),
        ),
        DataType::Int64 => Arc::new(
            cells
                .map(|cell| match cell {
                    Cell::Whole(n) => Some(n),
                    _ => None,
                })
                .collect::<Int64Array>(),
        ),
        DataType::Float64 => real(cells.map(float)),
        DataType::Float32 => {
            let singles =
                cells.map(|cell| float(cell).filter(|n| !n.is_nan()).map(|n| n as f32 + 0.0));
            Arc::new(singles.collect::<Float32Array>())
        }
        DataType::Float16 => cast(&real(cells.map(float)), dtype)?,
        &DataType::Decimal128(precision, scale) => {
            let counts: PrimitiveArray<Decimal128Type> = cells
                .map(|cell| match cell {
                    Cell::Decimal(n, _) => Some(n),
                    _ => None,
                })
                .collect();
            let counts = counts.with_precision_and_scale(precision, scale);
            Arc::new(counts.map_err(|error| error.to_string())?)
        }
        DataType::Null => new_null_array(dtype, cells.len()),
        dtype => temporal_array(
            cells.map(|cell| match cell {
                Cell::Moment(moment) => count(moment, dtype),
                _ => None,
            }),
            dtype,
        ),
    })
}

/// A timestamp as its physical value in the type `dtype`.
pub fn count(moment: NaiveDateTime, dtype: &DataType) -> Option<i64> {
    let utc = moment.and_utc();
    match dtype {
        DataType::Date32 => Some(utc.timestamp().div_euclid(86_400)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => utc.timestamp_nanos_opt(),
        DataType::Time64(_) => utc
            .timestamp_nanos_opt()
            .map(|nanos| nanos.rem_euclid(86_400_000_000_000)),
        _ => Some(utc.timestamp_micros()),
    }
}

/// Converts an error of an Arrow kernel.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`map_err` passes it by value"
)]
pub fn kernel(error: ArrowError) -> Fault {
    Fault::bare(error.to_string())
}
