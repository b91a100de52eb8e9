//! A fast reader for fixed-size list columns.
//!
//! Our own files hold such lists as plain, uncompressed pages: after the run-length encoded levels of a page, its values
//! are stored as in memory and can be copied straight into one matrix. Columns that are stored otherwise (dictionary,
//! other encodings, nulls, ragged lists) are read through Arrow, which is slower and reports invalid values.

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, UInt32Type};
use parquet::basic::{Compression, Encoding};
use parquet::column::page::Page;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, Length, SerializedFileReader};

use crate::checksum::Checked;
use crate::columns::{Fixed, ROW_GROUP};
use crate::table::{Table, check_codecs, check_kind};
use crate::{Error, Footer, file};

/// Values per Arrow batch.
const BATCH_VALUES: usize = 1 << 20;

/// The values of a list column, row-major, and the length of its lists.
pub(crate) struct Lists<T> {
    pub(crate) values: Vec<T>,
    pub(crate) width: usize,
}

/// An open file with fixed-size list columns.
pub(crate) struct FixedFile {
    path: std::path::PathBuf,
    file: Checked,
    reader: SerializedFileReader<Checked>,
    pub(crate) footer: Option<Footer>,
    pub(crate) rows: usize,
    /// Size of the file.
    bytes: usize,
}

impl FixedFile {
    pub(crate) fn open(path: &Path, kind: &'static str, version: u32) -> Result<Self, Error> {
        file::guarded(path, || Self::open_unguarded(path, kind, version))
    }

    fn open_unguarded(path: &Path, kind: &'static str, version: u32) -> Result<Self, Error> {
        let file = Checked::open(path)?;
        let bytes = file.len() as usize;
        let reader = SerializedFileReader::new(file.clone()).map_err(Error::parquet(path))?;
        let metadata = reader.metadata().file_metadata();
        let footer = Footer::from_key_values(path, metadata.key_value_metadata())?;
        check_kind(path, footer.as_ref(), kind, version)?;
        let rows = metadata.num_rows() as usize;
        Ok(Self {
            path: path.to_owned(),
            file,
            reader,
            footer,
            rows,
            bytes,
        })
    }

    /// The length of the lists of `column`, if the metadata give it.
    pub(crate) fn width(&self, column: &str) -> Option<usize> {
        let metadata = self.reader.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let leaf =
            (0..schema.num_columns()).find(|&at| schema.column(at).path().parts()[0] == column)?;
        let values: i64 = metadata
            .row_groups()
            .iter()
            .map(|group| group.column(leaf).num_values())
            .sum();
        (values as usize).checked_div(self.rows)
    }

    /// The lists of `column`, copied if the pages allow it.
    pub(crate) fn lists<T: FixedValue>(&self, column: &str) -> Result<Lists<T>, Error> {
        file::guarded(&self.path, || self.lists_unguarded(column))
    }

