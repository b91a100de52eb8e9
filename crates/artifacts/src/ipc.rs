//! Vectors in Arrow IPC files, as other programs may write them.
//!
//! Record batches are read one by one and copied into the matrix in slices. Besides the matrix, at most one batch is in
//! memory, which may be as large as the file.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float32Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, read_footer_length};
use arrow::ipc::{MessageHeader, root_as_footer, root_as_message};

use crate::table::Table;
use crate::tables::Shape;
use crate::{Error, file};

/// The column of the vectors.
const COLUMN: &str = "embedding";
/// Values copied at a time.
const BATCH_VALUES: usize = 1 << 20;

fn fail(path: &Path) -> impl Fn(ArrowError) -> Error {
    move |source| Error::Format {
        path: path.to_owned(),
        format: "Arrow IPC",
        source: source.into(),
    }
}

/// All vectors of the file at `path`, row-major, and their length. Ids, if there are any, have to count the rows.
pub(crate) fn read(path: &Path) -> Result<(usize, Vec<f32>), Error> {
    let mut values = Vec::new();
    if let Some(shape) = shape(path)? {
        // A damaged file may claim any size: allocate at most the size of the file.
        let bytes = file::open(path)?
            .metadata()
            .map_err(Error::io("read", path))?
            .len() as usize;
        values.reserve_exact(shape.rows.saturating_mul(shape.dimensions).min(bytes / 4));
    }
    let d = visit(path, &mut |row| {
        values.extend_from_slice(row);
        Ok(())
    })?;
    Ok((d, values))
}

/// Visits the vectors of the file at `path` in order, and returns their length. Ids, if there are any, have to count the rows.
pub(crate) fn visit(
    path: &Path,
    each: &mut dyn FnMut(&[f32]) -> Result<(), Error>,
) -> Result<usize, Error> {
    let reader = FileReader::try_new_buffered(file::open(path)?, None).map_err(fail(path))?;
    let schema = reader.schema();
    let Some((at, field)) = schema.column_with_name(COLUMN) else {
        return Err(Error::MissingColumn {
            path: path.to_owned(),
            column: COLUMN.to_owned(),
            found: schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect::<Vec<_>>()
                .join(", "),
        });
    };
    if !is_float_list(field.data_type()) {
        return Err(Error::ColumnType {
            path: path.to_owned(),
            column: COLUMN.to_owned(),
            expected: "a list of floats",
            found: field.data_type().to_string(),
        });
    }
    let ids = schema.column_with_name("id");
    let mut d = None;
    let mut row = 0;
    for batch in reader {
        let batch = batch.map_err(fail(path))?;
        if let Some((at, _)) = ids {
            Table::piece(path, &schema, "id", Some(batch.column(at)), row).check_ids()?;
        }
        let column = batch.column(at);
        let step = (BATCH_VALUES / d.unwrap_or(1).max(1)).clamp(1, 4096);
        for first in (0..column.len()).step_by(step) {
            let piece = column.slice(first, step.min(column.len() - first));
            let lists =
                arrow::compute::cast(&piece, &DataType::new_large_list(DataType::Float32, true))
                    .map_err(fail(path))?;
            for list in lists.as_list::<i64>() {
                let Some(list) = list.filter(|list| list.null_count() == 0) else {
                    return Err(Error::row(path, row, "`embedding` is null"));
                };
                let expected = *d.get_or_insert(list.len());
                if list.len() != expected {
                    let fault = format!(
                        "`embedding` has {} values, the rows before have {expected}",
                        list.len()
                    );
                    return Err(Error::row(path, row, fault));
                }
                each(list.as_primitive::<Float32Type>().values())?;
                row += 1;
            }
        }
    }
    Ok(d.unwrap_or(0))
}

