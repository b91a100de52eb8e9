//! Products of `f32` matrices.
//!
//! The right matrix is packed in panels of sixteen columns: for each row of the matrix, the sixteen values of the panel. Cost:
//! one fused multiply-add of eight (AVX2) or sixteen (AVX-512) values per instruction.

use crate::Kernel;

/// Columns of a panel.
pub(crate) const PANEL: usize = 16;

/// Depth of a block: that of a panel which stays in the first-level cache.
const DEPTH: usize = 256;

/// One row of a panel.
pub(crate) type PanelRow = [f32; PANEL];

/// Rows of a matrix at a constant distance.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// The first value of the first row, and what follows it.
    pub(crate) values: &'a [f32],
    /// Values from the start of one row to that of the next.
    pub(crate) stride: usize,
    /// Number of rows.
    pub(crate) count: usize,
}

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
                    super::avx512::multiply_add_panel(block, panel, sums, width, columns);
                },
                #[cfg(target_arch = "x86_64")]
                #[expect(
                    unsafe_code,
                    reason = "calls a function compiled for more than the baseline"
                )]
                // SAFETY: as above.
                Kernel::Avx2 => unsafe {
                    super::avx2::multiply_add_panel(block, panel, sums, width, columns);
                },
                _ => super::portable::multiply_add_panel(block, panel, sums, width, columns),
            }
        }
    }
}

/// A matrix of `n_out` columns and `n_in` rows in panels, from its transpose: rows of `n_in` values, one per column.
pub(crate) fn pack(transpose: &[f32], n_in: usize) -> Vec<PanelRow> {
    let n_out = transpose.len() / n_in;
    let mut panels = vec![[0.0; PANEL]; n_out.div_ceil(PANEL) * n_in];
    for (column, values) in transpose.chunks_exact(n_in).enumerate() {
        let panel = &mut panels[column / PANEL * n_in..][..n_in];
        for (row, &value) in panel.iter_mut().zip(values) {
            row[column % PANEL] = value;
        }
    }
    panels
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
