//! Reading Parquet tables by column name and type, with errors that name file, column and row.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, SchemaRef,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use crate::checksum::Checked;
use crate::columns::ROW_GROUP;
use crate::contract::Column;
use crate::{Error, Footer, file};

/// The content and the footer of a file.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    /// The content.
    pub value: T,
    /// Its footer, `None` in a foreign file.
    pub footer: Option<Footer>,
}

impl<T> std::ops::Deref for Stored<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// The columns of one file.
pub(crate) struct Table {
    path: PathBuf,
    schema: SchemaRef,
    columns: BTreeMap<String, ArrayRef>,
    /// Row number in the file of the first row of this table.
    first: usize,
    pub(crate) rows: usize,
    pub(crate) footer: Option<Footer>,
}

impl Table {
    /// Reads all columns of the file at `path`, and checks that it is a `kind`.
    pub(crate) fn read(path: &Path, kind: &'static str, version: u32) -> Result<Self, Error> {
        let table = Self::read_where(path, |_| true)?;
        check_kind(path, table.footer.as_ref(), kind, version)?;
        Ok(table)
    }

    /// Reads only the columns `names`.
    pub(crate) fn read_only(path: &Path, names: &[&str]) -> Result<Self, Error> {
        Self::read_where(path, |name| names.contains(&name))
    }

    fn read_where(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self, Error> {
        file::guarded(path, || Self::read_columns(path, wanted))
    }

    fn read_columns(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(Checked::open(path)?)
            .map_err(Error::parquet(path))?;
        let footer = Footer::from_key_values(
            path,
            builder.metadata().file_metadata().key_value_metadata(),
        )?;
        check_codecs(path, builder.metadata(), &wanted)?;
        let kept: Vec<usize> = builder
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| wanted(field.name()))
            .map(|(at, _)| at)
            .collect();
        let mask = parquet::arrow::ProjectionMask::roots(builder.parquet_schema(), kept);
        let rows = builder.metadata().file_metadata().num_rows() as usize;
        let reader = builder
            .with_projection(mask)
            .with_batch_size(ROW_GROUP)
            .build()
            .map_err(Error::parquet(path))?;
        let schema = arrow::array::RecordBatchReader::schema(&reader);
        let batches = reader
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::parquet(path))?;
        let mut columns = BTreeMap::new();
        for (at, field) in schema.fields().iter().enumerate() {
            let parts: Vec<ArrayRef> = batches
                .iter()
                .map(|batch| widen(batch.column(at)))
                .collect();
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            let whole = if parts.is_empty() {
                arrow::array::new_empty_array(&widened(field.data_type()))
            } else {
                concat(&parts).map_err(Error::parquet(path))?
            };
            if columns.insert(field.name().clone(), whole).is_some() {
                return Err(Error::shape(
                    path,
                    format!("two columns are called `{}`", field.name()),
                ));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            schema,
            columns,
            first: 0,
            rows,
            footer,
        })
    }

    /// Reads the column `name` in tables of `step` rows, each with its row offset in the file.
    pub(crate) fn read_pieces(
        path: &Path,
        name: &str,
        step: usize,
        mut each: impl FnMut(&Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(Checked::open(path)?)
            .map_err(Error::parquet(path))?;
        let at = builder
            .schema()
            .fields()
            .iter()
            .position(|field| field.name() == name);
        let mask = parquet::arrow::ProjectionMask::roots(builder.parquet_schema(), at);
        let schema = Arc::clone(builder.schema());
        let piece =
            |column: Option<&ArrayRef>, first| Self::piece(path, &schema, name, column, first);
        if at.is_none() {
            // A missing column is reported by the caller.
            return each(&piece(None, 0));
        }
        let reader = builder
            .with_projection(mask)
            .with_batch_size(step)
            .build()
            .map_err(Error::parquet(path))?;
        let mut first = 0;
        for batch in reader {
            let batch = batch.map_err(Error::parquet(path))?;
            each(&piece(Some(batch.column(0)), first))?;
            first += batch.num_rows();
        }
        Ok(())
    }

    /// A table of the column `name`, from row `first` of the file on; without columns if the file has no such column.
    pub(crate) fn piece(
        path: &Path,
        schema: &SchemaRef,
        name: &str,
        column: Option<&ArrayRef>,
        first: usize,
    ) -> Self {
        let columns = column.map(|column| (name.to_owned(), Arc::clone(column)));
        Self {
            path: path.to_owned(),
            schema: Arc::clone(schema),
            columns: columns.into_iter().collect(),
            first,
            rows: column.map_or(0, arrow::array::Array::len),
            footer: None,
        }
    }

    /// The column names, in the file's order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    pub(crate) fn raw(&self, name: &str) -> Result<&ArrayRef, Error> {
        self.columns.get(name).ok_or_else(|| Error::MissingColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.names().collect::<Vec<_>>().join(", "),
        })
    }

    /// The column `name` as `to`, without nulls.
    fn typed(
        &self,
        name: &str,
        to: &DataType,
        expected: &'static str,
        takes: fn(&DataType) -> bool,
    ) -> Result<ArrayRef, Error> {
        let raw = self.raw(name)?;
        let mismatch = || Error::ColumnType {
            path: self.path.clone(),
            column: name.to_owned(),
            expected,
            found: raw.data_type().to_string(),
        };
        if !takes(raw.data_type()) {
            return Err(mismatch());
        }
        let array = cast(raw, to).map_err(|_| mismatch())?;
        match (0..array.len()).find(|&row| array.is_null(row)) {
            None => Ok(array),
            Some(row) if raw.is_null(row) => Err(self.at(row, format!("`{name}` is null"))),
            Some(row) => Err(self.at(row, format!("`{name}` does not fit {expected}"))),
        }
    }

    pub(crate) fn i64(&self, name: &str) -> Result<Vec<i64>, Error> {
        let array = self.typed(name, &DataType::Int64, "an integer", DataType::is_integer)?;
        Ok(array.as_primitive::<Int64Type>().values().to_vec())
    }

    pub(crate) fn i32(&self, name: &str) -> Result<Vec<i32>, Error> {
        let array = self.typed(
            name,
            &DataType::Int32,
            "a 32-bit integer",
            DataType::is_integer,
        )?;
        Ok(array.as_primitive::<Int32Type>().values().to_vec())
    }

    pub(crate) fn f32(&self, name: &str) -> Result<Vec<f32>, Error> {
        let array = self.typed(name, &DataType::Float32, "a number", DataType::is_numeric)?;
        let values = array.as_primitive::<Float32Type>().values().to_vec();
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(row) => Err(self.at(
                row,
                format!("`{name}` is {}, not a finite number", values[row]),
            )),
        }
    }

    /// The column `name` as `to`, which may hold nulls.
    pub(crate) fn nullable(&self, name: &str, to: &DataType) -> Result<ArrayRef, Error> {
        cast(self.raw(name)?, to).map_err(Error::parquet(&self.path))
    }

    pub(crate) fn f64(&self, name: &str) -> Result<Vec<f64>, Error> {
        let array = self.typed(name, &DataType::Float64, "a number", DataType::is_numeric)?;
        let values = array.as_primitive::<Float64Type>().values().to_vec();
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(row) => Err(self.at(
                row,
                format!("`{name}` is {}, not a finite number", values[row]),
            )),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<LargeStringArray, Error> {
        let array = self.typed(name, &DataType::LargeUtf8, "text", |kind| {
            matches!(
                kind,
                DataType::Utf8
                    | DataType::LargeUtf8
                    | DataType::Utf8View
                    | DataType::Dictionary(..)
            )
        })?;
        Ok(array.as_string::<i64>().clone())
    }

    /// A list column: the lists row by row, as arrays of `inner`.
    pub(crate) fn lists(&self, name: &str, inner: &DataType) -> Result<Vec<ArrayRef>, Error> {
        let raw = self.raw(name)?;
        let mismatch = || Error::ColumnType {
            path: self.path.clone(),
            column: name.to_owned(),
            expected: "a list",
            found: raw.data_type().to_string(),
        };
        // Arrow would cast a scalar to a list of one.
        if !matches!(
            raw.data_type(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
        ) {
            return Err(mismatch());
        }
        let target = DataType::LargeList(Arc::new(Field::new("item", inner.clone(), true)));
        let array = cast(raw, &target).map_err(|_| mismatch())?;
        let list = array.as_list::<i64>();
        (0..list.len())
            .map(|row| {
                let values = list.value(row);
                if list.is_null(row) {
                    return Err(self.at(row, format!("`{name}` is null")));
                }
                // The cast turns values out of range into nulls.
                if values.null_count() > 0 {
                    let fault =
                        format!("`{name}` holds a null or a value that is not {inner}, such as -1 for a missing neighbor");
                    return Err(self.at(row, fault));
                }
                Ok(values)
            })
            .collect()
    }

    /// Checks the column `id`, which may be missing unless it is `required`.
    pub(crate) fn check_row_numbers(&self, required: bool) -> Result<(), Error> {
        if required || self.has(Column::ID.name) {
            self.check_ids()
        } else {
            Ok(())
        }
    }

    /// Checks that `id` is 0, 1, 2 ...
    pub(crate) fn check_ids(&self) -> Result<(), Error> {
        let ids = self.i64(Column::ID.name)?;
        let expected = self.first as i64..;
        match expected.zip(ids).find(|(expected, id)| id != expected) {
            None => Ok(()),
            Some((expected, id)) => Err(Error::row(
                &self.path,
                expected as usize,
                format!("`id` is {id}, expected {expected}: ids count rows from 0"),
            )),
        }
    }

    pub(crate) fn at(&self, row: usize, fault: String) -> Error {
        Error::row(&self.path, self.first + row, fault)
    }
}

/// Casts all text to `LargeUtf8`, because texts of more than 2 GiB need 64-bit offsets.
fn widened(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 | DataType::Utf8View => DataType::LargeUtf8,
        other => other.clone(),
    }
}