    fn lists_unguarded<T: FixedValue>(&self, column: &str) -> Result<Lists<T>, Error> {
        let mut values: Vec<T> = Vec::new();
        let copy = |plain: &PlainPage<'_>| {
            if values.is_empty() {
                // A damaged file may claim any number of rows: allocate at most the size of the file.
                let all = self.rows.saturating_mul(plain.width);
                values.reserve_exact(all.min(self.bytes / 4));
            }
            let (raw, _) = plain.values.as_chunks::<4>();
            values.extend(raw.iter().map(|&bytes| bytemuck::cast::<[u8; 4], T>(bytes)));
        };
        if let Some(width) = self.plain_pages::<T>(column, copy)? {
            return Ok(Lists { values, width });
        }
        drop(values);
        self.through_arrow(column)
    }

    /// The places of the values of `column` in the file, and the length of its lists, if all pages are plain and not
    /// compressed. Reads the whole column, which verifies its checksums.
    pub(crate) fn places<T: FixedValue>(
        &self,
        column: &str,
    ) -> Result<Option<(usize, Vec<Place>)>, Error> {
        let groups = self.reader.metadata().row_groups().iter();
        let mut chunks = groups.flat_map(RowGroupMetaData::columns);
        let of_column = |chunk: &&ColumnChunkMetaData| chunk.column_path().parts()[0] == column;
        if chunks.any(|chunk| of_column(&chunk) && chunk.compression() != Compression::UNCOMPRESSED)
        {
            return Ok(None);
        }
        file::guarded(&self.path, || {
            let mut places = Vec::new();
            let mut first = 0;
            let width = self.plain_pages::<T>(column, |plain| {
                let bytes = plain.values.len() as u64;
                places.push(Place {
                    first,
                    offset: self.file.last_end() - bytes,
                });
                first += bytes / 4;
            })?;
            Ok(width.map(|width| (width, places)))
        })
    }

    /// The open file.
    pub(crate) fn file(&self) -> &Checked {
        &self.file
    }

    /// Visits the pages of `column` in order, and returns the length of its lists; `None` if a page is not plain, or a list is
    /// null, empty or of another length.
    fn plain_pages<T: FixedValue>(
        &self,
        column: &str,
        mut visit: impl FnMut(&PlainPage<'_>),
    ) -> Result<Option<usize>, Error> {
        check_codecs(&self.path, self.reader.metadata(), |name| name == column)?;
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let leaf =
            (0..schema.num_columns()).find(|&at| schema.column(at).path().parts()[0] == column);
        let Some(leaf) = leaf.filter(|&leaf| {
            schema.column(leaf).physical_type() == T::PHYSICAL
                && schema.column(leaf).max_rep_level() == 1
                && T::fits(
                    schema.column(leaf).logical_type_ref(),
                    schema.column(leaf).converted_type(),
                )
        }) else {
            return Ok(None);
        };
        let fail = Error::parquet::<parquet::errors::ParquetError>;
        let mut width = 0;
        let mut rows = 0;
        let mut visited = 0;
        // A list may span two pages: keep the position in it.
        let mut filled = 0;
        let max_def = schema.column(leaf).max_def_level();
        let def_bits = (16 - (max_def as u16).leading_zeros()) as usize;
        for group in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(group).map_err(fail(&self.path))?;
            let mut pages = group
                .get_column_page_reader(leaf)
                .map_err(fail(&self.path))?;
            while let Some(page) = pages.get_next_page().map_err(fail(&self.path))? {
                let Some(parts) = PageParts::split(&page) else {
                    return Ok(None);
                };
                if parts.values.len() != parts.count * 4
                    || !levels_are(parts.definition, def_bits, parts.count, max_def)
                {
                    return Ok(None);
                }
                if width == 0 {
                    let Some(first) = first_list_length(parts.repetition, parts.count) else {
                        return Ok(None);
                    };
                    // If the first page ends within its first list, the length is unknown: read through Arrow.
                    width = first;
                }
                match lists_of(parts.repetition, parts.count, width, filled) {
                    None => return Ok(None),
                    Some((begun, at)) => {
                        rows += begun;
                        filled = at;
                    }
                }
                visited += parts.count;
                visit(&PlainPage {
                    width,
                    values: parts.values,
                });
            }
        }
        let whole = rows == self.rows && visited == rows * width && cfg!(target_endian = "little");
        Ok(whole.then_some(width))
    }

    /// Reads the lists through Arrow in batches, without a second matrix in memory.
    fn through_arrow<T: FixedValue>(&self, column: &str) -> Result<Lists<T>, Error> {
        let mut values = Vec::new();
        let guess = self.width(column).unwrap_or(0);
        // A damaged file may claim any number of rows: allocate at most the size of the file.
        let mut all = Some(self.rows.saturating_mul(guess).min(self.bytes));
        let width = self.batches_through_arrow::<T>(column, &mut |list| {
            if let Some(all) = all.take() {
                values.reserve_exact(all);
            }
            T::extend(&mut values, list);
            Ok(())
        })?;
        Ok(Lists { values, width })
    }

    /// Visits the lists of `column` in order, read through Arrow, and returns their length.
    pub(crate) fn batches_through_arrow<T: FixedValue>(
        &self,
        column: &str,
        visit: &mut dyn FnMut(&dyn Array) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let mut width = None;
        let guess = self.width(column).unwrap_or(0);
        let step = (BATCH_VALUES / guess.max(1)).clamp(1, ROW_GROUP);
        Table::read_pieces(&self.path, column, step, |table| {
            for (row, list) in table.lists(column, &T::TYPE)?.into_iter().enumerate() {
                let expected = *width.get_or_insert(list.len());
                if list.len() != expected {
                    return Err(table.at(
                        row,
                        format!(
                            "`{column}` has {} values, the rows before have {expected}",
                            list.len()
                        ),
                    ));
                }
                visit(list.as_ref())?;
            }
            Ok(())
        })?;
        Ok(width.unwrap_or(0))
    }
}

