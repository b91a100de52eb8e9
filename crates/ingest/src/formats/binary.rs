//! Parquet and Arrow IPC, and the conversion of their types.
//!
//! Integers become i64 (text if one of them is too large), categories become text; floats and decimals are kept, and
//! timestamps, in nanoseconds or microseconds, with UTC as the only time zone. Times of day and durations become ISO 8601
//! text, lists and structs JSON text, except lists of floats, which can be vectors. No value is rounded or truncated.

use std::cell::Cell;
use std::io::{BufReader, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use arrow::array::{
    Array, ArrayRef, AsArray, LargeStringArray, PrimitiveArray, RecordBatch, new_empty_array,
};
use arrow::compute::concat;
use arrow::datatypes::{
    ArrowTimestampType, DataType, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use super::{Format, Kind, nested};
use crate::convert::{UTC, cast, to_text, type_name};
use crate::error::Error;
use crate::source::Source;

/// A table as it was read.
pub struct Frame {
    /// The columns and their types.
    pub schema: SchemaRef,
    /// The number of rows.
    pub rows: usize,
    /// The values of each column, in pieces.
    pub columns: Vec<Vec<ArrayRef>>,
}

impl Frame {
    fn collect(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    ) -> Result<Self, ArrowError> {
        let (mut rows, mut columns) = (0, vec![Vec::new(); schema.fields().len()]);
        for batch in batches {
            let batch = batch?;
            rows += batch.num_rows();
            for (column, piece) in columns.iter_mut().zip(batch.columns()) {
                column.push(piece.clone());
            }
        }
        Ok(Self {
            schema,
            rows,
            columns,
        })
    }
}

/// Reads a Parquet or Arrow source; the inner error is the reader's.
pub fn read(format: Format, source: &Source) -> Result<Result<Frame, String>, Error> {
    // An uncompressed file is read in batches; a compressed one has to be decompressed first.
    let mut file = source.open()?;
    let mut head = Vec::new();
    let looked = file
        .by_ref()
        .take(8)
        .read_to_end(&mut head)
        .and_then(|_| file.rewind());
    if looked.is_ok() && Format::of_magic(&head) == Some(format) {
        return Ok(guarded(|| match format {
            Format::Parquet => parquet(file),
            _ => ipc_file(BufReader::new(file)),
        }));
    }
    let bytes = source.bytes()?;
    if bytes.is_empty() {
        return Err(Error::Empty {
            source_name: source.to_string(),
        });
    }
    Ok(guarded(|| match format {
        Format::Parquet => parquet(bytes::Bytes::from(bytes)),
        _ if bytes.starts_with(b"ARROW1") => ipc_file(Cursor::new(bytes)),
        _ => ipc_stream(&bytes),
    }))
}

fn parquet<R: ChunkReader + 'static>(reader: R) -> Result<Frame, ArrowError> {
    const ROWS: usize = 8_192;
    let builder = ParquetRecordBatchReaderBuilder::try_new(reader)?;
    let schema = builder.schema().clone();
    Frame::collect(schema, builder.with_batch_size(ROWS).build()?)
}

fn ipc_file(reader: impl Read + Seek) -> Result<Frame, ArrowError> {
    let reader = FileReader::try_new(reader, None)?;
    Frame::collect(reader.schema(), reader)
}

fn ipc_stream(bytes: &[u8]) -> Result<Frame, ArrowError> {
    let reader = StreamReader::try_new(bytes, None)?;
    Frame::collect(reader.schema(), reader)
}

/// Runs `read`, and turns a panic of the reader on a damaged file into an error, without the message of the panic.
fn guarded(read: impl FnOnce() -> Result<Frame, ArrowError>) -> Result<Frame, String> {
    thread_local! {
        static GUARDED: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                usual(info);
            }
        }));
    });
    GUARDED.set(true);
    // Unwind safe: a panic drops everything that `read` made.
    let result = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    match result {
        Ok(result) => result.map_err(|error| first_line(&error.to_string())),
        Err(_) => Err("it contradicts itself".to_owned()),
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it is damaged")
        .to_owned()
}

/// The conversion of a column.
pub enum Plain {
    /// A supported type, or vectors.
    Column(ArrayRef, Kind),
    /// Bytes that are not text; they are left out.
    Bytes,
}

/// Converts the column of type `dtype` with the values `chunks` to a supported type.
pub fn plain(dtype: &DataType, chunks: Vec<ArrayRef>) -> Result<Plain, String> {
    let mut pieces = Vec::with_capacity(chunks.len().max(1));
    for chunk in chunks {
        pieces.push(simple(&chunk)?);
    }
    if pieces.is_empty() {
        pieces.push(simple(&new_empty_array(dtype))?);
    }
    let parts: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    let column = concat(&parts).map_err(|error| error.to_string())?;
    drop(pieces);
    settled(column, value_type(dtype))
}

/// The value type of a dictionary or run-end encoded type.
fn value_type(dtype: &DataType) -> &DataType {
    match dtype {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::RunEndEncoded(_, values) => value_type(values.data_type()),
        dtype => dtype,
    }
}

