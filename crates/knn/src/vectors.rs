//! The vectors of a search: a matrix in memory, or a file from which rows are read as they are needed.

use artifacts::VectorFile;
use exact_knn::Points;

use crate::Error;

/// Bytes of the rows that are read at a time where all are visited.
const BATCH: usize = 8 << 20;

/// The vectors to search, without rows that cannot be searched. Rows are counted from 0.
#[derive(Clone, Copy, Debug)]
pub enum Vectors<'a> {
    /// All of them, in memory.
    Matrix(Points<'a>),
    /// Those in a file.
    File {
        /// The file.
        file: &'a VectorFile,
        /// The rows of the file that are searched, ascending; `None` for all.
        kept: Option<&'a [u32]>,
    },
}

impl<'a> Vectors<'a> {
    /// Number of rows.
    pub fn n(&self) -> usize {
        match self {
            Self::Matrix(points) => points.n(),
            Self::File { file, kept } => kept.map_or(file.len(), <[u32]>::len),
        }
    }

    /// Values per row.
    pub fn d(&self) -> usize {
        match self {
            Self::Matrix(points) => points.d(),
            Self::File { file, .. } => file.dim(),
        }
    }

    /// The id of row `i`: its number in the file.
    pub fn id(&self, i: usize) -> u32 {
        match self {
            Self::File {
                kept: Some(kept), ..
            } => kept[i],
            _ => i as u32,
        }
    }

    /// The row with this id, if there is one.
    pub fn row_of_id(&self, id: u32) -> Option<usize> {
        match self {
            Self::File {
                kept: Some(kept), ..
            } => kept.binary_search(&id).ok(),
            _ => Some(id as usize).filter(|&row| row < self.n()),
        }
    }

    /// Row `i`, which is read into `buffer` unless it is in memory.
    pub fn row<'b>(&self, i: usize, buffer: &'b mut Vec<f32>) -> Result<&'b [f32], Error>
    where
        'a: 'b,
    {
        match self {
            Self::Matrix(points) => Ok(points.row(i)),
            Self::File { .. } => {
                buffer.resize(self.d(), 0.0);
                self.read(i, buffer)?;
                Ok(buffer)
            }
        }
    }

    /// Copies consecutive rows, as many as fit into `values`, from row `first` on.
    pub fn read(&self, first: usize, values: &mut [f32]) -> Result<(), Error> {
        let d = self.d();
        match self {
            Self::Matrix(points) => {
                values.copy_from_slice(&points.values()[first * d..][..values.len()]);
            }
            Self::File { file, kept: None } => file.read(first, values)?,
            Self::File {
                file,
                kept: Some(kept),
            } => {
                for (row, &id) in values.chunks_exact_mut(d).zip(&kept[first..]) {
                    file.read(id as usize, row)?;
                }
            }
        }
        Ok(())
    }

    /// Visits all rows in order, some MiB at a time: the number of the first of them, and their values.
    pub fn for_each_batch(
        &self,
        mut visit: impl FnMut(usize, &mut [f32]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (n, d) = (self.n(), self.d());
        let rows = batch_rows(d).min(n);
        let mut values = vec![0.0; rows * d];
        for first in (0..n).step_by(rows.max(1)) {
            let batch = &mut values[..rows.min(n - first) * d];
            self.read(first, batch)?;
            visit(first, batch)?;
        }
        Ok(())
    }
}

/// The number of rows of `d` values in a batch.
pub(crate) fn batch_rows(d: usize) -> usize {
    (BATCH / (4 * d)).clamp(64, 1 << 14)
}
