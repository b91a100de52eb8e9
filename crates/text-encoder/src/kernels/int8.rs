//! Products of quantized activations and quantized weights.
//!
//! Activations are asymmetric: each row has a step and a zero point, with codes 0 to 127. Weights are symmetric: each column has a
//! step, with codes -63 to 63. With seven bits on both sides the sum of four products, at most 4 * 127 * 63 = 32,004, fits in
//! 16 bits, so that AVX2 can add two `vpmaddubsw` before it widens, and no kernel ever saturates. Sums are exact, so all
//! kernels have the same.
//!
//! Source: Jacob et al. 2018 (integer sums, zero points); Dettmers et al. 2022 (a scale per row and per column). Cost: per
//! multiply-add 1/64 (VNNI) or 5/128 (AVX2) instructions.

use std::ops::Range;

use crate::Kernel;

/// The largest code of an activation.
pub(crate) const MAX_CODE: f32 = 127.0;
/// The largest code of a weight.
pub(crate) const MAX_WEIGHT: f32 = 63.0;
/// Codes that are multiplied and added in one lane of 32 bits.
pub(super) const GROUP: usize = 4;
/// Rows of codes are padded with zeros to a multiple of this.
pub(crate) const PADDING: usize = 8;

/// Rows of quantized activations.
#[derive(Clone, Copy)]
pub(crate) struct Codes<'a> {
    /// The codes, 0 to 127, rows of `width` values.
    pub(crate) values: &'a [u8],
    /// Codes per row: the columns, padded.
    pub(crate) width: usize,
    /// What a unit of each row's codes is worth.
    pub(crate) steps: &'a [f32],
    /// The code of 0 in each row.
    pub(crate) zeros: &'a [i32],
}

impl Codes<'_> {
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.values[row * self.width..][..self.width]
    }
}

/// A matrix of weights with the bias of its columns.
#[derive(Debug)]
pub(crate) struct QuantizedMatrix {
    /// Number of columns.
    pub(crate) n_out: usize,
    /// Rows, padded to a multiple of [`PADDING`].
    pub(crate) width: usize,
    /// Columns of a panel, as the kernel needs.
    pub(super) panel: usize,
    /// Panel by panel, for each group of four rows, of each column the four codes.
    codes: Vec<[i8; GROUP]>,
    /// The sum of the codes of each column, padded to whole panels, as are the others.
    pub(super) sums: Vec<i32>,
    /// What a unit of each column's codes is worth.
    pub(super) steps: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl QuantizedMatrix {
    /// Quantizes a matrix given by its transpose: rows of `n_in` values, one per column.
    pub(crate) fn new(kernel: Kernel, transpose: &[f32], n_in: usize, bias: &[f32]) -> Self {
        let n_out = transpose.len() / n_in;
        let panel = match kernel {
            Kernel::Vnni => 32,
            Kernel::Avx2 | Kernel::Portable => 16,
        };
        let width = n_in.next_multiple_of(PADDING);
        let padded = n_out.next_multiple_of(panel);
        let groups = width / GROUP;
        let mut matrix = QuantizedMatrix {
            n_out,
            width,
            panel,
            codes: vec![[0; GROUP]; padded * groups],
            sums: vec![0; padded],
            steps: vec![0.0; padded],
            bias: vec![0.0; padded],
        };
        matrix.bias[..n_out].copy_from_slice(bias);
        for (column, values) in transpose.chunks_exact(n_in).enumerate() {
            let largest = values
                .iter()
                .fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let step = largest / MAX_WEIGHT;
            // Also where the step is so small that its inverse would be infinite.
            let inverse = if step > f32::MIN_POSITIVE {
                1.0 / step
            } else {
                0.0
            };
            matrix.steps[column] = step;
            for (at, value) in values.iter().enumerate() {
                let code = (value * inverse)
                    .round_ties_even()
                    .clamp(-MAX_WEIGHT, MAX_WEIGHT) as i8;
                matrix.sums[column] += i32::from(code);
                let group = matrix.group(column, at);
                matrix.codes[group][at % GROUP] = code;
            }
        }
        matrix
    }

    /// Adds to the bias what rounding takes from the products with rows whose values are `means` on average. `transpose` is
    /// that of [`new`](Self::new).
    pub(crate) fn correct_bias(&mut self, transpose: &[f32], means: &[f64]) {
        for (column, values) in transpose.chunks_exact(means.len()).enumerate() {
            let step = f64::from(self.steps[column]);
            let lost = values
                .iter()
                .zip(means)
                .enumerate()
                .map(|(at, (value, mean))| {
                    let code = f64::from(self.code(column, at));
                    mean * (f64::from(*value) - code * step)
                });
            self.bias[column] = (f64::from(self.bias[column]) + lost.sum::<f64>()) as f32;
        }
    }

    /// The code of row `at` of a column.
    fn code(&self, column: usize, at: usize) -> i8 {
        self.codes[self.group(column, at)][at % GROUP]
    }

    /// The place of the group of row `at` of a column.
    fn group(&self, column: usize, at: usize) -> usize {
        let groups = self.width / GROUP;
        (column / self.panel * groups + at / GROUP) * self.panel + column % self.panel
    }

    pub(super) fn panels(&self) -> usize {
        self.sums.len() / self.panel
    }

    /// The codes of a panel: for each group of four rows, of each column the four codes.
    pub(super) fn panel_codes(&self, panel: usize) -> &[[i8; GROUP]] {
        let length = self.width / GROUP * self.panel;
        &self.codes[panel * length..][..length]
    }
}

/// The columns of a panel, without those that pad the last.
pub(super) fn column_range(matrix: &QuantizedMatrix, panel: usize) -> Range<usize> {
    panel * matrix.panel..matrix.n_out.min((panel + 1) * matrix.panel)
}
