//! Lists, structs and maps as JSON text, and durations by ISO 8601.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit, UInt64Type,
};
use serde_json::Value;

use crate::convert::{cast, day, decimal, micros, nanos, time_of_day};

/// Every value of a nested column as JSON text.
pub fn json(array: &dyn Array) -> Result<LargeStringArray, String> {
    (0..array.len())
        .map(|row| {
            (!array.is_null(row))
                .then(|| value(array, row).map(|value| value.to_string()))
                .transpose()
        })
        .collect()
}

/// The value in `row` as JSON. Numbers that JSON lacks are null, or text where they are too large.
fn value(array: &dyn Array, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let list = |items: ArrayRef| -> Result<Value, String> {
        (0..items.len()).map(|item| value(&items, item)).collect()
    };
    let one = array.slice(row, 1);
    Ok(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::List(_) => list(array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row))?,
        DataType::ListView(_) => list(array.as_list_view::<i32>().value(row))?,
        DataType::LargeListView(_) => list(array.as_list_view::<i64>().value(row))?,
        DataType::FixedSizeList(_, _) => list(array.as_fixed_size_list().value(row))?,
        DataType::Map(_, _) => list(Arc::new(array.as_map().value(row)))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let members = fields.iter().zip(columns);
            let members: Result<serde_json::Map<String, Value>, String> = members
                .map(|(field, column)| Ok((field.name().clone(), value(column, row)?)))
                .collect();
            Value::Object(members?)
        }
        DataType::Dictionary(_, values) => value(&cast(&one, values)?, 0)?,
        DataType::RunEndEncoded(_, values) => value(&cast(&one, values.data_type())?, 0)?,
        dtype if dtype.is_signed_integer() => cast(&one, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .value(0)
            .into(),
        dtype if dtype.is_unsigned_integer() => {
            let wide = cast(&one, &DataType::UInt64)?;
            let number = wide.as_primitive::<UInt64Type>().value(0);
            i64::try_from(number).map_or_else(|_| Value::String(number.to_string()), Value::from)
        }
        dtype if dtype.is_floating() => {
            let wide = cast(&one, &DataType::Float64)?;
            wide.as_primitive::<Float64Type>().value(0).into()
        }
        dtype => Value::String(text(&one, dtype)?),
    })
}

/// The only value of `one` as it is written inside of JSON.
fn text(one: &ArrayRef, dtype: &DataType) -> Result<String, String> {
    const FAR: &str = "a date or time is outside of the years that can be written";
    let count = |dtype: &DataType| -> Result<i64, String> {
        let counts = cast(&cast(one, dtype)?, &DataType::Int64)?;
        Ok(counts.as_primitive::<Int64Type>().value(0))
    };
    Ok(match dtype {
        DataType::Date32 => {
            let days = one.as_primitive::<Date32Type>().value(0);
            day(days).ok_or(FAR)?.to_string()
        }
        DataType::Date64 => {
            let millis = count(dtype)?.checked_mul(1_000).ok_or(FAR)?;
            micros(millis).ok_or(FAR)?.to_string()
        }
        DataType::Timestamp(unit, zone) => {
            let zone = if zone.is_some() { " UTC" } else { "" };
            // The zone is taken away first: a cast would ask for a database of zones.
            let counts = cast(one, &DataType::Int64)?;
            let moment = if *unit == TimeUnit::Nanosecond {
                nanos(counts.as_primitive::<Int64Type>().value(0))
            } else {
                let coarse = cast(&counts, &DataType::Timestamp(*unit, None))?;
                let coarse = cast(&coarse, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let coarse = cast(&coarse, &DataType::Int64)?;
                micros(coarse.as_primitive::<Int64Type>().value(0)).ok_or(FAR)?
            };
            format!("{moment}{zone}")
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            time_of_day(count(&DataType::Time64(TimeUnit::Nanosecond))?).ok_or(FAR)?
        }
        DataType::Duration(unit) => duration(count(dtype)?, *unit),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
            if *scale >= 0 =>
        {
            let wide = cast(one, &DataType::Decimal128(*precision, *scale))?;
            decimal(
                wide.as_primitive::<Decimal128Type>().value(0),
                scale.unsigned_abs(),
            )
        }
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            let bytes = cast(one, &DataType::LargeBinary)?;
            format!("b\"{}\"", bytes.as_binary::<i64>().value(0).escape_ascii())
        }
        _ => cast(one, &DataType::LargeUtf8)?
            .as_string::<i64>()
            .value(0)
            .to_owned(),
    })
}

/// A duration by ISO 8601, in days of 24 hours and less: `P1DT2H0.5S`, `-PT3M`, `PT0S`.
pub fn duration(count: i64, unit: TimeUnit) -> String {
    let (second, digits) = match unit {
        TimeUnit::Nanosecond => (1_000_000_000, 9),
        TimeUnit::Microsecond => (1_000_000, 6),
        TimeUnit::Millisecond => (1_000, 3),
        TimeUnit::Second => (1, 0),
    };
    let (seconds, fraction) = (count.unsigned_abs() / second, count.unsigned_abs() % second);
    let mut text = if count < 0 { "-P" } else { "P" }.to_owned();
    if seconds >= 86_400 {
        let _ = write!(text, "{}D", seconds / 86_400);
    }
    let (hours, minutes, rest) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let clock = hours > 0 || minutes > 0 || rest > 0 || fraction > 0;
    if clock || seconds == 0 {
        text.push('T');
    }
    for (value, letter) in [(hours, 'H'), (minutes, 'M')] {
        if value > 0 {
            let _ = write!(text, "{value}{letter}");
        }
    }
    if fraction > 0 {
        let fraction = format!("{fraction:0digits$}");
        let _ = write!(text, "{rest}.{}S", fraction.trim_end_matches('0'));
    } else if rest > 0 || (!clock && seconds == 0) {
        let _ = write!(text, "{rest}S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_by_iso_8601() {
        let micros = |count| duration(count, TimeUnit::Microsecond);
        assert_eq!(micros(0), "PT0S");
        assert_eq!(micros(5), "PT0.000005S");
        assert_eq!(micros(-61_500_000), "-PT1M1.5S");
        assert_eq!(micros(86_400_000_000), "P1D");
        assert_eq!(micros(93_600_500_000), "P1DT2H0.5S");
        assert_eq!(duration(7_200_000, TimeUnit::Millisecond), "PT2H");
        assert_eq!(duration(61, TimeUnit::Second), "PT1M1S");
        assert_eq!(
            duration(i64::MIN, TimeUnit::Nanosecond),
            "-P106751DT23H47M16.854775808S"
        );
    }
}
