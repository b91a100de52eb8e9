//! Writing Parquet tables: each column with the encoding that fits its values, whole or in row groups.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt32Array,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::checksum::Checking;
use crate::contract::Column;
use crate::{Error, Footer, file};

/// Most rows of a row group: some viewers reject larger ones.
pub(crate) const ROW_GROUP: usize = 25_000;

/// Most bytes of the fixed-size lists of a column in a row group, which is in memory while it is written.
const ROW_GROUP_BYTES: usize = 8 << 20;

/// Rows per row group of a file whose longest fixed-size lists have `width` values, 0 without lists.
fn row_group(width: usize) -> usize {
    let rows = ROW_GROUP_BYTES.checked_div(4 * width);
    rows.map_or(ROW_GROUP, |rows| rows.clamp(1, ROW_GROUP))
}

/// The columns of a file to be written, in order.
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
    plain: Vec<ColumnPath>,
    distinct: Vec<(ColumnPath, Encoding)>,
    /// Values of the longest fixed-size lists.
    width: usize,
}

impl Columns {
    pub(crate) fn add(&mut self, name: &str, array: ArrayRef) {
        let nullable = array.null_count() > 0;
        self.add_as(Field::new(name, array.data_type().clone(), nullable), array);
    }

    pub(crate) fn add_as(&mut self, field: Field, array: ArrayRef) {
        self.fields.push(field);
        self.arrays.push(array);
    }

    /// Adds the other columns of the source.
    pub(crate) fn others(&mut self, others: &RecordBatch) {
        for (field, array) in others.schema().fields().iter().zip(others.columns()) {
            let field = Field::new(field.name(), array.data_type().clone(), true);
            self.add_as(field, Arc::clone(array));
        }
    }

    /// Ids and counts: mostly distinct and often ascending, hence delta encoded.
    pub(crate) fn i64(&mut self, name: &str, values: impl Into<Vec<i64>>) {
        self.distinct(name, Encoding::DELTA_BINARY_PACKED);
        self.add(name, Arc::new(Int64Array::from(values.into())));
    }

    pub(crate) fn ids(&mut self, n: usize) {
        self.ids_of(0..n);
    }

    /// The ids of some of the rows.
    pub(crate) fn ids_of(&mut self, rows: Range<usize>) {
        let ids = rows.start as i64..rows.end as i64;
        self.i64(Column::ID.name, ids.collect::<Vec<_>>());
    }

    pub(crate) fn i32(&mut self, name: &str, values: &[i32]) {
        self.add(name, Arc::new(Int32Array::from(values.to_vec())));
    }

    pub(crate) fn f32(&mut self, name: &str, values: &[f32]) {
        self.distinct(name, Encoding::PLAIN);
        self.add(name, Arc::new(Float32Array::from(values.to_vec())));
    }

    pub(crate) fn f64(&mut self, name: &str, values: &[f64]) {
        self.distinct(name, Encoding::PLAIN);
        self.add(name, Arc::new(Float64Array::from(values.to_vec())));
    }

    /// Disables the dictionary of the column `name`, whose values are mostly distinct: the writer would spend most of its time
    /// building a dictionary and then discard it.
    fn distinct(&mut self, name: &str, encoding: Encoding) {
        self.distinct.push((ColumnPath::from(name), encoding));
    }

