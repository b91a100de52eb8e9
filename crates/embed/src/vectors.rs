//! The vectors of the distinct texts, in a temporary file: n x d numbers need no memory.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Rows of d numbers, by their number. The file has no name and disappears with the process.
pub(crate) struct TemporaryVectors {
    file: File,
    directory: PathBuf,
    d: usize,
}

impl TemporaryVectors {
    /// An empty file in `directory` for vectors of `d` dimensions.
    pub(crate) fn create(directory: &Path, d: usize) -> Result<Self, Error> {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        let file = tempfile::tempfile_in(directory).map_err(fault(directory))?;
        Ok(Self {
            file,
            directory: directory.to_owned(),
            d,
        })
    }

    /// Number of dimensions.
    pub(crate) fn dimensions(&self) -> usize {
        self.d
    }

    /// Writes the vector of row `row`.
    pub(crate) fn write(&mut self, row: u32, vector: &[f32]) -> Result<(), Error> {
        let write = || {
            self.seek(row)?;
            (&self.file).write_all(bytemuck::cast_slice(vector))
        };
        write().map_err(fault(&self.directory))
    }

    /// Reads the vectors of `rows`, which were written, into `vectors`, row-major.
    pub(crate) fn read(&self, rows: &[u32], vectors: &mut [f32]) -> Result<(), Error> {
        let mut rest = vectors;
        // Consecutive rows are read together.
        for rows in rows.chunk_by(|a, b| b.checked_sub(*a) == Some(1)) {
            let (part, after) = rest.split_at_mut(rows.len() * self.d);
            let mut read = || {
                self.seek(rows[0])?;
                (&self.file).read_exact(bytemuck::cast_slice_mut(part))
            };
            read().map_err(fault(&self.directory))?;
            rest = after;
        }
        Ok(())
    }

    fn seek(&self, row: u32) -> io::Result<u64> {
        (&self.file).seek(SeekFrom::Start(u64::from(row) * 4 * self.d as u64))
    }
}

fn fault(directory: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let directory = directory.to_owned();
    move |source| Error::TemporaryFile {
        directory: directory.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_in_any_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = TemporaryVectors::create(dir.path(), 2).unwrap();
        for row in [3, 0, 2, 1] {
            file.write(row, &[row as f32, -1.0]).unwrap();
        }
        let mut found = vec![0.0; 10];
        file.read(&[1, 2, 3, 3, 0], &mut found).unwrap();
        assert_eq!(
            found,
            [1.0, -1.0, 2.0, -1.0, 3.0, -1.0, 3.0, -1.0, 0.0, -1.0]
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(TemporaryVectors::create(&dir.path().join("none"), 2).is_err());
    }
}
