//! Casts. Dates, times and numbers in texts are read in the forms that columns are found by.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray, BooleanArray, Date32Array, Float32Array, Int64Array,
    PrimitiveArray, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int64Type,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta};

use super::Fault;
use super::arithmetic::{count, decimal_to_f64};
use super::evaluate::{Evaluator, Values, real, texts};
use super::functions::Cell;
use super::literals::{physical, scaled};
use super::messages::cut;
use super::term::{Attempt, Class};
use crate::convert::{day, micros, nanos, to_text};

impl Evaluator<'_> {
    /// `values` as values of the type `to`.
    pub fn cast(
        &self,
        values: &Values,
        to: &DataType,
        attempt: Attempt,
        active: &BooleanBuffer,
    ) -> Result<Values, Fault> {
        let from = values.array.data_type();
        let array = if from == to {
            values.array.clone()
        } else if *from == DataType::Null {
            new_null_array(to, values.array.len())
        } else if *to == DataType::LargeUtf8 {
            Arc::new(to_text(&values.array).map_err(Fault::bare)?)
        } else {
            let cells = self.each(&[values], active, |row| {
                if values.is_null(row) {
                    return Ok(None);
                }
                match (converted(values, row, to), attempt) {
                    (Err(_), Attempt::Null) => Ok(None),
                    (cell, _) => cell.map(Some),
                }
            })?;
            array_of(cells, to).map_err(Fault::bare)?
        };
        Ok(Values {
            array,
            scalar: values.scalar,
        })
    }
}

/// The value of `row`, which is not null, as one of the type `to`, which is not its own.
fn converted<'a>(values: &'a Values, row: usize, to: &DataType) -> Result<Cell<'a>, String> {
    let (array, at) = (&values.array, values.at(row));
    let fail = |what: &str| {
        let name = Class::of(to).name();
        Err(format!(
            "{what} is not {name}; TRY_CAST takes such values for NULL"
        ))
    };
    match array.data_type() {
        DataType::LargeUtf8 => {
            let text = array.as_string::<i64>().value(at).trim();
            parsed(text, to).map_or_else(|| fail(&format!("{:?}", cut(text))), Ok)
        }
        DataType::Boolean => {
            let truth = array.as_boolean().value(at);
            number(i128::from(truth), 0, to).map_or_else(|| fail("a truth value"), Ok)
        }
        DataType::Int64 => {
            let n = array.as_primitive::<Int64Type>().value(at);
            number(i128::from(n), 0, to).map_or_else(|| fail(&n.to_string()), Ok)
        }
        DataType::Decimal128(_, scale) => {
            let n = array.as_primitive::<Decimal128Type>().value(at);
            let scale = scale.unsigned_abs();
            number(n, scale, to).map_or_else(|| fail(&crate::convert::decimal(n, scale)), Ok)
        }
        dtype if dtype.is_floating() => {
            let n = match dtype {
                DataType::Float16 => array.as_primitive::<Float16Type>().value(at).to_f64(),
                DataType::Float32 => array.as_primitive::<Float32Type>().value(at).into(),
                _ => array.as_primitive::<Float64Type>().value(at),
            };
            float(n, to).map_or_else(|| fail(&n.to_string()), Ok)
        }
        _ => Ok(Cell::Moment(moment(array, at)?)),
    }
}

/// A text as a value of the type `to`.
fn parsed(text: &str, to: &DataType) -> Option<Cell<'static>> {
    Some(match to {
        DataType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "t" => Cell::Truth(true),
            "false" | "f" => Cell::Truth(false),
            _ => return None,
        },
        DataType::Int64 => Cell::Whole(text.parse().ok()?),
        // A number that is none is null in the array.
        DataType::Float32 | DataType::Float64 => Cell::Number(text.parse().ok()?),
        DataType::Decimal128(precision, scale) => {
            let scale = scale.unsigned_abs();
            let n = scaled(text, scale)?;
            (n.unsigned_abs() < 10_u128.pow(u32::from(*precision)))
                .then_some(Cell::Decimal(n, scale))?
        }
        to => {
            let count = physical(text, to)?;
            let array = temporal_array(std::iter::once(Some(count)), to);
            Cell::Moment(moment(&array, 0).ok()?)
        }
    })
}

/// A decimal as a value of the type `to`. Decimals beyond those of `to` are cut for whole numbers only, as SQL has it.
fn number(n: i128, scale: u8, to: &DataType) -> Option<Cell<'static>> {
    Some(match to {
        DataType::Boolean => Cell::Truth(n != 0),
        DataType::Int64 => Cell::Whole(i64::try_from(n / 10_i128.pow(scale.into())).ok()?),
        DataType::Float32 | DataType::Float64 => Cell::Number(decimal_to_f64(n, scale)),
        DataType::Decimal128(precision, wanted) => {
            let wanted = wanted.unsigned_abs();
            let n = if wanted >= scale {
                n.checked_mul(10_i128.pow(u32::from(wanted - scale)))?
            } else {
                let unit = 10_i128.pow(u32::from(scale - wanted));
                (n % unit == 0).then_some(n / unit)?
            };
            (n.unsigned_abs() < 10_u128.pow(u32::from(*precision)))
                .then_some(Cell::Decimal(n, wanted))?
        }
        _ => return None,
    })
}

/// A float as a value of the type `to`.
fn float(n: f64, to: &DataType) -> Option<Cell<'static>> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    Some(match to {
        DataType::Boolean => Cell::Truth(n != 0.0),
        DataType::Int64 => {
            (n.trunc() >= -LIMIT && n.trunc() < LIMIT).then_some(Cell::Whole(n as i64))?
        }
        DataType::Float32 | DataType::Float64 => Cell::Number(n),
        // By the digits that the number is written with.
        DataType::Decimal128(..) => parsed(&n.to_string(), to)?,
        _ => return None,
    })
}

/// The moment at `at`, which is not null: a day begins at midnight, a time of day is one of 1970-01-01.
pub fn moment(array: &ArrayRef, at: usize) -> Result<NaiveDateTime, String> {
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
    moment.ok_or_else(|| {
        "the date is too far from 1970; leave such rows out with a condition before it".to_owned()
    })
}

/// Dates or times of the type `dtype` from the numbers that represent them.
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

/// Cells as an array of the type `dtype`; a number that is none is null.
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
        DataType::Float16 => crate::convert::cast(&real(cells.map(float)), dtype)?,
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