fn widen(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8 | DataType::Utf8View => {
            cast(array, &DataType::LargeUtf8).expect("text widens to text")
        }
        _ => Arc::clone(array),
    }
}

/// Checks that this program can decompress the `wanted` columns.
pub(crate) fn check_codecs(
    path: &Path,
    metadata: &ParquetMetaData,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns);
    for column in columns.filter(|column| wanted(&column.column_path().parts()[0])) {
        let codec = match column.compression() {
            Compression::GZIP(_) => "gzip",
            Compression::BROTLI(_) => "brotli",
            Compression::LZO => "lzo",
            _ => continue,
        };
        return Err(Error::Codec {
            path: path.to_owned(),
            codec: codec.to_owned(),
            readable: "with zstd, snappy, lz4 or no compression (PyArrow: `compression=\"zstd\"`)",
        });
    }
    Ok(())
}

pub(crate) fn check_kind(
    path: &Path,
    footer: Option<&Footer>,
    kind: &'static str,
    version: u32,
) -> Result<(), Error> {
    match footer {
        Some(footer) if footer.kind != kind => Err(Error::Kind {
            path: path.to_owned(),
            expected: kind,
            found: footer.kind.clone(),
        }),
        Some(footer) if footer.version != version => Err(Error::Version {
            path: path.to_owned(),
            kind,
            expected: version,
            found: footer.version,
        }),
        _ => Ok(()),
    }
}