    pub(crate) fn text<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.add(name, Arc::new(StringArray::from_iter_values(values)));
    }

    /// Fixed-size lists, stored plain: random floats and ids do not compress, and plain pages can be copied on reading.
    pub(crate) fn fixed_lists<T: Fixed>(
        &mut self,
        name: &str,
        values: ScalarBuffer<T>,
        width: usize,
    ) {
        self.width = self.width.max(width);
        let item = Arc::new(Field::new("element", T::TYPE, false));
        let array =
            FixedSizeListArray::new(Arc::clone(&item), width as i32, T::array(values), None);
        self.plain.push(ColumnPath::new(vec![
            name.to_owned(),
            "list".to_owned(),
            "element".to_owned(),
        ]));
        self.add(name, Arc::new(array));
    }

    /// Writes the columns as a file of `kind`.
    pub(crate) fn write(
        self,
        path: &Path,
        kind: &str,
        version: u32,
        footer: &Footer,
    ) -> Result<(), Error> {
        let properties = self.properties(kind, version, footer);
        let row_group = row_group(self.width);
        let whole = self.batch(path)?;
        let rows = (whole.num_rows(), row_group);
        write_row_groups(path, whole.schema(), properties, rows, |group| {
            Ok(whole.slice(group.start, group.len()))
        })
    }

    /// Writes a file of `kind` with `rows` rows, at least one, whose longest fixed-size lists have `width` values; `columns` makes
    /// one row group at a time.
    pub(crate) fn write_groups<E: From<Error>>(
        path: &Path,
        (kind, version): (&str, u32),
        footer: &Footer,
        (rows, width): (usize, usize),
        mut columns: impl FnMut(Range<usize>) -> Result<Self, E>,
    ) -> Result<(), E> {
        let row_group = row_group(width);
        let first = columns(0..rows.min(row_group))?;
        let properties = first.properties(kind, version, footer);
        let first = first.batch(path)?;
        let schema = first.schema();
        let mut first = Some(first);
        write_row_groups(
            path,
            schema,
            properties,
            (rows, row_group),
            |group| match first.take() {
                Some(first) => Ok(first),
                None => Ok(columns(group)?.batch(path)?),
            },
        )
    }

    fn properties(&self, kind: &str, version: u32, footer: &Footer) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_compression(zstd(3))
            .set_max_row_group_row_count(Some(row_group(self.width)))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_key_value_metadata(Some(vec![footer.key_value(kind, version)]));
        for (column, encoding) in &self.distinct {
            // For numbers, the fastest level compresses as well as others and needs a tenth of the memory.
            properties = properties
                .set_column_compression(column.clone(), zstd(1))
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column.clone(), *encoding);
        }
        for column in &self.plain {
            properties = properties
                .set_column_compression(column.clone(), Compression::UNCOMPRESSED)
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column.clone(), Encoding::PLAIN)
                .set_column_statistics_enabled(column.clone(), EnabledStatistics::None);
        }
        properties.build()
    }

    fn batch(self, path: &Path) -> Result<RecordBatch, Error> {
        let schema = Arc::new(Schema::new(self.fields));
        RecordBatch::try_new(schema, self.arrays).map_err(Error::parquet(path))
    }
}

/// Writes a file with `rows` rows, of which `batch` makes a row group of `row_group` rows at a time.
fn write_row_groups<E: From<Error>>(
    path: &Path,
    schema: SchemaRef,
    properties: WriterProperties,
    (rows, row_group): (usize, usize),
    mut batch: impl FnMut(Range<usize>) -> Result<RecordBatch, E>,
) -> Result<(), E> {
    file::write_atomic(path, |out| {
        let mut out = Checking::new(out);
        let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties))
            .map_err(Error::written(path))?;
        for start in (0..rows).step_by(row_group) {
            let batch = batch(start..rows.min(start + row_group))?;
            writer.write(&batch).map_err(Error::written(path))?;
        }
        writer.flush().map_err(Error::written(path))?;
        writer.sync().map_err(Error::written(path))?;
        writer.inner_mut().hold();
        writer.close().map_err(Error::written(path))?;
        out.finish().map_err(Error::written(path))?;
        Ok(())
    })
}

fn zstd(level: i32) -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(level).expect("a level of zstd"))
}

/// A value of a fixed-size list: four bytes, as Parquet stores them.
pub(crate) trait Fixed: arrow::datatypes::ArrowNativeType + bytemuck::Pod {
    const TYPE: DataType;
    fn array(values: ScalarBuffer<Self>) -> ArrayRef;
}

impl Fixed for f32 {
    const TYPE: DataType = DataType::Float32;
    fn array(values: ScalarBuffer<Self>) -> ArrayRef {
        Arc::new(Float32Array::new(values, None))
    }
}

impl Fixed for u32 {
    const TYPE: DataType = DataType::UInt32;
    fn array(values: ScalarBuffer<Self>) -> ArrayRef {
        Arc::new(UInt32Array::new(values, None))
    }
}
