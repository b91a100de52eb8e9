//! `embeddings.parquet`: one vector a row, read straight into one matrix.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::Float32Type;

use crate::contract::{Artifact, Column};
use crate::fixed::{FixedFile, takes_floats};
use crate::table::{Columns, Stored, Table};
use crate::{Error, Footer, file};

/// n vectors of d numbers, row-major.
#[derive(Debug, Clone)]
pub struct Embeddings {
    d: usize,
    values: ScalarBuffer<f32>,
}

impl Artifact for Embeddings {
    const KIND: &'static str = "embeddings";
    const VERSION: u32 = 1;
    const FILE: &'static str = "embeddings.parquet";
    const ABOUT: &'static str =
        "one vector a document; plain pages, for random floats do not compress";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", "int64", "the document"),
        Column::new(
            "embedding",
            "fixed_size_list<float>[d]",
            "its vector; finite",
        ),
    ];
}

impl Embeddings {
    /// Vectors of `d` numbers each.
    ///
    /// # Panics
    ///
    /// If `values` is not a whole number of rows.
    pub fn new(d: usize, values: Vec<f32>) -> Self {
        assert!(
            d > 0 && values.len().is_multiple_of(d),
            "{} values are no rows of {d}",
            values.len()
        );
        Self {
            d,
            values: ScalarBuffer::from(values),
        }
    }

    /// The number of vectors.
    pub fn len(&self) -> usize {
        self.values.len() / self.d
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of dimensions.
    pub fn dim(&self) -> usize {
        self.d
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vector of row `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.d..(i + 1) * self.d]
    }

    /// Reads the file at `path`: Parquet, or Arrow IPC where the name ends in `.arrow`, `.feather` or `.ipc`.
    /// A foreign file may lack `id`. Checks ids, equal lengths and finiteness.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let (d, values, footer) = if is_ipc(path) {
            read_ipc(path)?
        } else {
            read_parquet(path)?
        };
        if d == 0 {
            return Err(Error::shape(path, "it holds no vectors"));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let fault = format!(
                "dimension {} of `embedding` is {}, not a finite number",
                at % d,
                values[at]
            );
            return Err(Error::row(path, at / d, fault));
        }
        Ok(Stored {
            value: Self::new(d, values),
            footer,
        })
    }

    /// Rows and dimensions as the metadata of the Parquet file at `path` have them, without reading a vector; `None` where
    /// they do not say (Arrow IPC, a column that is not there).
    pub fn shape(path: &Path) -> Result<Option<(usize, usize)>, Error> {
        if is_ipc(path) {
            return Ok(None);
        }
        let file = FixedFile::open(path, Self::KIND, Self::VERSION)?;
        Ok(file.width("embedding").map(|d| (file.rows, d)))
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.len());
        columns.fixed_lists("embedding", self.values.clone(), self.d);
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }
}

fn is_ipc(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["arrow", "feather", "ipc"]
            .iter()
            .any(|name| end.eq_ignore_ascii_case(name))
    })
}

fn read_parquet(path: &Path) -> Result<(usize, Vec<f32>, Option<Footer>), Error> {
    let file = FixedFile::open(path, Embeddings::KIND, Embeddings::VERSION)?;
    let ids = Table::read_only(path, &["id"])?;
    if ids.has("id") {
        ids.check_ids()?;
    }
    let lists = file.lists::<f32>("embedding")?;
    Ok((lists.width, lists.values, file.footer))
}

/// Arrow IPC: what another program hands over without wanting to write Parquet.
fn read_ipc(path: &Path) -> Result<(usize, Vec<f32>, Option<Footer>), Error> {
    let fail = |source: arrow::error::ArrowError| Error::Format {
        path: path.to_owned(),
        format: "Arrow IPC",
        source: source.into(),
    };
    let reader =
        arrow::ipc::reader::FileReader::try_new_buffered(file::open(path)?, None).map_err(fail)?;
    let schema = reader.schema();
    let Some((at, field)) = schema.column_with_name("embedding") else {
        return Err(Error::MissingColumn {
            path: path.to_owned(),
            column: "embedding".to_owned(),
            found: schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect::<Vec<_>>()
                .join(", "),
        });
    };
    if !takes_floats(field.data_type()) {
        return Err(Error::ColumnType {
            path: path.to_owned(),
            column: "embedding".to_owned(),
            expected: "a list of floats",
            found: field.data_type().to_string(),
        });
    }
    let mut values = Vec::new();
    let mut d = None;
    let mut row = 0;
    for batch in reader {
        let batch = batch.map_err(fail)?;
        let lists: ArrayRef = arrow::compute::cast(
            batch.column(at),
            &arrow::datatypes::DataType::new_large_list(arrow::datatypes::DataType::Float32, true),
        )
        .map_err(fail)?;
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
            values.extend_from_slice(list.as_primitive::<Float32Type>().values());
            row += 1;
        }
    }
    Ok((d.unwrap_or(0), values, None))
}