/// A page of plain values.
struct PlainPage<'a> {
    /// The length of a list.
    width: usize,
    values: &'a [u8],
}

/// Where the values of a page are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the first of them among all values of the column.
    pub(crate) first: u64,
    /// The offset in the file.
    pub(crate) offset: u64,
}

/// Four-byte values of lists.
pub(crate) trait FixedValue: Fixed {
    const PHYSICAL: parquet::basic::Type;
    /// Whether values of the annotated type have the same bits.
    fn fits(
        logical: Option<&parquet::basic::LogicalType>,
        converted: parquet::basic::ConvertedType,
    ) -> bool;
    fn extend(values: &mut Vec<Self>, list: &dyn Array);
}

impl FixedValue for f32 {
    const PHYSICAL: parquet::basic::Type = parquet::basic::Type::FLOAT;
    fn fits(_: Option<&parquet::basic::LogicalType>, _: parquet::basic::ConvertedType) -> bool {
        true
    }
    fn extend(values: &mut Vec<Self>, list: &dyn Array) {
        values.extend_from_slice(list.as_primitive::<Float32Type>().values());
    }
}

impl FixedValue for u32 {
    const PHYSICAL: parquet::basic::Type = parquet::basic::Type::INT32;
    fn fits(
        _: Option<&parquet::basic::LogicalType>,
        converted: parquet::basic::ConvertedType,
    ) -> bool {
        // Signed ids are cast; negative ids are rejected.
        converted == parquet::basic::ConvertedType::UINT_32
    }
    fn extend(values: &mut Vec<Self>, list: &dyn Array) {
        values.extend_from_slice(list.as_primitive::<UInt32Type>().values());
    }
}

/// A plain data page: its levels and its values.
struct PageParts<'a> {
    repetition: &'a [u8],
    definition: &'a [u8],
    values: &'a [u8],
    count: usize,
}

impl<'a> PageParts<'a> {
    fn split(page: &'a Page) -> Option<Self> {
        match page {
            Page::DataPage {
                buf,
                num_values,
                encoding: Encoding::PLAIN,
                def_level_encoding,
                rep_level_encoding,
                ..
            } if *def_level_encoding == Encoding::RLE && *rep_level_encoding == Encoding::RLE => {
                let (repetition, rest) = prefixed(buf)?;
                let (definition, values) = prefixed(rest)?;
                Some(Self {
                    repetition,
                    definition,
                    values,
                    count: *num_values as usize,
                })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding: Encoding::PLAIN,
                num_nulls: 0,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let (repetition, rest) = buf.split_at_checked(*rep_levels_byte_len as usize)?;
                let (definition, values) = rest.split_at_checked(*def_levels_byte_len as usize)?;
                Some(Self {
                    repetition,
                    definition,
                    values,
                    count: *num_values as usize,
                })
            }
            _ => None,
        }
    }
}

/// The levels of a version 1 page, which follow their length in four bytes.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    rest.split_at_checked(length)
}

/// One run of Parquet's run-length and bit-packing hybrid.
enum Run<'a> {
    Same { value: u64, count: usize },
    Packed { bytes: &'a [u8], count: usize },
}

