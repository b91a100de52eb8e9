//! `documents.parquet`: the texts, with the other columns of the source.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, LargeStringArray, RecordBatch};
use arrow::datatypes::{Field, Schema};

use crate::columns::Columns;
use crate::contract::{Artifact, Column};
use crate::declare::{Codec, Plain};
use crate::table::{Stored, Table, check_kind};
use crate::{DocumentsFacts, Error, Fact, Facts, Footer};

const TEXT: Column = Column::new(
    "text",
    "large_utf8",
    "Text that is embedded and shown; never null or empty.",
);
const SOURCE_ROW: Column = Column::new(
    "source_row",
    "int64",
    "Row of the source, from 0, header not counted.",
);
const COPIES: Column = Column::new(
    "copies",
    "int32",
    "Number of rows of the source that this document stands for (only with `--dedup`).",
);

/// The texts of a run; the row number is the id.
#[derive(Debug, Clone)]
pub struct Documents {
    /// The text of each row; never null, never empty.
    pub text: LargeStringArray,
    /// Row of the source, from 0, header not counted.
    pub source_row: Vec<i64>,
    /// Number of rows of the source that the document stands for, if duplicates were collapsed.
    pub copies: Option<Vec<i32>>,
    /// The other columns of the source, with as many rows.
    pub columns: RecordBatch,
}

impl Artifact for Documents {
    const KIND: &'static str = "documents";
    const VERSION: u32 = 1;
    const FILE: &'static str = "documents.parquet";
    const ABOUT: &'static str = "the texts, with the other columns of the source unchanged; the report names what had to be stored in another type";
    const WRITER: &'static str = "ingest";
    const COLUMNS: &'static [Column] = &[Column::ID, TEXT, SOURCE_ROW, COPIES, Column::OTHERS];
    const FACTS: &'static [Fact] = DocumentsFacts::FIELDS;
}

impl Documents {
    /// The number of documents.
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

    /// Reads the file at `path`. A foreign file needs only `text`; `source_row` defaults to the row number.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        Self::of(path, Table::read(path, Self::KIND, Self::VERSION)?)
    }

    /// Reads the file at `path` as if it had only ids and texts: the other columns can be much larger.
    pub fn read_texts(path: &Path) -> Result<Stored<Self>, Error> {
        let table = Table::read_only(path, &[Column::ID.name, TEXT.name])?;
        if !table.has(TEXT.name) {
            // The error lists all columns.
            return Self::read(path);
        }
        check_kind(path, table.footer.as_ref(), Self::KIND, Self::VERSION)?;
        Self::of(path, table)
    }

    fn of(path: &Path, table: Table) -> Result<Stored<Self>, Error> {
        table.check_row_numbers(false)?;
        let text = table.text(TEXT.name)?;
        if let Some(row) = (0..text.len()).find(|&row| text.value(row).is_empty()) {
            return Err(table.at(row, "`text` is empty".to_owned()));
        }
        let source_row: Option<Vec<i64>> = Plain::read(&table, SOURCE_ROW.name)?;
        let source_row = source_row.unwrap_or_else(|| (0..table.rows as i64).collect());
        let copies = Plain::read(&table, COPIES.name)?;
        let own = |name: &&str| Self::COLUMNS.iter().any(|column| column.name == *name);
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for name in table.names().filter(|name| !own(name)) {
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
        columns.add(TEXT.name, Arc::new(self.text.clone()));
        Plain::write(&self.source_row, SOURCE_ROW.name, &mut columns);
        Plain::write(&self.copies, COPIES.name, &mut columns);
        columns.others(&self.columns);
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}
