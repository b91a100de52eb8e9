//! `embeddings.parquet`: one vector per row, read into one matrix.

use std::ops::Range;
use std::path::Path;

use arrow::buffer::ScalarBuffer;

use crate::columns::Columns;
use crate::contract::{Artifact, Column};
use crate::fixed::FixedFile;
use crate::table::{Stored, Table};
use crate::{EmbeddingsFacts, Error, Fact, Facts, Footer, file, ipc};

const EMBEDDING: Column = Column::new(
    "embedding",
    "fixed_size_list<float>[d]",
    "Vector; all values are finite.",
);

/// n vectors of d values, row-major.
#[derive(Debug, Clone)]
pub struct Embeddings {
    d: usize,
    values: ScalarBuffer<f32>,
}

/// The size of a file of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of vectors.
    pub rows: usize,
    /// Number of dimensions.
    pub dimensions: usize,
    /// Peak memory of reading in bytes, including the vectors.
    pub reading: u64,
}

impl Shape {
    /// The size of a file that is read with a few MiB of memory besides the vectors.
    pub(crate) fn read_by_pieces(rows: usize, dimensions: usize) -> Self {
        let reading = (rows as u64)
            .saturating_mul(dimensions as u64)
            .saturating_mul(4);
        Self {
            rows,
            dimensions,
            reading,
        }
    }
}

impl Artifact for Embeddings {
    const KIND: &'static str = "embeddings";
    const VERSION: u32 = 1;
    const FILE: &'static str = "embeddings.parquet";
    const ABOUT: &'static str =
        "one vector per document; plain pages, because random floats do not compress";
    const WRITER: &'static str = "embed";
    const COLUMNS: &'static [Column] = &[Column::ID, EMBEDDING];
    const FACTS: &'static [Fact] = EmbeddingsFacts::FIELDS;
}

impl Embeddings {
    /// Vectors of `d` values each.
    ///
    /// # Panics
    ///
    /// If `values` is not a whole number of rows.
    pub fn new(d: usize, values: Vec<f32>) -> Self {
        assert!(
            d > 0 && values.len().is_multiple_of(d),
            "{} values are not a whole number of rows of {d}",
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

    /// All values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vector of row `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.d..(i + 1) * self.d]
    }

    /// All values, row-major.
    pub fn into_values(self) -> Vec<f32> {
        self.values.into()
    }

    /// Reads the file at `path`: Parquet, or Arrow IPC where the name ends in `.arrow`, `.feather` or `.ipc`.
    /// A foreign file may lack `id`. Checks ids, equal lengths and finiteness.
    pub fn read(path: &Path) -> Result<Stored<Self>, Error> {
        let read = Self::read_any(path)?;
        let d = read.d;
        if let Some(at) = read.values.iter().position(|value| !value.is_finite()) {
            let fault = format!(
                "dimension {} of `embedding` is {}, not a finite number",
                at % d,
                read.values[at]
            );
            return Err(Error::row(path, at / d, fault));
        }
        Ok(read)
    }

    /// Like [`Self::read`], but allows NaN and infinities, for callers that check the values themselves.
    pub fn read_any(path: &Path) -> Result<Stored<Self>, Error> {
        let (d, values, footer) = if file::is_arrow_ipc(path) {
            read_ipc(path)?
        } else {
            read_parquet(path)?
        };
        if d == 0 {
            return Err(Error::shape(path, "it holds no vectors"));
        }
        Ok(Stored {
            value: Self::new(d, values),
            footer,
        })
    }

    /// The size of the file at `path` by its metadata, without reading vectors; `None` if the column is missing.
    pub fn shape(path: &Path) -> Result<Option<Shape>, Error> {
        if file::is_arrow_ipc(path) {
            return ipc::shape(path);
        }
        let file = FixedFile::open(path, Self::KIND, Self::VERSION)?;
        Ok(file
            .width("embedding")
            .map(|d| Shape::read_by_pieces(file.rows, d)))
    }

    /// Writes the file.
    pub fn write(&self, path: &Path, footer: &Footer) -> Result<(), Error> {
        let mut columns = Columns::default();
        columns.ids(self.len());
        columns.fixed_lists(EMBEDDING.name, self.values.clone(), self.d);
        columns.write(path, Self::KIND, Self::VERSION, footer)
    }

    /// Writes the file of `rows` vectors, at least one, of `d` values each, of which no more than a row group is in memory:
    /// `fill` gets a range of rows and the place for their values, row-major. The bytes are those of [`write`](Self::write).
    pub fn write_by<E: From<Error>>(
        path: &Path,
        footer: &Footer,
        (rows, d): (usize, usize),
        mut fill: impl FnMut(Range<usize>, &mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        Columns::write_groups(
            path,
            (Self::KIND, Self::VERSION),
            footer,
            (rows, d),
            |group| -> Result<Columns, E> {
                let mut values = vec![0.0; group.len() * d];
                fill(group.clone(), &mut values)?;
                let mut columns = Columns::default();
                columns.ids_of(group);
                columns.fixed_lists(EMBEDDING.name, ScalarBuffer::from(values), d);
                Ok(columns)
            },
        )
    }
}

fn read_parquet(path: &Path) -> Result<(usize, Vec<f32>, Option<Footer>), Error> {
    let file = FixedFile::open(path, Embeddings::KIND, Embeddings::VERSION)?;
    Table::read_only(path, &[Column::ID.name])?.check_row_numbers(false)?;
    let lists = file.lists::<f32>(EMBEDDING.name)?;
    Ok((lists.width, lists.values, file.footer))
}

fn read_ipc(path: &Path) -> Result<(usize, Vec<f32>, Option<Footer>), Error> {
    let (d, values) = ipc::read(path)?;
    Ok((d, values, None))
}
