//! Macros that declare a table: the struct, its reading and writing, and its section of `docs/artifacts.md`.
//!
//! A field is a column. Its type gives the type of the column, and whether it may be absent (`Option<Vec<_>>`) or hold
//! nulls (`Vec<Option<_>>`); its doc comment is the text in the docs. [`row_table!`] declares a struct of rows, [`table!`] a
//! struct of columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type};

use crate::Error;
use crate::columns::Columns;
use crate::table::Table;

/// How values of type `T` are stored as a column.
pub(crate) trait Codec<T> {
    /// The type of the column, as the docs call it.
    const KIND: &'static str;
    /// Whether values may be null.
    const NULLABLE: bool = false;
    /// The values of the column `name`.
    fn read(table: &Table, name: &str) -> Result<T, Error>;
    /// Adds the column `name`.
    fn write(values: &T, name: &str, columns: &mut Columns);
}

/// The usual codec of a type.
pub(crate) struct Plain;

macro_rules! plain {
    ($($type:ty: $kind:literal, $read:expr, $write:expr;)+) => {
        $(impl Codec<$type> for Plain {
            const KIND: &'static str = $kind;
            fn read(table: &Table, name: &str) -> Result<$type, Error> {
                let read: fn(&Table, &str) -> Result<$type, Error> = $read;
                read(table, name)
            }
            fn write(values: &$type, name: &str, columns: &mut Columns) {
                let write: fn(&mut Columns, &str, &$type) = $write;
                write(columns, name, values);
            }
        })+
    };
}

plain! {
    Vec<i32>: "int32", Table::i32, |columns, name, values| columns.i32(name, values);
    Vec<i64>: "int64", Table::i64, |columns, name, values| columns.i64(name, values.clone());
    Vec<f32>: "float", Table::f32, |columns, name, values| columns.f32(name, values);
    Vec<f64>: "double", Table::f64, |columns, name, values| columns.f64(name, values);
    Vec<String>: "utf8", texts, |columns, name, values| columns.text(name, values.iter().map(String::as_str));
    Vec<Vec<i32>>: "list<int32>",
        |table, name| lists(table, name, &DataType::Int32, |list| list.as_primitive::<Int32Type>().values().to_vec()),
        |columns, name, lists| add_lists(columns, name, lists, |values| Arc::new(Int32Array::from(values)));
    Vec<Vec<i64>>: "list<int64>",
        |table, name| lists(table, name, &DataType::Int64, |list| list.as_primitive::<Int64Type>().values().to_vec()),
        |columns, name, lists| add_lists(columns, name, lists, |values| Arc::new(Int64Array::from(values)));
    Vec<Vec<f32>>: "list<float>",
        |table, name| lists(table, name, &DataType::Float32, |list| list.as_primitive::<Float32Type>().values().to_vec()),
        |columns, name, lists| add_lists(columns, name, lists, |values| Arc::new(Float32Array::from(values)));
    Vec<Vec<String>>: "list<utf8>",
        |table, name| lists(table, name, &DataType::LargeUtf8, strings),
        |columns, name, lists| add_lists(columns, name, lists, |values| Arc::new(StringArray::from(values)));
}

macro_rules! nullable {
    ($($type:ty: $kind:literal, $data:expr, $arrow:ty, $array:ty;)+) => {
        $(impl Codec<Vec<Option<$type>>> for Plain {
            const KIND: &'static str = $kind;
            const NULLABLE: bool = true;
            fn read(table: &Table, name: &str) -> Result<Vec<Option<$type>>, Error> {
                let array = table.nullable(name, &$data)?;
                Ok(array.as_primitive::<$arrow>().iter().collect())
            }
            fn write(values: &Vec<Option<$type>>, name: &str, columns: &mut Columns) {
                let array: $array = values.iter().copied().collect();
                columns.add_as(Field::new(name, $data, true), Arc::new(array));
            }
        })+
    };
}

nullable! {
    f32: "float", DataType::Float32, Float32Type, Float32Array;
    f64: "double", DataType::Float64, Float64Type, Float64Array;
}

/// An optional column.
impl<T> Codec<Option<T>> for Plain
where
    Self: Codec<T>,
{
    const KIND: &'static str = <Self as Codec<T>>::KIND;
    const NULLABLE: bool = <Self as Codec<T>>::NULLABLE;

    fn read(table: &Table, name: &str) -> Result<Option<T>, Error> {
        let read = || <Self as Codec<T>>::read(table, name);
        table.has(name).then(read).transpose()
    }

    fn write(values: &Option<T>, name: &str, columns: &mut Columns) {
        if let Some(values) = values {
            <Self as Codec<T>>::write(values, name, columns);
        }
    }
}

