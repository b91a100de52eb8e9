//! A table of embeddings in the form in which it is stored.
//!
//! The vocabulary is most of a multilingual model: 250,000 words of 384 dimensions take 384 MB in `f32`, and 60 MB with four bits
//! per value. So rows are converted when they are looked up; their values are those of a table that is converted as a whole.

use super::{bfloat_to_f32, half_to_f32};
use crate::Error;

/// A table of rows that are looked up.
#[derive(Debug)]
pub(crate) struct Table {
    columns: usize,
    values: Stored,
}

#[derive(Debug)]
enum Stored {
    Float(Vec<f32>),
    Half(Vec<u16>),
    BFloat(Vec<u16>),
    Quantized(Quantized),
}

/// Codes of four or eight bits, and a scale for each block of a row: a value is `(code - zero) * scale`.
#[derive(Debug)]
pub(crate) struct Quantized {
    /// Bits of a code: 4 or 8.
    pub(crate) bits: usize,
    /// The codes, each row in whole bytes. Of two codes in a byte, the first is in the low bits.
    pub(crate) codes: Vec<u8>,
    /// Columns that have a scale in common.
    pub(crate) block: usize,
    /// The scales, a row of blocks for each row.
    pub(crate) scales: Vec<f32>,
    /// The codes of 0: one for each scale, or a single one.
    pub(crate) zeros: Vec<u8>,
}

impl Quantized {
    /// Bytes of a row of codes.
    fn stride(&self, columns: usize) -> usize {
        (columns * self.bits).div_ceil(8)
    }

    /// Number of rows, if the shapes match.
    fn rows(&self, columns: usize) -> Option<usize> {
        if self.block == 0 || columns == 0 || !matches!(self.bits, 4 | 8) {
            return None;
        }
        let blocks = columns.div_ceil(self.block);
        let rows = self.scales.len() / blocks;
        (rows * blocks == self.scales.len()
            && rows * self.stride(columns) == self.codes.len()
            && (self.zeros.len() == 1 || self.zeros.len() == self.scales.len()))
        .then_some(rows)
    }

    fn row(&self, row: usize, values: &mut [f32]) {
        let stride = self.stride(values.len());
        let codes = &self.codes[row * stride..][..stride];
        let blocks = values.len().div_ceil(self.block);
        for (at, values) in values.chunks_mut(self.block).enumerate() {
            let block = row * blocks + at;
            let scale = self.scales[block];
            let zero = f32::from(self.zeros[if self.zeros.len() == 1 { 0 } else { block }]);
            let start = at * self.block;
            for (column, value) in values.iter_mut().enumerate() {
                let column = start + column;
                let code = match self.bits {
                    4 => codes[column / 2] >> (column % 2 * 4) & 15,
                    _ => codes[column],
                };
                *value = (f32::from(code) - zero) * scale;
            }
        }
    }
}

impl Table {
    pub(crate) fn float(values: Vec<f32>, columns: usize) -> Self {
        let values = Stored::Float(values);
        Table { columns, values }
    }

    /// Of 16-bit numbers with 10 bits of fraction.
    pub(crate) fn half(values: Vec<u16>, columns: usize) -> Self {
        let values = Stored::Half(values);
        Table { columns, values }
    }

    /// Of 16-bit numbers with 7 bits of fraction.
    pub(crate) fn bfloat(values: Vec<u16>, columns: usize) -> Self {
        let values = Stored::BFloat(values);
        Table { columns, values }
    }

    /// Of quantized values; `None` if the number of codes, scales or zeros does not match.
    pub(crate) fn quantized(values: Quantized, columns: usize) -> Option<Self> {
        values.rows(columns)?;
        let values = Stored::Quantized(values);
        Some(Table { columns, values })
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        let count = match &self.values {
            Stored::Float(values) => values.len(),
            Stored::Half(values) | Stored::BFloat(values) => values.len(),
            Stored::Quantized(values) => return values.rows(self.columns).unwrap_or(0),
        };
        count.checked_div(self.columns).unwrap_or(0)
    }

    /// Writes the row `row`, which exists, into `values`: as many as there are columns.
    pub(crate) fn row(&self, row: usize, values: &mut [f32]) {
        let range = row * self.columns..(row + 1) * self.columns;
        let convert = |stored: &[u16], to_f32: fn(u16) -> f32, values: &mut [f32]| {
            for (value, &bits) in values.iter_mut().zip(&stored[range.clone()]) {
                *value = to_f32(bits);
            }
        };
        match &self.values {
            Stored::Float(stored) => values.copy_from_slice(&stored[range]),
            Stored::Half(stored) => convert(stored, half_to_f32, values),
            Stored::BFloat(stored) => convert(stored, bfloat_to_f32, values),
            Stored::Quantized(stored) => stored.row(row, values),
        }
    }

