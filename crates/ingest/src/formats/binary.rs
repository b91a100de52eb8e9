//! Parquet and Arrow IPC, read by Polars, and their types brought down to ours.
//!
//! Whole numbers become i64 (text where one of them is too large for that), floats f64, categories text; decimals stay
//! as they are, and so do moments, in nanoseconds or microseconds, except that those with a zone are written in UTC.
//! Times of day and durations become ISO 8601 text, lists and structs JSON text, except lists of floats, which are left
//! to be vectors. No value is rounded or cut.

use std::fmt::Write as _;
use std::io::{Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::{
    AnyValue, DataFrame, DataType, IntoSeries, PolarsResult, Series, StringChunked, TimeUnit,
    TimeZone,
};
use polars_io::SerReader;
use polars_io::ipc::{IpcReader, IpcStreamReader};
use polars_io::mmap::MmapBytesReader;
use polars_io::parquet::read::ParquetReader;

use super::{Format, Kind};
use crate::error::Error;
use crate::source::Source;

/// Reads a Parquet or Arrow source; the inner error is Polars' word.
pub fn read(format: Format, source: &Source) -> Result<Result<DataFrame, String>, Error> {
    // A file as it stands is read piece by piece; a compressed one has to be unpacked first.
    let mut file = source.open()?;
    let mut head = Vec::new();
    let looked = file
        .by_ref()
        .take(8)
        .read_to_end(&mut head)
        .and_then(|_| file.rewind());
    if looked.is_ok() && Format::of_magic(&head) == Some(format) {
        return Ok(frame(format, file, false));
    }
    let bytes = source.bytes()?;
    if bytes.is_empty() {
        return Err(Error::Empty {
            source_name: source.to_string(),
        });
    }
    let stream = !bytes.starts_with(b"ARROW1");
    Ok(frame(format, Cursor::new(bytes), stream))
}

fn frame<R: MmapBytesReader>(format: Format, reader: R, stream: bool) -> Result<DataFrame, String> {
    guard(|| match format {
        Format::Parquet => ParquetReader::new(reader).finish(),
        _ if stream => IpcStreamReader::new(reader).finish(),
        _ => IpcReader::new(reader).finish(),
    })
}

/// Runs `work` of Polars, which panics on some damaged files and on types it was built without: a panic becomes an
/// error like any other, without the noise of one.
pub fn guard<T>(work: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    static GUARDED: AtomicUsize = AtomicUsize::new(0);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.load(Ordering::SeqCst) == 0 {
                usual(info);
            }
        }));
    });
    GUARDED.fetch_add(1, Ordering::SeqCst);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.fetch_sub(1, Ordering::SeqCst);
    match result {
        Ok(result) => result.map_err(|error| first_line(&error.to_string())),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied());
            Err(first_line(said.unwrap_or("it is damaged")))
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it is damaged")
        .to_owned()
}

/// What became of a column.
pub enum Plain {
    /// One of our types, or vectors.
    Column(Series, Kind),
    /// Bytes that are no text; they are left out.
    Bytes,
}

/// Brings a column down to our types.
pub fn plain(series: &Series) -> PolarsResult<Plain> {
    let typed = |series: Series| Ok(Plain::Column(series, Kind::Typed));
    match series.dtype() {
        DataType::Boolean
        | DataType::Int64
        | DataType::Float64
        | DataType::Date
        | DataType::Decimal(..) => typed(series.clone()),
        DataType::String => Ok(Plain::Column(series.clone(), Kind::Mixed)),
        DataType::Null => Ok(Plain::Column(series.cast(&DataType::String)?, Kind::Empty)),
        DataType::UInt64 | DataType::Int128 | DataType::UInt128 => {
            match series.strict_cast(&DataType::Int64) {
                Ok(series) => typed(series),
                Err(_) => Ok(Plain::Column(series.cast(&DataType::String)?, Kind::Mixed)),
            }
        }
        dtype if dtype.is_integer() => typed(series.strict_cast(&DataType::Int64)?),
        dtype if dtype.is_float() => typed(series.cast(&DataType::Float64)?),
        DataType::Datetime(unit, zone) => {
            let unit = match unit {
                TimeUnit::Nanoseconds => TimeUnit::Nanoseconds,
                TimeUnit::Microseconds | TimeUnit::Milliseconds => TimeUnit::Microseconds,
            };
            let counts = series
                .cast(&DataType::Datetime(unit, zone.clone()))?
                .to_physical_repr()
                .into_owned();
            // A zone is a way to write an instant: the instant stays, in UTC.
            let zone = zone.as_ref().map(|_| TimeZone::UTC);
            typed(
                counts
                    .i64()?
                    .clone()
                    .into_datetime(unit, zone)
                    .into_series(),
            )
        }
        DataType::Duration(unit) => {
            let counts = series.to_physical_repr();
            let cells = counts
                .i64()?
                .iter()
                .map(|count| count.map(|count| duration(count, *unit)));
            let strings: StringChunked = cells.collect();
            Ok(Plain::Column(
                strings.with_name(series.name().clone()).into_series(),
                Kind::Mixed,
            ))
        }
        DataType::Binary => match series.strict_cast(&DataType::String) {
            Ok(series) => Ok(Plain::Column(series, Kind::Mixed)),
            Err(_) => Ok(Plain::Bytes),
        },
        DataType::List(inner) if inner.is_float() => {
            Ok(Plain::Column(series.clone(), Kind::Vectors))
        }
        DataType::Array(inner, _) if inner.is_numeric() => {
            Ok(Plain::Column(series.clone(), Kind::Vectors))
        }
        DataType::List(_) | DataType::Array(..) | DataType::Struct(_) => {
            let series = series.rechunk();
            let cells = series
                .iter()
                .map(|value| (!value.is_null()).then(|| json(&value).to_string()));
            let strings: StringChunked = cells.collect();
            Ok(Plain::Column(
                strings.with_name(series.name().clone()).into_series(),
                Kind::Nested,
            ))
        }
        _ => Ok(Plain::Column(series.cast(&DataType::String)?, Kind::Mixed)),
    }
}