/// A boolean, as 0 or 1.
pub(crate) struct ZeroOrOne;

impl Codec<Vec<bool>> for ZeroOrOne {
    const KIND: &'static str = "int32";

    fn read(table: &Table, name: &str) -> Result<Vec<bool>, Error> {
        let values = table.i32(name)?;
        Ok(values.into_iter().map(|value| value != 0).collect())
    }

    fn write(values: &Vec<bool>, name: &str, columns: &mut Columns) {
        let values: Vec<i32> = values.iter().copied().map(i32::from).collect();
        columns.i32(name, &values);
    }
}

fn texts(table: &Table, name: &str) -> Result<Vec<String>, Error> {
    let texts = table.text(name)?;
    Ok(texts.iter().flatten().map(str::to_owned).collect())
}

fn strings(list: &ArrayRef) -> Vec<String> {
    let texts = list.as_string::<i64>().iter().flatten();
    texts.map(str::to_owned).collect()
}

fn lists<T>(
    table: &Table,
    name: &str,
    inner: &DataType,
    values: impl Fn(&ArrayRef) -> Vec<T>,
) -> Result<Vec<Vec<T>>, Error> {
    let lists = table.lists(name, inner)?;
    Ok(lists.iter().map(values).collect())
}

fn add_lists<T: Clone>(
    columns: &mut Columns,
    name: &str,
    lists: &[Vec<T>],
    array: impl Fn(Vec<T>) -> ArrayRef,
) {
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    columns.add(name, list(offsets, array(lists.concat())));
}

/// A list column of `values`, none of which is null.
pub(crate) fn list(offsets: OffsetBuffer<i32>, values: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new("element", values.data_type().clone(), false));
    Arc::new(ListArray::new(item, offsets, values, None))
}

/// Fragments that both kinds of tables share.
macro_rules! column {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@codec) => { $crate::declare::Plain };
    (@codec $codec:ident) => { $codec };
    (@about $($doc:literal)+) => { concat!($($doc),+) };
}

/// The impl of `Artifact` of a table.
macro_rules! artifact {
    (
        $table:ty, $kind:literal, $version:literal, $writer:literal, $about:literal, [$($facts:ty)?], [$($id:literal)?],
        $([$name:expr, $codec:ty, $type:ty, $doc:expr])+
    ) => {
        impl $crate::Artifact for $table {
            const KIND: &'static str = $kind;
            const VERSION: u32 = $version;
            const FILE: &'static str = concat!($kind, ".parquet");
            const WRITER: &'static str = $writer;
            const ABOUT: &'static str = $about;
            const COLUMNS: &'static [$crate::Column] = &[
                $($crate::Column::new("id", "int64", $id),)?
                $($crate::Column {
                    name: $name,
                    kind: <$codec as $crate::declare::Codec<$type>>::KIND,
                    nullable: <$codec as $crate::declare::Codec<$type>>::NULLABLE,
                    about: $doc,
                },)+
            ];
            $(const FACTS: &'static [$crate::Fact] = <$facts as $crate::Facts>::FIELDS;)?
        }
    };
}

