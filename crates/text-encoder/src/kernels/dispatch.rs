//! The choice of the kernel for a product, by the instructions of the processor.

use super::float::{PANEL, PanelRow, Rows};
use super::int8::{Codes, QuantizedMatrix};
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::Kernel;

/// Depth of a block: that of a panel which stays in the first-level cache.
const DEPTH: usize = 256;

/// Adds `left * right` to `sums`.
///
/// `left` has `depth` columns; `right` has panels of `depth` rows; `sums` has rows of `width` values, as many as `left`, and
/// the last panel may have more columns than `width`.
pub(crate) fn multiply_add(
    kernel: Kernel,
    left: Rows<'_>,
    depth: usize,
    right: &[PanelRow],
    sums: &mut [f32],
    width: usize,
) {
    let panels = width.div_ceil(PANEL);
    assert!(
        right.len() == panels * depth && sums.len() == left.count * width,
        "the shapes of the matrices match"
    );
    assert!(
        left.count == 0 || left.values.len() >= (left.count - 1) * left.stride + depth,
        "every row is whole"
    );
    if depth == 0 {
        return;
    }
    for start in (0..depth).step_by(DEPTH) {
        let end = depth.min(start + DEPTH);
        for (at, panel) in right.chunks_exact(depth).enumerate() {
            let panel = &panel[start..end];
            let columns = at * PANEL..width.min((at + 1) * PANEL);
            let block = Rows {
                values: left.values.get(start..).unwrap_or_default(),
                ..left
            };
            match kernel {
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls a function compiled for more than the baseline"
                )]
                // SAFETY: `Kernel::choose` returns this kernel only where the processor has its features.
                Kernel::Vnni => unsafe {
                    avx512::multiply_add_panel(block, panel, sums, width, columns);
                },
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls a function compiled for more than the baseline"
                )]
                // SAFETY: as above.
                Kernel::Avx2 => unsafe {
                    avx2::multiply_add_panel(block, panel, sums, width, columns);
                },
                _ => portable::multiply_add_panel(block, panel, sums, width, columns),
            }
        }
    }
}

