//! Conversions between Arrow types, and the names of types in messages.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, LargeStringArray, LargeStringBuilder, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// The time zone of all timestamps with one: an offset, which every reader knows without a time zone database.
pub const UTC: &str = "+00:00";

/// `array` as `to`; an error if a value does not fit.
pub fn cast(array: &dyn Array, to: &DataType) -> Result<ArrayRef, String> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, to, &strict).map_err(|error| error.to_string())
}

/// The strings of a text column; `None` for any other type.
pub fn strings(array: &ArrayRef) -> Option<&LargeStringArray> {
    array.as_string_opt::<i64>()
}

/// Floating-point numbers of any width as f64; `None` for any other type.
pub fn floats(array: &ArrayRef) -> Option<Float64Array> {
    if !array.data_type().is_floating() {
        return None;
    }
    let wide = cast(array, &DataType::Float64).expect("64 bits hold every narrower number");
    Some(wide.as_primitive::<Float64Type>().clone())
}

/// Text in the type that files store: with 32-bit offsets, or 64-bit ones if it exceeds 2 GiB.
pub fn narrow(strings: &LargeStringArray) -> ArrayRef {
    let offsets = strings.value_offsets();
    let bytes = offsets[offsets.len() - 1] - offsets[0];
    if bytes < i64::from(i32::MAX) {
        Arc::new(strings.iter().collect::<StringArray>())
    } else {
        Arc::new(strings.clone())
    }
}

/// Every value as text; an error if one cannot be written.
pub fn to_text(array: &ArrayRef) -> Result<LargeStringArray, String> {
    if let Some(strings) = strings(array) {
        return Ok(strings.clone());
    }
    if let Some(floats) = floats(array) {
        return Ok(floats.iter().map(|value| value.map(float)).collect());
    }
    let moments = |digits: usize, moment: &dyn Fn(i64) -> Option<NaiveDateTime>, counts: &[i64]| {
        let zone = match array.data_type() {
            DataType::Timestamp(_, Some(_)) => UTC,
            _ => "",
        };
        texts(array, |row| {
            let moment = moment(counts[row])?;
            Some(if digits == 6 {
                format!("{}{zone}", moment.format("%Y-%m-%d %H:%M:%S%.6f"))
            } else {
                format!("{}{zone}", moment.format("%Y-%m-%d %H:%M:%S%.9f"))
            })
        })
    };
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().values();
            texts(array, |row| Some(day(days[row])?.to_string()))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let counts = array.as_primitive::<TimestampMicrosecondType>().values();
            moments(6, &micros, counts)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let counts = array.as_primitive::<TimestampNanosecondType>().values();
            moments(9, &|count| Some(nanos(count)), counts)
        }
        DataType::Time64(_) => {
            let counts = cast(array, &DataType::Int64)?;
            let counts = counts.as_primitive::<Int64Type>().values();
            texts(array, |row| time_of_day(counts[row]))
        }
        &DataType::Decimal128(_, scale) => {
            let counts = array.as_primitive::<Decimal128Type>().values();
            texts(array, |row| {
                Some(decimal(counts[row], scale.unsigned_abs()))
            })
        }
        _ => Ok(cast(array, &DataType::LargeUtf8)?
            .as_string::<i64>()
            .clone()),
    }
}

/// A text for each row that has a value; an error if `text` returns `None`.
fn texts(
    array: &ArrayRef,
    text: impl Fn(usize) -> Option<String>,
) -> Result<LargeStringArray, String> {
    let mut builder = LargeStringBuilder::new();
    for row in 0..array.len() {
        if array.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(
                text(row).ok_or("a date or time is outside of the years that can be written")?,
            );
        }
    }
    Ok(builder.finish())
}

/// A floating-point number as text.
pub fn float(value: f64) -> String {
    match serde_json::Number::from_f64(value) {
        Some(number) => number.to_string(),
        None if value.is_nan() => "NaN".to_owned(),
        None if value > 0.0 => "inf".to_owned(),
        None => "-inf".to_owned(),
    }
}

/// The float nearest to the decimal with the unscaled value `count` and `scale` decimals.
pub fn decimal_to_f64(count: i128, scale: u8) -> f64 {
    decimal(count, scale).parse().unwrap_or(f64::NAN)
}

