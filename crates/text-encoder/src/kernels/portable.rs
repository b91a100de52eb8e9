//! The products in portable Rust: what the other kernels are tested against.

use std::ops::Range;

use super::float::{PanelRow, Rows};
use super::int8::{Codes, GROUP, QuantizedMatrix, column_range};

/// Adds the product of `left` and one panel to the columns `columns` of `sums`.
pub(super) fn multiply_add_panel(
    left: Rows<'_>,
    panel: &[PanelRow],
    sums: &mut [f32],
    width: usize,
    columns: Range<usize>,
) {
    for (row, sums) in sums.chunks_exact_mut(width).enumerate() {
        let values = &left.values[row * left.stride..][..panel.len()];
        let sums = &mut sums[columns.clone()];
        for (value, right) in values.iter().zip(panel) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = value.mul_add(*right, *sum);
            }
        }
    }
}

/// The products of rows of codes and a matrix, as `f32`.
pub(super) fn multiply(left: &Codes<'_>, right: &QuantizedMatrix, out: &mut [f32]) {
    let mut sums = vec![0; right.panel];
    for panel in 0..right.panels() {
        let columns = column_range(right, panel);
        let groups = right.panel_codes(panel);
        for (row, out) in out.chunks_exact_mut(right.n_out).enumerate() {
            sums.fill(0);
            let codes = left.row(row).as_chunks::<GROUP>().0;
            for (codes, group) in codes.iter().zip(groups.chunks_exact(right.panel)) {
                for (sum, weights) in sums.iter_mut().zip(group) {
                    for (&code, &weight) in codes.iter().zip(weights) {
                        *sum += i32::from(code) * i32::from(weight);
                    }
                }
            }
            for (column, &sum) in columns.clone().zip(&sums) {
                let centered = sum - left.zeros[row] * right.sums[column];
                out[column] = (centered as f32 * left.steps[row])
                    .mul_add(right.steps[column], right.bias[column]);
            }
        }
    }
}
