//! The file that Milvus' bulk import reads: `id` (int64), `embedding` (a list of floats), and the texts.
//!
//! The collection needs fields of these names and types: a primary key `id` of INT64 that is not assigned by Milvus, a
//! `FLOAT_VECTOR` called `embedding`, and a VARCHAR `text` with a `max_length` of 65,535.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::{Documents, Error, VectorFile, file};

/// The largest text of a VARCHAR field, in bytes.
const MAX_TEXT: usize = 65_535;

/// Rows per row group.
const ROWS: usize = 10_000;

/// Writes vectors and texts for Milvus' bulk import, row group by row group. Returns the number of texts that were cut to the
/// 65,535 bytes that a field can hold.
///
/// # Errors
///
/// [`Error::Shape`] if there are not as many texts as vectors, and those of reading and writing.
pub fn write_milvus_import(
    path: &Path,
    vectors: &VectorFile,
    texts: &Documents,
) -> Result<usize, Error> {
    let (n, d) = (vectors.len(), vectors.dim());
    if texts.len() != n {
        let fault = format!("{} texts do not belong to {n} vectors", texts.len());
        return Err(Error::shape(path, fault));
    }
    let element = Arc::new(Field::new("element", DataType::Float32, false));
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("embedding", DataType::List(Arc::clone(&element)), false),
        Field::new("text", DataType::Utf8, false),
    ]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROWS))
        .build();
    let mut cut = 0;
    file::write_atomic(path, |out| {
        let mut writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties))
            .map_err(Error::parquet(path))?;
        for first in (0..n).step_by(ROWS) {
            let rows = ROWS.min(n - first);
            let mut values = vec![0.0; rows * d];
            vectors.read(first, &mut values)?;
            let lists = ListArray::new(
                Arc::clone(&element),
                OffsetBuffer::from_lengths(std::iter::repeat_n(d, rows)),
                Arc::new(Float32Array::from(values)),
                None,
            );
            let texts = (first..first + rows).map(|id| {
                let text = texts.text(id);
                let end = text.floor_char_boundary(MAX_TEXT);
                cut += usize::from(end < text.len());
                &text[..end]
            });
            let columns: Vec<ArrayRef> = vec![
                Arc::new(Int64Array::from_iter_values(
                    first as i64..(first + rows) as i64,
                )),
                Arc::new(lists),
                Arc::new(StringArray::from_iter_values(texts)),
            ];
            let batch =
                RecordBatch::try_new(Arc::clone(&schema), columns).map_err(Error::parquet(path))?;
            writer.write(&batch).map_err(Error::parquet(path))?;
        }
        writer.close().map_err(Error::parquet(path))?;
        Ok::<(), Error>(())
    })?;
    Ok(cut)
}
