//! A linear map of hidden states, in `f32` or int8.

use crate::Kernel;
use crate::kernels::float::{self, PanelRow, Rows};
use crate::kernels::int8::{self, Codes, QuantizedMatrix};
use crate::rows::{QuantizedRows, quantize};
use crate::weights::LinearWeights;

/// A linear map, packed for a kernel.
#[derive(Debug)]
pub(crate) enum Linear {
    Float {
        n_in: usize,
        panels: Vec<PanelRow>,
        bias: Vec<f32>,
    },
    Int8 {
        n_in: usize,
        matrix: QuantizedMatrix,
        /// A factor for each input, or empty.
        smoothing: Vec<f32>,
    },
}

impl Linear {
    /// The map in `f32`.
    pub(crate) fn float(weights: &LinearWeights) -> Self {
        Linear::Float {
            n_in: weights.n_in(),
            panels: float::pack(&weights.weight, weights.n_in()),
            bias: weights.bias.clone(),
        }
    }

    /// The map in int8. `maxima` is empty, or has the largest magnitude of each input in a calibration set: then inputs are
    /// divided, and weights multiplied, by factors that make both easy to quantize.
    ///
    /// Source: Xiao et al. 2023 (`SmoothQuant`), with the exponent .5.
    pub(crate) fn int8(kernel: Kernel, weights: LinearWeights, maxima: &[f32]) -> Self {
        let n_in = weights.n_in();
        let LinearWeights { mut weight, bias } = weights;
        let mut smoothing = Vec::new();
        if !maxima.is_empty() {
            let mut largest = vec![0.0_f32; n_in];
            for row in weight.chunks_exact(n_in) {
                for (largest, value) in largest.iter_mut().zip(row) {
                    *largest = largest.max(value.abs());
                }
            }
            // Inputs or weights that are always 0 need no factor.
            let factor = |(&weight, &input): (&f32, &f32)| {
                let ratio = (weight / input).sqrt();
                if ratio.is_finite() && ratio > 1e-5 {
                    ratio.min(1e5)
                } else {
                    1.0
                }
            };
            smoothing = largest.iter().zip(maxima).map(factor).collect();
            for row in weight.chunks_exact_mut(n_in) {
                for (value, factor) in row.iter_mut().zip(&smoothing) {
                    *value /= factor;
                }
            }
        }
        Linear::Int8 {
            n_in,
            matrix: QuantizedMatrix::new(kernel, &weight, n_in, &bias),
            smoothing,
        }
    }

    /// Number of inputs.
    pub(crate) fn n_in(&self) -> usize {
        match self {
            Linear::Float { n_in, .. } | Linear::Int8 { n_in, .. } => *n_in,
        }
    }

    /// Number of outputs.
    pub(crate) fn n_out(&self) -> usize {
        match self {
            Linear::Float { bias, .. } => bias.len(),
            Linear::Int8 { matrix, .. } => matrix.n_out,
        }
    }

    /// Maps each row of `input`; `output` gets as many rows.
    pub(crate) fn apply(
        &self,
        kernel: Kernel,
        input: &[f32],
        output: &mut Vec<f32>,
        quantized: &mut QuantizedRows,
    ) {
        match self {
            Linear::Float { n_in, panels, bias } => {
                let count = input.len() / n_in;
                output.clear();
                for _ in 0..count {
                    output.extend_from_slice(bias);
                }
                let rows = Rows {
                    values: input,
                    stride: *n_in,
                    count,
                };
                float::multiply_add(kernel, rows, *n_in, panels, output, bias.len());
            }
            Linear::Int8 {
                n_in,
                matrix,
                smoothing,
            } => {
                output.resize(input.len() / n_in * matrix.n_out, 0.0);
                quantize(kernel, input, *n_in, smoothing, matrix.width, quantized);
                let codes = Codes {
                    values: &quantized.codes,
                    width: matrix.width,
                    steps: &quantized.steps,
                    zeros: &quantized.zeros,
                };
                int8::multiply(kernel, &codes, matrix, output);
            }
        }
    }
}
