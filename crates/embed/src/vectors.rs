//! The vectors and the tokens of the distinct texts, in temporary files: neither n x d numbers nor all tokens need memory.

use std::io;
use std::path::{Path, PathBuf};

use artifacts::ScratchFile;

use crate::error::Error;

/// Rows of d numbers, by their number.
pub(crate) struct TemporaryVectors {
    file: ScratchFile,
    directory: PathBuf,
    d: usize,
}

impl TemporaryVectors {
    /// An empty file in `directory` for vectors of `d` dimensions.
    pub(crate) fn create(directory: &Path, d: usize) -> Result<Self, Error> {
        Ok(Self {
            file: ScratchFile::create(directory).map_err(fault(directory))?,
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
        let written = self.file.write(self.first(row), vector);
        written.map_err(fault(&self.directory))
    }

    /// Reads the vectors of `rows`, which were written, into `vectors`, row-major.
    pub(crate) fn read(&self, rows: &[u32], vectors: &mut [f32]) -> Result<(), Error> {
        let mut rest = vectors;
        // Consecutive rows are read together.
        for rows in rows.chunk_by(|a, b| b.checked_sub(*a) == Some(1)) {
            let (part, after) = rest.split_at_mut(rows.len() * self.d);
            let read = self.file.read(self.first(rows[0]), part);
            read.map_err(fault(&self.directory))?;
            rest = after;
        }
        Ok(())
    }

    fn first(&self, row: u32) -> u64 {
        u64::from(row) * self.d as u64
    }
}

/// The token ids of texts, by the id of the text.
pub(crate) struct TemporaryTokens {
    file: ScratchFile,
    directory: PathBuf,
    /// For each text the number of its first token in the file, and at the end that of all tokens.
    starts: Vec<u64>,
}

impl TemporaryTokens {
    /// An empty file in `directory`.
    pub(crate) fn create(directory: &Path) -> Result<Self, Error> {
        Ok(Self {
            file: ScratchFile::create(directory).map_err(fault(directory))?,
            directory: directory.to_owned(),
            starts: vec![0],
        })
    }

    /// Adds the tokens of some texts, whose ids are larger than those before.
    pub(crate) fn append<'a>(
        &mut self,
        texts: impl Iterator<Item = (u32, &'a [u32])>,
    ) -> Result<(), Error> {
        let first = *self.starts.last().expect("it has the end");
        let (mut end, mut all) = (first, Vec::new());
        for (id, tokens) in texts {
            self.starts.resize(id as usize + 1, end);
            end += tokens.len() as u64;
            self.starts.push(end);
            all.extend_from_slice(tokens);
        }
        let written = self.file.write(first, &all);
        written.map_err(fault(&self.directory))
    }

    /// The tokens of text `id`, which were added.
    pub(crate) fn read(&self, id: u32) -> Result<Vec<u32>, Error> {
        let (start, end) = (self.starts[id as usize], self.starts[id as usize + 1]);
        let mut tokens = vec![0; (end - start) as usize];
        let read = self.file.read(start, &mut tokens);
        read.map_err(fault(&self.directory))?;
        Ok(tokens)
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
        assert!(TemporaryVectors::create(&dir.path().join("none"), 2).is_err());
    }

    #[test]
    fn tokens_are_read_by_the_id_of_their_text() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = TemporaryTokens::create(dir.path()).unwrap();
        let append = |file: &mut TemporaryTokens, texts: &[(u32, &[u32])]| {
            file.append(texts.iter().copied()).unwrap();
        };
        append(&mut file, &[(1, &[7, 8]), (2, &[9])]);
        append(&mut file, &[(5, &[1, 2, 3]), (6, &[4])]);
        for (id, tokens) in [(1, &[7, 8][..]), (2, &[9]), (5, &[1, 2, 3]), (6, &[4])] {
            assert_eq!(file.read(id).unwrap(), tokens, "{id}");
        }
    }
}
