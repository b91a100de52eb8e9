//! What happens to rows of hidden states between matrix products: layer normalization, activation, softmax, quantization.
//!
//! Reductions have sixteen partial sums, added in a fixed order, so that a row's result depends on that row alone and has the
//! same bits with every width of register. Cost: linear in the number of values.

use crate::Kernel;
use crate::config::Activation;
use crate::kernels::int8::MAX_CODE;
use crate::math::{self, LANES, sum_lanes};
use crate::simd::dispatch_simd;
use crate::weights::Norm;

/// Adds `residual` to `values`, if it is not empty, and normalizes each row.
///
/// Source: Ba, Kiros, Hinton 2016.
pub(crate) fn layer_norm(kernel: Kernel, values: &mut [f32], residual: &[f32], norm: &Norm) {
    dispatch_simd!(kernel, layer_norm_rows(values: &mut [f32], residual: &[f32], norm: &Norm));
}

#[inline(always)]
fn layer_norm_rows(values: &mut [f32], residual: &[f32], norm: &Norm) {
    let d = norm.weight.len();
    if !residual.is_empty() {
        for (value, residual) in values.iter_mut().zip(residual) {
            *value += residual;
        }
    }
    for row in values.chunks_exact_mut(d) {
        let mean = reduce(row, |sum, value| sum + value) / d as f32;
        let variance =
            reduce(row, |sum, value| (value - mean).mul_add(value - mean, sum)) / d as f32;
        let inverse = 1.0 / (variance + norm.epsilon).sqrt();
        for ((value, weight), bias) in row.iter_mut().zip(&norm.weight).zip(&norm.bias) {
            *value = ((*value - mean) * inverse).mul_add(*weight, *bias);
        }
    }
}

/// The sum over a row of what `add` adds.
#[inline(always)]
fn reduce(row: &[f32], add: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum = add(*sum, value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum = add(*sum, value);
    }
    sum_lanes(sums)
}

/// Applies the activation to each value.
pub(crate) fn activate(kernel: Kernel, values: &mut [f32], activation: Activation) {
    dispatch_simd!(kernel, activate_values(values: &mut [f32], activation: Activation));
}

#[inline(always)]
fn activate_values(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::Gelu => values
            .iter_mut()
            .for_each(|value| *value = math::gelu(*value)),
        Activation::GeluTanh => values
            .iter_mut()
            .for_each(|value| *value = math::gelu_tanh(*value)),
        Activation::Silu => values
            .iter_mut()
            .for_each(|value| *value = math::silu(*value)),
        Activation::Relu => values
            .iter_mut()
            .for_each(|value| *value = if *value > 0.0 { *value } else { 0.0 }),
    }
}

/// Replaces the first `len` scores of each row of `width` by their exponentials relative to the largest of them, and writes the
/// inverse of the sum of those.
pub(crate) fn softmax(
    kernel: Kernel,
    scores: &mut [f32],
    (width, len): (usize, usize),
    inverse_sums: &mut [f32],
) {
    dispatch_simd!(
        kernel,
        softmax_rows(scores: &mut [f32], width: usize, len: usize, inverse_sums: &mut [f32])
    );
}

#[inline(always)]
fn softmax_rows(scores: &mut [f32], width: usize, len: usize, inverse_sums: &mut [f32]) {
    for (row, inverse) in scores.chunks_exact_mut(width).zip(inverse_sums) {
        let row = &mut row[..len];
        let largest = largest(row);
        for score in row.iter_mut() {
            *score = math::exp(*score - largest);
        }
        *inverse = 1.0 / reduce(row, |sum, value| sum + value);
    }
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    let mut lanes = [f32::MIN; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = if value > *lane { value } else { *lane };
    }
    lanes.into_iter().fold(
        f32::MIN,
        |largest, value| if value > largest { value } else { largest },
    )
}

/// Quantized rows, as [`crate::kernels::int8::Codes`] borrows them.
#[derive(Debug, Default)]
pub(crate) struct QuantizedRows {
    pub(crate) codes: Vec<u8>,
    pub(crate) steps: Vec<f32>,
    pub(crate) zeros: Vec<i32>,
    smoothed: Vec<f32>,
}

/// Quantizes rows of `d` values to codes of 0 to 127, each row with a step and a zero point of its own, padded to `width`.
///
/// `smoothing` is empty, or has a factor for each column.
pub(crate) fn quantize(
    kernel: Kernel,
    values: &[f32],
    d: usize,
    smoothing: &[f32],
    width: usize,
    rows: &mut QuantizedRows,
) {
    let count = values.len() / d;
    rows.codes.resize(count * width, 0);
    rows.steps.resize(count, 0.0);
    rows.zeros.resize(count, 0);
    rows.smoothed.resize(d, 0.0);
    dispatch_simd!(
        kernel,
        quantize_rows(values: &[f32], d: usize, smoothing: &[f32], width: usize, rows: &mut QuantizedRows)
    );
}

