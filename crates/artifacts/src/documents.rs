//! `documents.parquet`: the texts, and what the source said beside them; `duplicates.parquet`: who stands for whom.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Int32Array, LargeStringArray, RecordBatch};
use arrow::datatypes::{Field, Schema};

use crate::contract::{Artifact, Column};
use crate::table::{Columns, Stored, Table};
use crate::{Error, Footer};

/// The texts of a run, in the order that gives them their ids.
#[derive(Debug, Clone)]
pub struct Documents {
    /// The text of each row; never null, never empty.
    pub text: LargeStringArray,
    /// The row of the source it came from, counted from 0, header not counted.
    pub source_row: Vec<i64>,
    /// How many rows of the source this one stands for, where duplicates were collapsed.
    pub copies: Option<Vec<i32>>,
    /// The other columns of the source, with as many rows.
    pub columns: RecordBatch,
}

impl Artifact for Documents {
    const KIND: &'static str = "documents";
    const VERSION: u32 = 1;
    const FILE: &'static str = "documents.parquet";
    const ABOUT: &'static str = "the texts, with the other columns of the source as they were; what had to be stored otherwise is named in the report";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "id",
            "int64",
            "0, 1, 2 ...: row order is identity in every file",
        ),
        Column::new(
            "text",
            "large_utf8",
            "what is embedded and shown; never null or empty",
        ),
        Column::new(
            "source_row",
            "int64",
            "row of the source, from 0, header not counted",
        ),
        Column::new(
            "copies",
            "int32",
            "rows of the source this one stands for (only with `--dedup`)",
        ),
        Column::new(
            "...",
            "any",
            "the other columns of the source; one with a name of ours becomes `source_<name>`",
        ),
    ];
}

impl Documents {
    /// The names this file gives to columns of its own.
    pub const OWN: [&'static str; 4] = ["id", "text", "source_row", "copies"];

    /// How many documents there are.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of document `id`.
    pub fn text(&self, id: usize) -> &str {
        self.text.value(id)
    }

    /// Reads the file at `path`. A foreign file needs `text`, and takes its row numbers where it has none of its own.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        if table.has("id") {
            table.check_ids()?;
        }
        let text = table.text("text")?;
        if let Some(row) = (0..text.len()).find(|&row| text.value(row).is_empty()) {
            return Err(table.at(row, "`text` is empty".to_owned()));
        }
        let source_row = if table.has("source_row") {
            table.i64("source_row")?
        } else {
            (0..table.rows as i64).collect()
        };
        let copies = if table.has("copies") {
            Some(table.i32("copies")?)
        } else {
            None
        };
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for name in table.names().filter(|name| !Self::OWN.contains(name)) {
            let array = table.raw(name)?;
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(Arc::clone(array));
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(table.rows));
        let columns =
            RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
                .map_err(Error::parquet(path))?;
        Ok(Stored {
            value: Self {
                text,
                source_row,
                copies,
                columns,
            },
            footer: table.footer,
        })
    }

    /// Writes the file.
    ///
    /// # Panics
    ///
    /// If the columns differ in length.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.len());
        columns.add("text", Arc::new(self.text.clone()));
        columns.i64("source_row", self.source_row.clone());
        if let Some(copies) = &self.copies {
            columns.add("copies", Arc::new(Int32Array::from(copies.clone())));
        }
        for (field, array) in self
            .columns
            .schema()
            .fields()
            .iter()
            .zip(self.columns.columns())
        {
            columns.add_as(
                Field::new(field.name(), array.data_type().clone(), true),
                Arc::clone(array),
            );
        }
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

/// Which kept document stands for each row of the source that was collapsed into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// The row of the source that was left out.
    pub source_row: Vec<i64>,
    /// The document that stands for it.
    pub id: Vec<i64>,
}

impl Artifact for Duplicates {
    const KIND: &'static str = "duplicates";
    const VERSION: u32 = 1;
    const FILE: &'static str = "duplicates.parquet";
    const ABOUT: &'static str = "which document stands for each collapsed row (with `--dedup`)";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "source_row",
            "int64",
            "row of the source that was collapsed",
        ),
        Column::new("id", "int64", "the document that stands for it"),
    ];
}

impl Duplicates {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read(path, Self::KIND, Self::VERSION)?;
        let value = Self {
            source_row: table.i64("source_row")?,
            id: table.i64("id")?,
        };
        Ok(Stored {
            value,
            footer: table.footer,
        })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.i64("source_row", self.source_row.clone());
        columns.i64("id", self.id.clone());
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}
