//! Screening in plain Rust: what the other kernels are tested against.

use super::{Hit, Line, PANEL, Side, meets, note};

pub(super) fn screen(
    rows: &Side<'_>,
    cols: &Side<'_>,
    lines: usize,
    live: u64,
    hits: &mut Vec<Hit>,
) {
    for (panel, codes) in cols.codes.chunks_exact(lines).enumerate() {
        let col = panel * PANEL;
        for row in 0..rows.len {
            if !meets(live, row, col) {
                continue;
            }
            let products = products(
                &rows.codes[row / PANEL * lines..][..lines],
                row % PANEL,
                codes,
            );
            let scores: [i32; PANEL] =
                std::array::from_fn(|at| products[at] + rows.bias[row] + cols.bias[col + at]);
            let mut reached = 0;
            for (at, &score) in scores.iter().enumerate() {
                reached |= u16::from(score >= rows.goals[row].min(cols.goals[col + at])) << at;
            }
            if reached != 0 {
                note(rows, cols, row, col, &scores, reached, hits);
            }
        }
    }
}

/// The products of one row of a panel with the sixteen rows of another.
fn products(row: &[Line], lane: usize, cols: &[Line]) -> [i32; PANEL] {
    let mut sums = [0; PANEL];
    for (row, cols) in row.iter().zip(cols) {
        let [a, b, c, e] = row.0[lane].to_le_bytes().map(|code| i32::from(code as i8));
        for (sum, col) in sums.iter_mut().zip(&cols.0) {
            let [w, x, y, z] = col.to_le_bytes().map(|code| i32::from(code as i8));
            *sum += a * w + b * x + c * y + e * z;
        }
    }
    sums
}
