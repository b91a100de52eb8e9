//! Casts. Dates, times and numbers in text are parsed in the same formats as in type inference.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    DataType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int64Type,
};

use super::Fault;
use super::evaluate::Evaluator;
use super::functions::Cell;
use super::literals::{physical, scaled};
use super::messages::cut;
use super::term::{CastFailure, Class};
use super::values::{Values, array_of, moment, temporal_array};
use crate::convert::{decimal_to_f64, to_text};

impl Evaluator<'_> {
    /// `values` as values of the type `to`.
    pub fn cast(
        &self,
        values: &Values,
        to: &DataType,
        on_failure: CastFailure,
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
                match (converted(values, row, to), on_failure) {
                    (Err(_), CastFailure::Null) => Ok(None),
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

/// The value of `row`, which is not null, converted to the type `to`, which differs from its own.
fn converted<'a>(values: &'a Values, row: usize, to: &DataType) -> Result<Cell<'a>, Fault> {
    let (array, at) = (&values.array, values.at(row));
    let fail = |what: &str| {
        let name = Class::of(to).name();
        Err(Fault::new(
            format!("{what} is not {name}"),
            "use TRY_CAST, which gives NULL for such values",
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
        // NaN becomes null in the array.
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

/// A decimal as a value of the type `to`. Surplus decimals are truncated for integers only, as in SQL.
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
        // From the shortest decimal representation.
        DataType::Decimal128(..) => parsed(&n.to_string(), to)?,
        _ => return None,
    })
}
