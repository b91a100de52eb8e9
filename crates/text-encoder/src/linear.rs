//! A linear map of hidden states, in `f32` or int8.

use crate::Kernel;
use crate::calibration::InputStatistics;
use crate::kernels::float::{self, PanelRow, Rows};
use crate::kernels::int8::{Codes, QuantizedMatrix};
use crate::kernels::{multiply, multiply_add};
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

    /// The map in int8. With the statistics of its inputs in a calibration set, inputs are divided, and weights multiplied, by
    /// factors that make both easy to quantize, and the bias makes up for the rounding of the weights.
    ///
    /// Sources: Xiao et al. 2023 (`SmoothQuant`), with an exponent of their choice; Nagel et al. 2019 (bias correction).
    pub(crate) fn int8(
        kernel: Kernel,
        weights: LinearWeights,
        inputs: Option<&InputStatistics>,
    ) -> Self {
        let n_in = weights.n_in();
        let LinearWeights { mut weight, bias } = weights;
        let Some(inputs) = inputs else {
            return Linear::Int8 {
                n_in,
                matrix: QuantizedMatrix::new(kernel, &weight, n_in, &bias),
                smoothing: Vec::new(),
            };
        };
        let smoothing = smoothing(&weight, &inputs.maxima);
        for row in weight.chunks_exact_mut(n_in) {
            for (value, factor) in row.iter_mut().zip(&smoothing) {
                *value /= factor;
            }
        }
        let mut matrix = QuantizedMatrix::new(kernel, &weight, n_in, &bias);
        let means = inputs.means.iter().zip(&smoothing);
        let means: Vec<f64> = means
            .map(|(mean, factor)| f64::from(*mean) * f64::from(*factor))
            .collect();
        matrix.correct_bias(&weight, &means);
        Linear::Int8 {
            n_in,
            matrix,
            smoothing,
        }
    }

    /// The map in int8, as by [`int8`](Self::int8), of one in `f32`; one in int8 stays as it is.
    pub(crate) fn quantized(self, kernel: Kernel, inputs: Option<&InputStatistics>) -> Self {
        match self {
            Linear::Float { n_in, panels, bias } => {
                let weight = float::unpack(&panels, n_in, bias.len());
                drop(panels);
                Self::int8(kernel, LinearWeights { weight, bias }, inputs)
            }
            Linear::Int8 { .. } => self,
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
                multiply_add(kernel, rows, *n_in, panels, output, bias.len());
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
                multiply(kernel, &codes, matrix, output);
            }
        }
    }
}

/// The exponent of the largest magnitude of an input in its factor, in sixteenths; that of its weights is the rest. On texts in
/// many languages it keeps the vectors of the default model closest.
const INPUT_EXPONENT: u32 = 9;

/// The factor of each input, from the largest magnitudes of its weights and of its values.
fn smoothing(weight: &[f32], maxima: &[f32]) -> Vec<f32> {
    let mut largest = vec![0.0_f32; maxima.len()];
    for row in weight.chunks_exact(maxima.len()) {
        for (largest, value) in largest.iter_mut().zip(row) {
            *largest = largest.max(value.abs());
        }
    }
    // Inputs or weights that are always 0 need no factor.
    let factor = |(&weight, &input): (&f32, &f32)| {
        let ratio = power(weight, 16 - INPUT_EXPONENT) / power(input, INPUT_EXPONENT);
        if ratio.is_finite() && ratio > 1e-5 {
            ratio.min(1e5)
        } else {
            1.0
        }
    };
    largest.iter().zip(maxima).map(factor).collect()
}

/// `value` to the power of `sixteenths` / 16, by square roots, which have the same bits everywhere.
fn power(value: f32, sixteenths: u32) -> f32 {
    let (mut root, mut product) = (value, 1.0);
    for bit in [8, 4, 2, 1] {
        root = root.sqrt();
        if sixteenths & bit != 0 {
            product *= root;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_products_of_roots() {
        for (value, sixteenths, expected) in [(65536.0, 9, 512.0), (65536.0, 7, 128.0)] {
            assert!((power(value, sixteenths) - expected).abs() < 1e-3);
        }
        assert_eq!(
            smoothing(&[0.0, 2.0, -4.0, 1.0], &[1.0, 0.0]),
            [power(4.0, 7), 1.0]
        );
    }
}
