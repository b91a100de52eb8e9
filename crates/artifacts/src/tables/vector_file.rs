//! The vectors of `embeddings.parquet`, read row by row from the file, for searches that hold no matrix.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::Float32Type;

use crate::contract::{Artifact, Column};
use crate::fixed::{FixedFile, Place};
use crate::scratch::{ScratchFile, read_at};
use crate::table::{Stored, Table};
use crate::{Embeddings, Error, file, ipc};

const EMBEDDING: &str = "embedding";

/// Values that are copied together.
const COPIED_VALUES: usize = 1 << 18;

/// n vectors of d values in a file, any of which can be read. Holds a few bytes per page of the file.
///
/// [`VectorFile::open`] reads the whole file once and verifies its checksums; rows are read afterwards from the same open
/// file. Files whose pages are compressed or encoded (those of other programs) are copied to a temporary file without a name.
#[derive(Debug)]
pub struct VectorFile {
    path: PathBuf,
    file: File,
    places: Vec<Place>,
    rows: usize,
    d: usize,
}

impl VectorFile {
    /// Opens the file at `path`: Parquet, or Arrow IPC by its extension. A copy, if one is needed, is in the directory
    /// `scratch`. Checks ids and equal lengths; values may be NaN or infinite.
    pub fn open(path: &Path, scratch: &Path) -> Result<Stored<Self>, Error> {
        let (found, footer) = if file::is_arrow_ipc(path) {
            let copy = Self::copied(path, scratch, |each| ipc::visit(path, each))?;
            (copy, None)
        } else {
            let parquet = FixedFile::open(path, Embeddings::KIND, Embeddings::VERSION)?;
            Table::read_only(path, &[Column::ID.name])?.check_row_numbers(false)?;
            let found = match parquet.places::<f32>(EMBEDDING)? {
                Some((d, places)) => Self {
                    path: path.to_owned(),
                    file: (parquet.file().file().try_clone()).map_err(Error::io("read", path))?,
                    places,
                    rows: parquet.rows,
                    d,
                },
                None => Self::copied(path, scratch, |each| {
                    parquet.batches_through_arrow::<f32>(EMBEDDING, &mut |list| {
                        each(list.as_primitive::<Float32Type>().values())
                    })
                })?,
            };
            (found, parquet.footer)
        };
        if found.d == 0 || found.rows == 0 {
            return Err(Error::shape(path, "it holds no vectors"));
        }
        Ok(Stored {
            value: found,
            footer,
        })
    }

    /// Copies the vectors that `visit` visits to a temporary file.
    fn copied(
        path: &Path,
        scratch: &Path,
        visit: impl FnOnce(&mut dyn FnMut(&[f32]) -> Result<(), Error>) -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        let fail = || Error::io("write a temporary copy in", scratch);
        let copy = ScratchFile::create(scratch).map_err(fail())?;
        let (mut rows, mut written) = (0, 0);
        let mut buffer: Vec<f32> = Vec::with_capacity(COPIED_VALUES);
        let mut write = |buffer: &mut Vec<f32>| -> Result<(), Error> {
            copy.write(written, buffer).map_err(fail())?;
            written += buffer.len() as u64;
            buffer.clear();
            Ok(())
        };
        let d = visit(&mut |row| {
            rows += 1;
            buffer.extend_from_slice(row);
            if buffer.len() >= COPIED_VALUES {
                write(&mut buffer)?;
            }
            Ok(())
        })?;
        write(&mut buffer)?;
        Ok(Self {
            path: path.to_owned(),
            file: copy.into_file(),
            places: vec![Place {
                first: 0,
                offset: 0,
            }],
            rows,
            d,
        })
    }

    /// The number of vectors.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The number of dimensions.
    pub fn dim(&self) -> usize {
        self.d
    }

    /// Reads consecutive vectors, as many as fit into `values`, from row `first` on. Cost: one read of the file for each page
    /// that they touch.
    ///
    /// # Panics
    ///
    /// If `values` is not a whole number of rows, or the file has no such rows.
    pub fn read(&self, first: usize, values: &mut [f32]) -> Result<(), Error> {
        let count = values.len() / self.d;
        assert!(
            values.len() == count * self.d && first + count <= self.rows,
            "{} values from row {first} on are no rows of {} x {}",
            values.len(),
            self.rows,
            self.d
        );
        let mut at = (first * self.d) as u64;
        let mut rest = values;
        while !rest.is_empty() {
            let page = self.places.partition_point(|place| place.first <= at) - 1;
            let Place { first, offset } = self.places[page];
            let end = (self.places.get(page + 1)).map_or(u64::MAX, |next| next.first);
            let length = rest
                .len()
                .min(usize::try_from(end - at).unwrap_or(usize::MAX));
            let (now, later) = rest.split_at_mut(length);
            read_at(
                &self.file,
                bytemuck::cast_slice_mut(now),
                offset + 4 * (at - first),
            )
            .map_err(Error::io("read", &self.path))?;
            at += length as u64;
            rest = later;
        }
        Ok(())
    }
}