/// The runs of `bytes`, whose values are `bits` wide (at most 8); ends at the first damaged one.
fn runs(mut bytes: &[u8], bits: usize) -> impl Iterator<Item = Run<'_>> {
    std::iter::from_fn(move || {
        let mut header = 0u64;
        let mut shift = 0;
        loop {
            let (&byte, rest) = bytes.split_first()?;
            bytes = rest;
            header |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
            if shift > 56 {
                return None;
            }
        }
        let length = (header >> 1) as usize;
        if header & 1 == 0 {
            let (&value, rest) = bytes.split_first()?;
            bytes = rest;
            Some(Run::Same {
                value: u64::from(value),
                count: length,
            })
        } else {
            // The padding of the last group may be missing.
            let take = length.checked_mul(bits)?.min(bytes.len());
            let (packed, rest) = bytes.split_at(take);
            bytes = rest;
            Some(Run::Packed {
                bytes: packed,
                count: take * 8 / bits,
            })
        }
    })
}

/// Whether all `count` levels are `level`.
fn levels_are(bytes: &[u8], bits: usize, count: usize, level: i16) -> bool {
    let mut seen = 0;
    for run in runs(bytes, bits) {
        match run {
            Run::Same { value, count } if value == level as u64 => seen += count,
            // Consecutive short lists may be bit-packed; wider levels are left to Arrow.
            Run::Packed {
                bytes,
                count: packed,
            } if bits == 1 && level == 1 => {
                let packed = packed.min(count - seen.min(count));
                if (0..packed).any(|at| bytes[at / 8] >> (at % 8) & 1 == 0) {
                    return false;
                }
                seen += packed;
            }
            _ => return false,
        }
    }
    seen >= count
}

/// The start of the second list, or `count` if there is only one.
fn first_list_length(repetition: &[u8], count: usize) -> Option<usize> {
    let mut at = 0;
    for run in runs(repetition, 1) {
        match run {
            Run::Same { value, count: same } => {
                let begins = value == 0;
                if begins && (at > 0 || same > 1) {
                    return Some(at.max(1)).filter(|&width| width <= count);
                }
                at += same;
            }
            Run::Packed {
                bytes,
                count: packed,
            } => {
                for bit in 0..packed.min(count.saturating_sub(at)) {
                    if bytes[bit / 8] >> (bit % 8) & 1 == 0 && at > 0 {
                        return Some(at);
                    }
                    at += 1;
                }
            }
        }
    }
    (at >= count).then_some(count)
}

/// The number of lists that begin in this page, and the number of values of the last one in it, if all lists have `width`
/// values; `filled` values of the first list are in the previous page.
fn lists_of(
    repetition: &[u8],
    count: usize,
    width: usize,
    filled: usize,
) -> Option<(usize, usize)> {
    let mut begun = 0;
    // Position within the current list; at `width` the next list has to begin.
    let mut at = if filled == 0 { width } else { filled };
    let mut seen = 0;
    let mut begin = |at: &mut usize| {
        (*at == width).then(|| {
            begun += 1;
            *at = 1;
        })
    };
    for run in runs(repetition, 1) {
        match run {
            Run::Same {
                value: 0,
                count: same,
            } => {
                for _ in 0..same.min(count - seen) {
                    begin(&mut at)?;
                }
                seen += same.min(count - seen);
            }
            Run::Same { count: same, .. } => {
                let same = same.min(count - seen);
                at += same;
                seen += same;
                if at > width {
                    return None;
                }
            }
            Run::Packed {
                bytes,
                count: packed,
            } => {
                let packed = packed.min(count - seen);
                for bit in 0..packed {
                    if bytes[bit / 8] >> (bit % 8) & 1 == 0 {
                        begin(&mut at)?;
                    } else {
                        at += 1;
                        if at > width {
                            return None;
                        }
                    }
                }
                seen += packed;
            }
        }
    }
    (seen == count).then_some((begun, if at == width { 0 } else { at }))
}