    /// All values in `f32`.
    pub(crate) fn to_floats(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows() * self.columns];
        for (row, values) in values.chunks_exact_mut(self.columns.max(1)).enumerate() {
            self.row(row, values);
        }
        values
    }

    /// Checks that there are rows, all whole, and that all values are finite.
    pub(crate) fn check(&self, name: &str) -> Result<(), Error> {
        let fault = |message: String| {
            Err(Error::Tensor {
                name: name.into(),
                message,
            })
        };
        let whole = match &self.values {
            Stored::Float(values) => values.len() == self.rows() * self.columns,
            Stored::Half(values) | Stored::BFloat(values) => {
                values.len() == self.rows() * self.columns
            }
            Stored::Quantized(_) => true,
        };
        if self.rows() == 0 || !whole {
            return fault(format!("it has no whole rows of {} values", self.columns));
        }
        let infinite = |value: &f32| !value.is_finite();
        let found = match &self.values {
            Stored::Float(values) => values.iter().copied().find(infinite),
            Stored::Half(values) => values.iter().map(|&bits| half_to_f32(bits)).find(infinite),
            Stored::BFloat(values) => values
                .iter()
                .map(|&bits| bfloat_to_f32(bits))
                .find(infinite),
            // No difference of codes is larger.
            Stored::Quantized(values) => values
                .scales
                .iter()
                .map(|scale| scale * 255.0)
                .find(infinite),
        };
        match found {
            Some(value) => fault(format!("it holds {value}")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantized(
        bits: usize,
        codes: &[u8],
        block: usize,
        scales: &[f32],
        zeros: &[u8],
    ) -> Quantized {
        Quantized {
            bits,
            codes: codes.to_vec(),
            block,
            scales: scales.to_vec(),
            zeros: zeros.to_vec(),
        }
    }

    #[test]
    fn rows_are_converted_by_hand() {
        let half = Table::half(vec![0x3c00, 0xc000, 0x3555, 0], 2);
        assert_eq!((half.rows(), half.columns()), (2, 2));
        assert_eq!(half.to_floats(), [1.0, -2.0, 0.333_251_95, 0.0]);
        let bfloat = Table::bfloat(vec![0x3f80, 0xc049], 1);
        assert_eq!(bfloat.to_floats(), [1.0, -3.140_625]);
        // Three columns of four bits: a row takes two bytes, and its second block has one column.
        let four = quantized(4, &[0x8f, 0x07, 0x10, 0x0f], 2, &[0.5, 2.0, 1.0, 3.0], &[8]);
        let four = Table::quantized(four, 3).unwrap();
        assert_eq!(four.to_floats(), [3.5, 0.0, -2.0, -8.0, -7.0, 21.0]);
        // A scale and a zero point for each row.
        let eight = quantized(8, &[128, 0, 255, 130], 2, &[0.25, 2.0], &[128, 130]);
        let eight = Table::quantized(eight, 2).unwrap();
        assert_eq!(eight.to_floats(), [0.0, -32.0, 250.0, 0.0]);
    }

    #[test]
    fn shapes_that_do_not_match_are_refused() {
        for wrong in [
            quantized(4, &[0; 3], 2, &[1.0; 4], &[8]),
            quantized(4, &[0; 4], 2, &[1.0; 3], &[8]),
            quantized(4, &[0; 4], 2, &[1.0; 4], &[8, 8]),
            quantized(5, &[0; 4], 2, &[1.0; 4], &[8]),
            quantized(8, &[0; 4], 0, &[1.0; 4], &[8]),
        ] {
            assert!(Table::quantized(wrong, 3).is_none());
        }
        assert!(Table::float(vec![1.0; 5], 2).check("t").is_err());
        assert!(Table::float(Vec::new(), 2).check("t").is_err());
        assert!(Table::float(vec![1.0; 4], 0).check("t").is_err());
        assert!(Table::half(vec![0x7c00], 1).check("t").is_err());
        let infinite = quantized(8, &[0], 1, &[f32::MAX], &[0]);
        assert!(Table::quantized(infinite, 1).unwrap().check("t").is_err());
        assert!(Table::bfloat(vec![0x3f80; 6], 2).check("t").is_ok());
    }
}