/// A chunk of a column in one of few types, independent of its values.
fn simple(array: &ArrayRef) -> Result<ArrayRef, String> {
    use DataType as D;
    Ok(match array.data_type() {
        D::Dictionary(_, values) => simple(&cast(array, values)?)?,
        D::RunEndEncoded(_, values) => simple(&cast(array, values.data_type())?)?,
        D::Utf8 | D::Utf8View | D::Null => cast(array, &D::LargeUtf8)?,
        D::Binary | D::BinaryView | D::FixedSizeBinary(_) => cast(array, &D::LargeBinary)?,
        dtype if dtype.is_integer() && *dtype != D::UInt64 => cast(array, &D::Int64)?,
        &(D::Decimal32(precision, scale)
        | D::Decimal64(precision, scale)
        | D::Decimal128(precision, scale))
            if scale >= 0 =>
        {
            cast(array, &D::Decimal128(precision, scale))?
        }
        D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) => {
            cast(array, &D::Decimal128(38, 0))?
        }
        D::Date64 => moments::<TimestampMicrosecondType>(array, None)?,
        D::Timestamp(unit, zone) => {
            let zone = zone.as_ref().map(|_| UTC);
            if *unit == TimeUnit::Nanosecond {
                moments::<TimestampNanosecondType>(array, zone)?
            } else {
                moments::<TimestampMicrosecondType>(array, zone)?
            }
        }
        D::Time32(_) | D::Time64(_) => {
            Arc::new(to_text(&cast(array, &D::Time64(TimeUnit::Nanosecond))?)?)
        }
        D::Duration(unit) => {
            let counts = cast(array, &D::Int64)?;
            let counts = counts.as_primitive::<Int64Type>().iter();
            let cells: LargeStringArray = counts
                .map(|count| count.map(|count| nested::duration(count, *unit)))
                .collect();
            Arc::new(cells)
        }
        D::List(item) if item.data_type().is_floating() => {
            cast(array, &D::LargeList(item.clone()))?
        }
        dtype if is_vector(dtype) => array.clone(),
        dtype if is_nested(dtype) => Arc::new(nested::json(array.as_ref())?),
        D::Interval(_) => cast(array, &D::LargeUtf8)?,
        _ => array.clone(),
    })
}

/// Timestamps in the unit of `T`.
fn moments<T: ArrowTimestampType>(
    array: &ArrayRef,
    zone: Option<&'static str>,
) -> Result<ArrayRef, String> {
    let size = |unit: TimeUnit| match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let factor = match array.data_type() {
        DataType::Timestamp(unit, _) => size(T::UNIT) / size(*unit),
        _ => size(T::UNIT) / size(TimeUnit::Millisecond),
    };
    let counts = cast(array, &DataType::Int64)?;
    let counts: PrimitiveArray<T> = counts
        .as_primitive::<Int64Type>()
        .try_unary(|count: i64| {
            count.checked_mul(factor).ok_or_else(|| {
                ArrowError::ComputeError(format!("the moment {count} is too far from 1970"))
            })
        })
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(counts.with_timezone_opt(zone)))
}

/// Whether columns of this type can be vectors.
fn is_vector(dtype: &DataType) -> bool {
    match dtype {
        DataType::List(item) | DataType::LargeList(item) => item.data_type().is_floating(),
        DataType::FixedSizeList(item, _) => item.data_type().is_numeric(),
        _ => false,
    }
}

fn is_nested(dtype: &DataType) -> bool {
    dtype.is_nested() && value_type(dtype) == dtype
}

/// A whole column in a supported type, which may depend on all of its values.
fn settled(column: ArrayRef, from: &DataType) -> Result<Plain, String> {
    let kind = match from {
        DataType::Null => Kind::Empty,
        dtype if is_vector(dtype) => Kind::Vectors,
        dtype if is_nested(dtype) => Kind::Nested,
        _ if *column.data_type() == DataType::LargeUtf8 => Kind::Mixed,
        _ => Kind::Typed,
    };
    Ok(match column.data_type() {
        // Values beyond i64 are numbers in conditions, and are stored as text.
        DataType::UInt64 => Plain::Column(
            cast(&column, &DataType::Int64).unwrap_or(column),
            Kind::Typed,
        ),
        &DataType::Decimal256(_, scale) => {
            let narrow = DataType::Decimal128(38, scale);
            match cast(&column, &narrow) {
                Ok(column) if scale >= 0 => Plain::Column(column, Kind::Typed),
                _ => Plain::Column(cast(&column, &DataType::LargeUtf8)?, Kind::Mixed),
            }
        }
        DataType::LargeBinary => match cast(&column, &DataType::LargeUtf8) {
            Ok(column) => Plain::Column(column, Kind::Mixed),
            Err(_) => Plain::Bytes,
        },
        _ => Plain::Column(column, kind),
    })
}

/// The original and the stored type of a column, if the values change. Wider numbers, finer times and text for categories
/// hold the same values and are not reported.
pub fn converted(from: &DataType, to: &DataType, kind: Kind) -> Option<(String, String)> {
    let from = value_type(from);
    let is_text = matches!(to, DataType::LargeUtf8 | DataType::UInt64);
    let to = match (from, to) {
        _ if kind == Kind::Nested => "JSON text".to_owned(),
        _ if is_text && (from.is_temporal() || matches!(from, DataType::Interval(_))) => {
            "ISO 8601 text".to_owned()
        }
        _ if is_text && (from.is_numeric() || is_binary(from)) => "text".to_owned(),
        (DataType::Timestamp(_, Some(zone)), DataType::Timestamp(_, Some(_)))
            if !["UTC", "Etc/UTC", "GMT", "Z", UTC].contains(&zone.as_ref()) =>
        {
            "the same times in UTC".to_owned()
        }
        _ => return None,
    };
    Some((type_name(from), to))
}

fn is_binary(dtype: &DataType) -> bool {
    matches!(
        dtype,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}