/// The products of rows and a matrix plus the bias, in `out`: rows of `right.n_out` values.
pub(crate) fn multiply(kernel: Kernel, left: &Codes<'_>, right: &QuantizedMatrix, out: &mut [f32]) {
    let rows = left.steps.len();
    assert!(
        left.width == right.width
            && left.values.len() == rows * left.width
            && left.zeros.len() == rows
            && out.len() == rows * right.n_out,
        "the shapes of the matrices match"
    );
    match kernel {
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: `Kernel::choose` returns this kernel only where the processor has its features.
        Kernel::Vnni => unsafe { avx512::multiply(left, right, out) },
        #[cfg(target_arch = "x86_64")]
        #[expect(
            unsafe_code,
            reason = "calls a function compiled for more than the baseline"
        )]
        // SAFETY: as above.
        Kernel::Avx2 => unsafe { avx2::multiply(left, right, out) },
        _ => portable::multiply(left, right, out),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::float::pack;
    use crate::kernels::int8::PADDING;

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn every_kernel_of_this_machine_gives_the_bits_of_the_sum_in_order() {
        for (rows, depth, width) in [
            (1, 1, 1),
            (5, 7, 16),
            (6, 300, 17),
            (13, 64, 40),
            (25, 513, 33),
            (0, 4, 4),
        ] {
            let stride = depth + 3;
            let (left, right) = (values(rows * stride, 1), values(width * depth, 2));
            let start = values(rows * width, 3);
            let expected: Vec<f32> = (0..rows * width)
                .map(|at| {
                    let (row, column) = (at / width, at % width);
                    (0..depth).fold(start[at], |sum, k| {
                        left[row * stride + k].mul_add(right[column * depth + k], sum)
                    })
                })
                .collect();
            let packed = pack(&right, depth);
            for kernel in Kernel::ALL
                .into_iter()
                .filter(|kernel| kernel.is_available())
            {
                let mut sums = start.clone();
                let rows = Rows {
                    values: &left,
                    stride,
                    count: rows,
                };
                multiply_add(kernel, rows, depth, &packed, &mut sums, width);
                assert_eq!(sums, expected, "{kernel} {depth} {width}");
            }
        }
    }

    /// Multiplies with every kernel of this machine; all results are the same bits. Returns them.
    fn multiply_everywhere(codes: &[u8], rows: usize, weights: &[f32], n_in: usize) -> Vec<f32> {
        let n_out = weights.len() / n_in;
        let width = n_in.next_multiple_of(PADDING);
        let mut padded = vec![0; rows * width];
        for (to, from) in padded.chunks_exact_mut(width).zip(codes.chunks_exact(n_in)) {
            to[..n_in].copy_from_slice(from);
        }
        let steps: Vec<f32> = (0..rows).map(|row| 0.01 + row as f32 * 0.003).collect();
        let zeros: Vec<i32> = (0..rows).map(|row| (row * 41 % 128) as i32).collect();
        let bias: Vec<f32> = (0..n_out).map(|column| column as f32 * 0.1 - 1.0).collect();
        let left = Codes {
            values: &padded,
            width,
            steps: &steps,
            zeros: &zeros,
        };
        let mut all = Kernel::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available())
            .map(|kernel| {
                let right = QuantizedMatrix::new(kernel, weights, n_in, &bias);
                let mut out = vec![f32::NAN; rows * n_out];
                multiply(kernel, &left, &right, &mut out);
                out
            });
        let first = all.next().expect("the portable kernel is available");
        for other in all {
            assert_eq!(first, other);
        }
        first
    }

    #[test]
    fn extremes_do_not_saturate() {
        for sign in [1.0, -1.0] {
            let (rows, n_in, n_out) = (9, 1536, 50);
            let out = multiply_everywhere(
                &vec![127; rows * n_in],
                rows,
                &vec![63.0 * sign; n_in * n_out],
                n_in,
            );
            // Row 0: the step is .01, the zero point 0, and a unit of the weights is worth 1.
            let sum = 127.0 * 63.0 * 1536.0 * f64::from(sign);
            for (column, value) in out[..n_out].iter().enumerate() {
                let expected = sum * 0.01 + f64::from(column as f32 * 0.1 - 1.0);
                assert!(
                    (f64::from(*value) - expected).abs() < 0.02,
                    "{value} {expected}"
                );
            }
        }
    }

    #[test]
    fn two_by_two_by_hand() {
        // Columns (63, 0) and (-126, 126): steps 1 and 2, codes (63, 0) and (-63, 63).
        let out = multiply_everywhere(&[1, 2, 3, 4], 2, &[63.0, 0.0, -126.0, 126.0], 2);
        let by_hand = [
            (63.0_f32 * 0.01).mul_add(1.0, -1.0),
            (63.0_f32 * 0.01).mul_add(2.0, -0.9),
            // Row 1 has the zero point 41 and the step .013: (3 - 41) * 63 and (3 - 41) * -63 + (4 - 41) * 63.
            (-2394.0_f32 * 0.013).mul_add(1.0, -1.0),
            (63.0_f32 * 0.013).mul_add(2.0, -0.9),
        ];
        assert_eq!(out, by_hand);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_kernel_gives_the_same_bits(
            (rows, n_in, n_out) in (1_usize..12, 1_usize..80, 1_usize..110),
            seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state >> 8
            };
            let codes: Vec<u8> = (0..rows * n_in).map(|_| (next() % 128) as u8).collect();
            let weights: Vec<f32> = (0..n_in * n_out).map(|_| next() as f32 / 8_388_608.0 - 1.0).collect();
            multiply_everywhere(&codes, rows, &weights, n_in);
        }
    }
}