/// The decimal with the unscaled value `count` and `scale` decimals, all of them written.
pub fn decimal(count: i128, scale: u8) -> String {
    let sign = if count < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        count.unsigned_abs(),
        width = usize::from(scale) + 1
    );
    let (whole, part) = digits.split_at(digits.len() - usize::from(scale));
    if part.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part}")
    }
}

/// The day that is `days` after 1970-01-01.
pub fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days)
}

/// The timestamp `count` microseconds after 1970-01-01.
pub fn micros(count: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp_micros(count)?.naive_utc())
}

/// The timestamp `count` nanoseconds after 1970-01-01.
pub fn nanos(count: i64) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(count).naive_utc()
}

/// Nanoseconds since midnight as `HH:MM:SS`, with a fraction if it is not zero.
pub fn time_of_day(nanos: i64) -> Option<String> {
    let (seconds, nanos) = (
        nanos.div_euclid(1_000_000_000),
        nanos.rem_euclid(1_000_000_000),
    );
    let time = NaiveTime::from_num_seconds_from_midnight_opt(
        u32::try_from(seconds).ok()?,
        u32::try_from(nanos).ok()?,
    )?;
    Some(time.to_string())
}

/// The name of a type in messages.
pub fn type_name(dtype: &DataType) -> String {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "μs",
        TimeUnit::Nanosecond => "ns",
    };
    match dtype {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int8 => "i8".to_owned(),
        DataType::Int16 => "i16".to_owned(),
        DataType::Int32 => "i32".to_owned(),
        DataType::Int64 => "i64".to_owned(),
        DataType::UInt8 => "u8".to_owned(),
        DataType::UInt16 => "u16".to_owned(),
        DataType::UInt32 => "u32".to_owned(),
        DataType::UInt64 => "u64".to_owned(),
        DataType::Float16 => "f16".to_owned(),
        DataType::Float32 => "f32".to_owned(),
        DataType::Float64 => "f64".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "binary".to_owned(),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => format!("decimal[{precision},{scale}]"),
        DataType::Date32 => "date".to_owned(),
        DataType::Date64 => "datetime[ms]".to_owned(),
        DataType::Timestamp(time_unit, None) => format!("datetime[{}]", unit(time_unit)),
        DataType::Timestamp(time_unit, Some(zone)) => {
            let zone = if **zone == *UTC { "UTC" } else { zone };
            format!("datetime[{}, {zone}]", unit(time_unit))
        }
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Duration(time_unit) => format!("duration[{}]", unit(time_unit)),
        DataType::Dictionary(_, _) => "cat".to_owned(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::Map(item, _) => format!("list[{}]", type_name(item.data_type())),
        DataType::FixedSizeList(item, length) => {
            format!("array[{}, {length}]", type_name(item.data_type()))
        }
        DataType::Struct(fields) => format!("struct[{}]", fields.len()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Float32Array, Time64NanosecondArray};

    #[test]
    fn values_are_converted_to_text_without_loss() {
        let text = |array: ArrayRef| {
            let text = to_text(&array).unwrap();
            text.iter()
                .map(|cell| cell.unwrap_or("-").to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            text(Arc::new(Float64Array::from(vec![
                Some(0.1),
                None,
                Some(1e20),
                Some(1.5e-7),
                Some(f64::NAN),
                Some(-0.0),
                Some(f64::NEG_INFINITY)
            ]))),
            ["0.1", "-", "1e+20", "1.5e-7", "NaN", "-0.0", "-inf"]
        );
        assert_eq!(
            text(Arc::new(Float32Array::from(vec![0.1]))),
            ["0.10000000149011612"]
        );
        assert_eq!(
            text(Arc::new(Date32Array::from(vec![11_016, -1]))),
            ["2000-02-29", "1969-12-31"]
        );
        assert_eq!(
            text(Arc::new(Time64NanosecondArray::from(vec![
                61_000_000_000,
                500_000_000
            ]))),
            ["00:01:01", "00:00:00.500"]
        );
        assert_eq!(decimal(-1, 2), "-0.01");
        assert_eq!(decimal(1_234, 0), "1234");
        let late: ArrayRef = Arc::new(Date32Array::from(vec![i32::MAX]));
        assert!(to_text(&late).is_err());
    }
}