/// A duration by ISO 8601, in days of 24 hours and less: `P1DT2H0.5S`, `-PT3M`, `PT0S`.
fn duration(count: i64, unit: TimeUnit) -> String {
    let (second, digits) = match unit {
        TimeUnit::Nanoseconds => (1_000_000_000, 9),
        TimeUnit::Microseconds => (1_000_000, 6),
        TimeUnit::Milliseconds => (1_000, 3),
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

/// What the values of a column were and what they are stored as, where that is another kind of thing. Wider numbers,
/// finer times and words for categories hold the same values, and are not told.
pub fn converted(from: &DataType, to: &DataType, kind: Kind) -> Option<(String, String)> {
    let to = match (from, to) {
        _ if kind == Kind::Nested => "JSON text".to_owned(),
        (_, DataType::String) if from.is_temporal() => "ISO 8601 text".to_owned(),
        (_, DataType::String) if from.is_numeric() || *from == DataType::Binary => {
            "text".to_owned()
        }
        (DataType::Datetime(_, Some(zone)), DataType::Datetime(_, Some(_)))
            if !["UTC", "Etc/UTC", "GMT", "+00:00"].contains(&zone.as_str()) =>
        {
            "the same moments in UTC".to_owned()
        }
        _ => return None,
    };
    Some((from.to_string(), to))
}

/// A nested value as JSON.
fn json(value: &AnyValue) -> serde_json::Value {
    use serde_json::Value;
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(truth) => Value::Bool(*truth),
        AnyValue::String(text) => Value::String((*text).to_owned()),
        AnyValue::StringOwned(text) => Value::String(text.to_string()),
        AnyValue::List(items) | AnyValue::Array(items, _) => {
            items.iter().map(|item| json(&item)).collect()
        }
        AnyValue::Struct(..) => {
            let DataType::Struct(fields) = value.dtype() else {
                return Value::Null;
            };
            let names = fields.iter().map(|field| field.name.to_string());
            Value::Object(
                names
                    .zip(value._iter_struct_av().map(|item| json(&item)))
                    .collect(),
            )
        }
        AnyValue::StructOwned(parts) => {
            let names = parts.1.iter().map(|field| field.name.to_string());
            Value::Object(names.zip(parts.0.iter().map(json)).collect())
        }
        number if number.is_integer() => number
            .extract::<i64>()
            .map_or_else(|| Value::String(number.to_string()), Value::from),
        number if number.is_primitive_numeric() => {
            number.extract::<f64>().map_or(Value::Null, Value::from)
        }
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_by_iso_8601() {
        let micros = |count| duration(count, TimeUnit::Microseconds);
        assert_eq!(micros(0), "PT0S");
        assert_eq!(micros(5), "PT0.000005S");
        assert_eq!(micros(-61_500_000), "-PT1M1.5S");
        assert_eq!(micros(86_400_000_000), "P1D");
        assert_eq!(micros(93_600_500_000), "P1DT2H0.5S");
        assert_eq!(duration(7_200_000, TimeUnit::Milliseconds), "PT2H");
        assert_eq!(
            duration(i64::MIN, TimeUnit::Nanoseconds),
            "-P106751DT23H47M16.854775808S"
        );
    }
}