/// The size by the footer and the headers of the batches; `None` if the column is missing.
pub(crate) fn shape(path: &Path) -> Result<Option<Shape>, Error> {
    let damaged = |what: &str| fail(path)(ArrowError::IpcError(what.to_owned()));
    let io = || Error::io("read", path);
    let mut file = file::open(path)?;
    let bytes = file.metadata().map_err(io())?.len();
    let mut piece = |from: u64, length: u64| {
        if from.checked_add(length).is_none_or(|end| end > bytes) {
            return Err(damaged("it is truncated"));
        }
        let mut piece = vec![0; length as usize];
        file.seek(SeekFrom::Start(from)).map_err(io())?;
        file.read_exact(&mut piece).map_err(io())?;
        Ok(piece)
    };
    let end = piece(bytes.saturating_sub(10), 10.min(bytes))?;
    let end = <[u8; 10]>::try_from(end).map_err(|_| damaged("it is truncated"))?;
    let length = read_footer_length(end).map_err(fail(path))? as u64;
    let footer = piece(bytes.saturating_sub(10).saturating_sub(length), length)?;
    let footer = root_as_footer(&footer).map_err(|error| damaged(&error.to_string()))?;
    let Some(schema) = footer.schema() else {
        return Err(damaged("it has no schema"));
    };
    let schema = arrow::ipc::convert::try_fb_to_schema(schema).map_err(fail(path))?;
    let Some((at, _)) = schema.column_with_name(COLUMN) else {
        return Ok(None);
    };
    // The node of the values follows the node of the lists, which follows the nodes of the preceding columns.
    let before: usize = schema.fields()[..at]
        .iter()
        .map(|field| nodes(field.data_type()))
        .sum();
    let (mut rows, mut values, mut largest) = (0u64, 0u64, 0u64);
    for block in footer.recordBatches().into_iter().flatten() {
        let length = u64::try_from(block.metaDataLength()).unwrap_or(0);
        let head = piece(u64::try_from(block.offset()).unwrap_or(u64::MAX), length)?;
        // A four-byte continuation marker and the length; old writers have only the length.
        let skipped = if head.starts_with(&[0xff; 4]) { 8 } else { 4 };
        let message = head
            .get(skipped..)
            .and_then(|head| root_as_message(head).ok())
            .ok_or_else(|| damaged("the header of a batch cannot be read"))?;
        if message.header_type() != MessageHeader::RecordBatch {
            continue;
        }
        let Some(batch) = message.header_as_record_batch() else {
            continue;
        };
        let held = batch
            .nodes()
            .filter(|nodes| before + 1 < nodes.len())
            .map_or(0, |nodes| nodes.get(before + 1).length());
        let held = u64::try_from(held).unwrap_or(0);
        rows = rows.saturating_add(u64::try_from(batch.length()).unwrap_or(0));
        values = values.saturating_add(held);
        if let Some(compression) = batch.compression() {
            let codec = compression
                .codec()
                .variant_name()
                .unwrap_or("an unknown codec");
            return Err(Error::Codec {
                path: path.to_owned(),
                codec: codec.to_lowercase(),
                readable: "without compression (PyArrow: `compression=\"uncompressed\"`), or as Parquet",
            });
        }
        largest = largest.max(u64::try_from(block.bodyLength()).unwrap_or(0));
    }
    let Some(dimensions) = values.checked_div(rows) else {
        return Ok(None);
    };
    let shape = Shape::read_by_pieces(rows as usize, dimensions as usize);
    Ok(Some(Shape {
        reading: shape.reading.saturating_add(largest),
        ..shape
    }))
}

/// The number of field nodes of this type in a record batch.
fn nodes(kind: &DataType) -> usize {
    1 + match kind {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => nodes(item.data_type()),
        DataType::Struct(fields) => fields.iter().map(|field| nodes(field.data_type())).sum(),
        DataType::RunEndEncoded(ends, values) => {
            nodes(ends.data_type()) + nodes(values.data_type())
        }
        DataType::Union(fields, _) => fields
            .iter()
            .map(|(_, field)| nodes(field.data_type()))
            .sum(),
        _ => 0,
    }
}

/// Whether the type is a list of floats.
fn is_float_list(kind: &DataType) -> bool {
    match kind {
        DataType::FixedSizeList(item, _) | DataType::List(item) | DataType::LargeList(item) => {
            item.data_type().is_floating()
        }
        _ => false,
    }
}
