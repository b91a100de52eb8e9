//! Temporary files for numbers that need not be in memory.

use std::fs::File;
use std::io;
use std::path::Path;

use bytemuck::Pod;

/// A temporary file of values of one type, by their number. It has no name and disappears with the process.
#[derive(Debug)]
pub struct ScratchFile(File);

impl ScratchFile {
    /// An empty file in `directory`.
    pub fn create(directory: &Path) -> io::Result<Self> {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        tempfile::tempfile_in(directory).map(Self)
    }

    /// Writes `values`, the first of which gets the number `first`.
    pub fn write<T: Pod>(&self, first: u64, values: &[T]) -> io::Result<()> {
        write_at(&self.0, bytemuck::cast_slice(values), offset::<T>(first))
    }

    /// Reads the values from number `first` on, all of which were written.
    pub fn read<T: Pod>(&self, first: u64, values: &mut [T]) -> io::Result<()> {
        read_at(
            &self.0,
            bytemuck::cast_slice_mut(values),
            offset::<T>(first),
        )
    }

    /// The file itself.
    pub(crate) fn into_file(self) -> File {
        self.0
    }
}

fn offset<T>(first: u64) -> u64 {
    first * size_of::<T>() as u64
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_where_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = ScratchFile::create(dir.path()).unwrap();
        file.write(3, &[30_u32, 40]).unwrap();
        file.write(0, &[0_u32, 10, 20]).unwrap();
        let mut found = [0_u32; 3];
        file.read(2, &mut found).unwrap();
        assert_eq!(found, [20, 30, 40]);
        assert!(file.read(3, &mut found).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(ScratchFile::create(&dir.path().join("none")).is_err());
    }
}
