//! Attention within each sequence of a packed batch, head by head, in `f32`.
//!
//! The scores of a few rows are computed, exponentiated and multiplied by the values before those of the next rows, so that
//! memory grows linearly with the length of a sequence. Sums over dimensions and over tokens run in order; those of the
//! exponentials have sixteen parts. A sequence's result does not depend on the others of its batch.
//!
//! Source: Vaswani et al. 2017; in blocks of rows, Rabe, Staats 2021. Cost: `2 L^2 d` multiply-adds for a sequence of `L`
//! tokens of `d` dimensions.

use std::ops::Range;

use crate::Kernel;
use crate::kernels::float::{PANEL, PanelRow, Rows};
use crate::kernels::multiply_add;
use crate::rows::{scale, softmax};

/// Rows whose scores are in memory at the same time.
pub(crate) const ROWS: usize = 24;

/// What depends on the distance of two tokens: for each head and distance a bias of the score (Raffel et al. 2020).
#[derive(Debug)]
pub(crate) struct DistanceBias {
    /// For each head, the biases of the distances -(limit - 1) to limit - 1.
    biases: Vec<f32>,
    limit: usize,
}

impl DistanceBias {
    /// The biases of all distances below `limit`, from those of the buckets of distances: a row per bucket, a value per head.
    pub(crate) fn new(buckets: &[f32], heads: usize, limit: usize) -> Self {
        let count = buckets.len() / heads;
        let biases = (0..heads)
            .flat_map(|head| {
                (1..2 * limit)
                    .map(move |at| buckets[bucket(at as i64 - limit as i64, count) * heads + head])
            })
            .collect();
        DistanceBias { biases, limit }
    }

    /// The biases of the scores of the tokens from 0 on with the token at `position`.
    fn row(&self, head: usize, position: usize) -> &[f32] {
        &self.biases[head * (2 * self.limit - 1) + self.limit - 1 - position..]
    }
}

/// The distance from which on all are in one bucket.
const FARTHEST: f64 = 128.0;

/// The bucket of a distance: one each for the near ones, then logarithmically wider.
fn bucket(distance: i64, count: usize) -> usize {
    let half = count / 2;
    let side = if distance > 0 { half } else { 0 };
    let distance = distance.unsigned_abs() as usize;
    let exact = half / 2;
    if distance < exact || exact == 0 {
        return side + distance.min(half.saturating_sub(1));
    }
    let steps = (half - exact) as f64;
    let ratio = (distance as f64 / exact as f64).ln() / (FARTHEST / exact as f64).ln();
    // Whole powers must not be missed by a rounding error.
    let step = (ratio * steps + 1e-9) as usize;
    side + (exact + step).min(half - 1)
}

/// Buffers that a thread reuses.
#[derive(Debug, Default)]
pub(crate) struct AttentionScratch {
    pub(crate) keys: Vec<PanelRow>,
    pub(crate) values: Vec<PanelRow>,
    pub(crate) scores: Vec<f32>,
    pub(crate) inverse_sums: Vec<f32>,
    pub(crate) context: Vec<f32>,
}

impl AttentionScratch {
    /// The attention of some rows of one head to the tokens whose keys are in the panels `panels`, and whose values are in
    /// `values`. `scores` holds the bias of each row and token; `output` gets `d` values per row, at a distance of `stride`.
    pub(crate) fn attend_rows(
        &mut self,
        kernel: Kernel,
        queries: Rows<'_>,
        (d, panels): (usize, Range<usize>),
        output: &mut [f32],
        stride: usize,
    ) {
        let count = queries.count;
        let len = self.scores.len() / count;
        let keys = &self.keys[panels.start * d..panels.end * d];
        multiply_add(kernel, queries, d, keys, &mut self.scores, len);
        self.inverse_sums.resize(count, 0.0);
        softmax(kernel, &mut self.scores, len, &mut self.inverse_sums);
        self.context.clear();
        self.context.resize(count * d, 0.0);
        let weights = Rows {
            values: &self.scores,
            stride: len,
            count,
        };
        multiply_add(kernel, weights, len, &self.values, &mut self.context, d);
        scale(&mut self.context, d, &self.inverse_sums);
        for (row, context) in self.context.chunks_exact(d).enumerate() {
            output[row * stride..][..d].copy_from_slice(context);
        }
    }
}

