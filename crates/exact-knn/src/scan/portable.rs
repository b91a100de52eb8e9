//! The scan in portable Rust: what the other kernels are tested against.

use super::block::{Hit, PANEL, PackedLane, ScanSide, is_selected, push_hits};

pub(super) fn scan(
    rows: &ScanSide<'_>,
    cols: &ScanSide<'_>,
    lanes: usize,
    pair_mask: u64,
    hits: &mut Vec<Hit>,
) {
    for (panel, codes) in cols.codes.chunks_exact(lanes).enumerate() {
        let col = panel * PANEL;
        for row in 0..rows.len {
            if !is_selected(pair_mask, row, col) {
                continue;
            }
            let products = products(
                &rows.codes[row / PANEL * lanes..][..lanes],
                row % PANEL,
                codes,
            );
            let scores: [i32; PANEL] =
                std::array::from_fn(|at| products[at] + rows.bias[row] + cols.bias[col + at]);
            let mut reached = 0;
            for (at, &score) in scores.iter().enumerate() {
                reached |=
                    u16::from(score >= rows.thresholds[row].min(cols.thresholds[col + at])) << at;
            }
            if reached != 0 {
                push_hits(rows, cols, row, col, &scores, reached, hits);
            }
        }
    }
}

/// The products of one row of a panel with the sixteen rows of another.
fn products(row: &[PackedLane], slot: usize, cols: &[PackedLane]) -> [i32; PANEL] {
    let mut sums = [0; PANEL];
    for (row, cols) in row.iter().zip(cols) {
        let [a, b, c, e] = row.0[slot].to_le_bytes().map(|code| i32::from(code as i8));
        for (sum, col) in sums.iter_mut().zip(&cols.0) {
            let [w, x, y, z] = col.to_le_bytes().map(|code| i32::from(code as i8));
            *sum += a * w + b * x + c * y + e * z;
        }
    }
    sums
}