/// Declares a table as a struct of columns.
///
/// `id` adds the column of row numbers, checked on reading; with `optional`, a foreign file may lack it. The length of the
/// column after `of` is the number of rows. `=> |rows| ...` gives the default of a column that a foreign file may lack.
macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $table:ident: $kind:literal, version $version:literal, by $writer:literal, $about:literal
        $(, facts $facts:ty)?;
        $(id $required:ident of $first:ident: $id:literal;)?
        {
            $(
                $(#[doc = $column:literal])+
                $field:ident $(= $name:literal)?: $type:ty $(as $codec:ident)? $(=> $default:expr)?,
            )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $table { $($(#[doc = $column])+ pub $field: $type,)+ }

        $crate::declare::artifact! {
            $table, $kind, $version, $writer, $about, [$($facts)?], [$($id)?],
            $([
                $crate::declare::column!(@name $field $($name)?),
                $crate::declare::column!(@codec $($codec)?),
                $type,
                $crate::declare::column!(@about $($column)+)
            ])+
        }

        impl $table {
            $(
                /// The number of rows.
                pub fn len(&self) -> usize {
                    self.$first.len()
                }

                /// Whether there are none.
                pub fn is_empty(&self) -> bool {
                    self.len() == 0
                }
            )?

            /// Reads the file at `path`. In a foreign file, only the columns are checked.
            ///
            /// # Errors
            ///
            /// If the file cannot be read, is of another kind or version, lacks a column, or holds an invalid value.
            pub fn read(path: &std::path::Path) -> Result<$crate::Stored<Self>, $crate::Error> {
                let table = $crate::table::Table::read(
                    path,
                    <Self as $crate::Artifact>::KIND,
                    <Self as $crate::Artifact>::VERSION,
                )?;
                $(table.check_row_numbers(stringify!($required) == "required")?;)?
                let value = Self {
                    $($field: {
                        let name = $crate::declare::column!(@name $field $($name)?);
                        $(if !table.has(name) {
                            let default: fn(usize) -> $type = $default;
                            default(table.rows)
                        } else)? {
                            <$crate::declare::column!(@codec $($codec)?) as $crate::declare::Codec<$type>>::read(&table, name)?
                        }
                    },)+
                };
                Ok($crate::Stored {
                    value,
                    footer: table.footer,
                })
            }

            /// Writes the file.
            ///
            /// # Errors
            ///
            /// If the columns differ in length, or the file cannot be written.
            pub fn write(
                &self,
                path: &std::path::Path,
                footer: &$crate::Footer,
            ) -> Result<(), $crate::Error> {
                let mut columns = $crate::columns::Columns::default();
                $(columns.ids(self.$first.len());)?
                $(<$crate::declare::column!(@codec $($codec)?) as $crate::declare::Codec<$type>>::write(
                    &self.$field,
                    $crate::declare::column!(@name $field $($name)?),
                    &mut columns,
                );)+
                columns.write(
                    path,
                    <Self as $crate::Artifact>::KIND,
                    <Self as $crate::Artifact>::VERSION,
                    footer,
                )
            }
        }
    };
}

/// Declares a table as a list of rows.
macro_rules! row_table {
    (
        $(#[doc = $doc:literal])+
        $table:ident: $kind:literal, version $version:literal, by $writer:literal, $about:literal
        $(, facts $facts:ty)?;
        $(#[doc = $order:literal])+
        rows;
        $(#[doc = $row_doc:literal])+
        $row:ident {
            $(
                $(#[doc = $column:literal])+
                $field:ident $(= $name:literal)?: $type:ty $(as $codec:ident)?,
            )+
        }
    ) => {
        $(#[doc = $row_doc])+
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $row { $($(#[doc = $column])+ pub $field: $type,)+ }

        $(#[doc = $doc])+
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $table {
            $(#[doc = $order])+
            pub rows: Vec<$row>,
        }

        $crate::declare::artifact! {
            $table, $kind, $version, $writer, $about, [$($facts)?], [],
            $([
                $crate::declare::column!(@name $field $($name)?),
                $crate::declare::column!(@codec $($codec)?),
                Vec<$type>,
                $crate::declare::column!(@about $($column)+)
            ])+
        }

        impl $table {
            /// Reads the file at `path`. In a foreign file, only the columns are checked.
            ///
            /// # Errors
            ///
            /// If the file cannot be read, is of another kind or version, lacks a column, or holds an invalid value.
            pub fn read(path: &std::path::Path) -> Result<$crate::Stored<Self>, $crate::Error> {
                let table = $crate::table::Table::read(
                    path,
                    <Self as $crate::Artifact>::KIND,
                    <Self as $crate::Artifact>::VERSION,
                )?;
                $(
                    let column: Vec<$type> =
                        <$crate::declare::column!(@codec $($codec)?) as $crate::declare::Codec<Vec<$type>>>::read(
                            &table,
                            $crate::declare::column!(@name $field $($name)?),
                        )?;
                    let mut $field = column.into_iter();
                )+
                // All columns have as many values.
                let rows = std::iter::from_fn(|| Some($row { $($field: $field.next()?,)+ }));
                let rows = rows.collect();
                Ok($crate::Stored {
                    value: Self { rows },
                    footer: table.footer,
                })
            }

            /// Writes the file.
            ///
            /// # Errors
            ///
            /// If the file cannot be written.
            pub fn write(
                &self,
                path: &std::path::Path,
                footer: &$crate::Footer,
            ) -> Result<(), $crate::Error> {
                let mut columns = $crate::columns::Columns::default();
                $(
                    let column: Vec<$type> = self.rows.iter().map(|row| &row.$field).cloned().collect();
                    <$crate::declare::column!(@codec $($codec)?) as $crate::declare::Codec<Vec<$type>>>::write(
                        &column,
                        $crate::declare::column!(@name $field $($name)?),
                        &mut columns,
                    );
                )+
                columns.write(
                    path,
                    <Self as $crate::Artifact>::KIND,
                    <Self as $crate::Artifact>::VERSION,
                    footer,
                )
            }
        }
    };
}

pub(crate) use {artifact, column, row_table, table};
