//! Attention of each token to those within a window around it.
//!
//! As [`attention`](crate::attention), but the scores of a few rows are computed for the tokens of their windows only. Source:
//! Beltagy, Peters, Cohan 2020 (`Longformer`). Cost: `4 L w d` multiply-adds for a window of `w` tokens on each side.

use crate::Kernel;
use crate::attention::{AttentionScratch, ROWS, attend, pack_keys, pack_values};
use crate::kernels::float::{PANEL, Rows};

/// The score of a token outside the window: its weight vanishes beside that of the token itself.
const OUTSIDE: f32 = -1e30;

/// The attention of one sequence as by [`attend`], where each token attends to those at most `window` away.
pub(crate) fn attend_within(
    kernel: Kernel,
    qkv: &[f32],
    (hidden, heads): (usize, usize),
    window: usize,
    scratch: &mut AttentionScratch,
    output: &mut [f32],
) {
    let stride = 3 * hidden;
    let d = hidden / heads;
    let len = qkv.len() / stride;
    if len <= window + 1 {
        return attend(kernel, qkv, (hidden, heads), None, scratch, output);
    }
    for head in 0..heads {
        let column = head * d;
        pack_keys(qkv, stride, hidden + column, d, &mut scratch.keys);
        for start in (0..len).step_by(ROWS) {
            let count = ROWS.min(len - start);
            // Whole panels of keys.
            let first = start.saturating_sub(window) / PANEL * PANEL;
            let end = len.min(start + count + window);
            let part = &qkv[first * stride..end * stride];
            pack_values(part, stride, 2 * hidden + column, d, &mut scratch.values);
            scratch.scores.clear();
            for row in start..start + count {
                let bias = |token: usize| match token.abs_diff(row) {
                    distance if distance <= window => 0.0,
                    _ => OUTSIDE,
                };
                scratch.scores.extend((first..end).map(bias));
            }
            let queries = Rows {
                values: &qkv[start * stride + column..],
                stride,
                count,
            };
            let panels = first / PANEL..end.div_ceil(PANEL);
            let output = &mut output[start * hidden + column..];
            scratch.attend_rows(kernel, queries, (d, panels), output, hidden);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_outside_the_window_have_no_weight() {
        // One head of one dimension; queries and keys are 0, so that all tokens of a window have the same weight.
        let len = 100;
        let value = |token: usize| (token * token % 17) as f32;
        let qkv: Vec<f32> = (0..len).flat_map(|at| [0.0, 0.0, value(at)]).collect();
        for window in [0, 1, 7, 30, 98, 99, 200] {
            let mut output = vec![0.0; len];
            let scratch = &mut AttentionScratch::default();
            attend_within(Kernel::Portable, &qkv, (1, 1), window, scratch, &mut output);
            for (at, found) in output.iter().enumerate() {
                let near = at.saturating_sub(window)..len.min(at + window + 1);
                let count = near.len() as f32;
                let expected = near.map(value).sum::<f32>() / count;
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{window} {at}: {found} {expected}"
                );
            }
        }
    }
}