/// The attention of one sequence: `qkv` has for each token its query, key and value of all heads; the query includes the
/// scale. `output` gets a row of `hidden` values per token.
pub(crate) fn attend(
    kernel: Kernel,
    qkv: &[f32],
    (hidden, heads): (usize, usize),
    bias: Option<&DistanceBias>,
    scratch: &mut AttentionScratch,
    output: &mut [f32],
) {
    let stride = 3 * hidden;
    let d = hidden / heads;
    let len = qkv.len() / stride;
    for head in 0..heads {
        let column = head * d;
        pack_keys(qkv, stride, hidden + column, d, &mut scratch.keys);
        pack_values(qkv, stride, 2 * hidden + column, d, &mut scratch.values);
        for start in (0..len).step_by(ROWS) {
            let count = ROWS.min(len - start);
            let scores = &mut scratch.scores;
            scores.clear();
            match bias {
                None => scores.resize(count * len, 0.0),
                Some(bias) => (start..start + count)
                    .for_each(|row| scores.extend_from_slice(&bias.row(head, row)[..len])),
            }
            let queries = Rows {
                values: &qkv[start * stride + column..],
                stride,
                count,
            };
            let panels = 0..len.div_ceil(PANEL);
            let output = &mut output[start * hidden + column..];
            scratch.attend_rows(kernel, queries, (d, panels), output, hidden);
        }
    }
}

/// The keys of one head as the right matrix of a product: a column per token, a row per dimension.
pub(crate) fn pack_keys(
    qkv: &[f32],
    stride: usize,
    column: usize,
    d: usize,
    panels: &mut Vec<PanelRow>,
) {
    let len = qkv.len() / stride;
    panels.clear();
    panels.resize(len.div_ceil(PANEL) * d, [0.0; PANEL]);
    for (token, row) in qkv.chunks_exact(stride).enumerate() {
        let panel = &mut panels[token / PANEL * d..][..d];
        for (to, &value) in panel.iter_mut().zip(&row[column..]) {
            to[token % PANEL] = value;
        }
    }
}

/// The values of one head as the right matrix of a product: a column per dimension, a row per token.
pub(crate) fn pack_values(
    qkv: &[f32],
    stride: usize,
    column: usize,
    d: usize,
    panels: &mut Vec<PanelRow>,
) {
    panels.clear();
    for start in (0..d).step_by(PANEL) {
        let width = PANEL.min(d - start);
        panels.extend(qkv.chunks_exact(stride).map(|row| {
            let mut values = [0.0; PANEL];
            values[..width].copy_from_slice(&row[column + start..][..width]);
            values
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_by_hand() {
        // One head of one dimension: queries 0 and 1, keys 0 and ln 3, values 1 and 5.
        let qkv = [0.0, 0.0, 1.0, 1.0, 3.0_f32.ln(), 5.0];
        let mut output = [0.0; 2];
        attend(
            Kernel::Portable,
            &qkv,
            (1, 1),
            None,
            &mut AttentionScratch::default(),
            &mut output,
        );
        assert!(
            (output[0] - 3.0).abs() < 1e-6 && (output[1] - 4.0).abs() < 1e-6,
            "{output:?}"
        );
    }

    /// As `MPNetEncoder.relative_position_bucket` with 32 buckets: those of the distances that its logarithm decides.
    #[test]
    fn buckets_of_distances() {
        let buckets = |distances: &[i64]| {
            distances
                .iter()
                .map(|&at| bucket(at, 32))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            buckets(&[0, -1, -7, -8, -11, -12, -15, -16, -23]),
            [0, 1, 7, 8, 8, 9, 9, 10, 11]
        );
        assert_eq!(
            buckets(&[-32, -64, -90, -91, -127, -128, -500]),
            [12, 14, 14, 15, 15, 15, 15]
        );
        assert_eq!(buckets(&[1, 7, 8, 64, 500]), [17, 23, 24, 30, 31]);
    }

    #[test]
    fn the_bias_is_that_of_the_distance() {
        // Two buckets and heads: at or before the token, after it.
        let bias = DistanceBias::new(&[1.0, 2.0, 3.0, 4.0], 2, 3);
        assert_eq!(bias.row(0, 1)[..3], [1.0, 1.0, 3.0]);
        assert_eq!(bias.row(1, 0)[..3], [2.0, 4.0, 4.0]);
    }
}