#[inline(always)]
fn quantize_rows(
    values: &[f32],
    d: usize,
    smoothing: &[f32],
    width: usize,
    rows: &mut QuantizedRows,
) {
    let QuantizedRows {
        codes,
        steps,
        zeros,
        smoothed,
    } = rows;
    let outputs = codes
        .chunks_exact_mut(width)
        .zip(steps.iter_mut())
        .zip(zeros.iter_mut());
    for (row, ((codes, step), zero)) in values.chunks_exact(d).zip(outputs) {
        let row = if smoothing.is_empty() {
            row
        } else {
            for ((smoothed, value), factor) in smoothed.iter_mut().zip(row).zip(smoothing) {
                *smoothed = value * factor;
            }
            &smoothed[..]
        };
        let (low, high) = range(row);
        let width = high - low;
        // A row of zeros has the step 1, and so has one of values so small that the inverse of the step would be infinite.
        let inverse = if width > 1e-30 { MAX_CODE / width } else { 1.0 };
        *step = if width > 1e-30 { width / MAX_CODE } else { 1.0 };
        let (offset, integer) = math::round(-low * inverse);
        *zero = integer;
        let (codes, padding) = codes.split_at_mut(d);
        for (code, value) in codes.iter_mut().zip(row) {
            let position = value.mul_add(inverse, offset);
            let position = if position > 0.0 { position } else { 0.0 };
            let position = if position < MAX_CODE {
                position
            } else {
                MAX_CODE
            };
            *code = math::round(position).1 as u8;
        }
        padding.fill(0);
    }
}

/// The smallest and largest value of a row and zero.
#[inline(always)]
fn range(row: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = if value < *low { value } else { *low };
            *high = if value > *high { value } else { *high };
        }
    }
    for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(rest) {
        *low = if value < *low { value } else { *low };
        *high = if value > *high { value } else { *high };
    }
    (
        low.into_iter().fold(0.0, |a, b| if b < a { b } else { a }),
        high.into_iter().fold(0.0, |a, b| if b > a { b } else { a }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<f32> {
        (0..count)
            .map(|at| ((at * 7919 + 13) % 1009) as f32 / 100.0 - 4.0)
            .collect()
    }

    #[test]
    fn a_row_is_normalized() {
        let norm = Norm {
            weight: vec![1.0, 2.0],
            bias: vec![0.0, 1.0],
            epsilon: 0.0,
        };
        let mut row = [1.0, 3.0];
        layer_norm(Kernel::Portable, &mut row, &[1.0, 3.0], &norm);
        assert_eq!(row, [-1.0, 3.0]);
    }

    #[test]
    fn codes_are_as_by_hand() {
        let mut rows = QuantizedRows::default();
        // The range is -1 to 1.54: a step of .02 and a zero point of 50. A row of zeros, one of one value.
        quantize(
            Kernel::Portable,
            &[-1.0, 1.54, 0.0, 0.0, 5.0, 5.0],
            2,
            &[],
            8,
            &mut rows,
        );
        assert_eq!(rows.codes[..8], [0, 127, 0, 0, 0, 0, 0, 0]);
        assert_eq!(rows.codes[8..16], [0; 8]);
        assert_eq!(rows.codes[16..], [127, 127, 0, 0, 0, 0, 0, 0]);
        assert_eq!(rows.zeros, [50, 0, 0]);
        assert_eq!(rows.steps[1], 1.0);
        assert!((rows.steps[0] - 0.02).abs() < 1e-8);
        quantize(
            Kernel::Portable,
            &[1.0, 1.0],
            2,
            &[127.0, 3.0],
            8,
            &mut rows,
        );
        assert_eq!(rows.codes, [127, 3, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn codes_stay_in_range() {
        let mut rows = QuantizedRows::default();
        for row in [
            [f32::MAX, f32::MIN],
            [f32::INFINITY, 1.0],
            [f32::NAN, 1.0],
            [-1e-40, 1e-40],
            [-0.5, 0.5],
            [-1.0, 1.000_000_1],
        ] {
            quantize(Kernel::Portable, &row, 2, &[], 8, &mut rows);
            assert!(
                rows.codes.iter().all(|&code| code <= 127),
                "{row:?}: {:?}",
                rows.codes
            );
        }
    }

    #[test]
    fn probabilities_sum_to_one() {
        // Rows of two scores, padded with a third.
        let mut scores = [0.0, 2.0_f32.ln(), 9.0, 1000.0, 0.0, 9.0];
        let mut inverse = [0.0; 2];
        softmax(Kernel::Portable, &mut scores, (3, 2), &mut inverse);
        assert!((scores[0] * inverse[0] - 1.0 / 3.0).abs() < 1e-7);
        assert!((scores[1] * inverse[0] - 2.0 / 3.0).abs() < 1e-7);
        assert_eq!(scores[3] * inverse[1], 1.0);
        assert!(scores[4] * inverse[1] < 1e-37);
    }

    #[test]
    fn every_kernel_of_this_machine_gives_the_same_bits() {
        for d in [1, 15, 16, 33, 384] {
            let norm = Norm {
                weight: values(d),
                bias: values(d),
                epsilon: 1e-12,
            };
            let input = values(3 * d);
            let outcome = |kernel| {
                let (mut normed, mut scores, mut inverse) =
                    (input.clone(), input.clone(), [0.0; 3]);
                layer_norm(kernel, &mut normed, &input, &norm);
                softmax(kernel, &mut scores, (d, d), &mut inverse);
                let mut rows = QuantizedRows::default();
                quantize(
                    kernel,
                    &input,
                    d,
                    &norm.weight,
                    d.next_multiple_of(8),
                    &mut rows,
                );
                let activated = [
                    Activation::Gelu,
                    Activation::GeluTanh,
                    Activation::Relu,
                    Activation::Silu,
                ]
                .map(|activation| {
                    let mut values = input.clone();
                    activate(kernel, &mut values, activation);
                    values
                });
                let quantized = (rows.codes, rows.steps, rows.zeros);
                (normed, scores, inverse, activated, quantized)
            };
            let expected = outcome(Kernel::Portable);
            for kernel in Kernel::ALL
                .into_iter()
                .filter(|kernel| kernel.is_available())
            {
                assert_eq!(outcome(kernel), expected, "{kernel} {d}");
            }
        }
    }
}
