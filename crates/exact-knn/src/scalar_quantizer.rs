//! Scalar quantization to int8 with one step for all rows, so that products of codes are comparable as they are.
//!
//! The step is chosen on a sample to minimize the loss by rounding and clipping; the residual of each row is computed and
//! stored, so a bad step costs time and never a wrong result. Cost: one rotation per row.

use rayon::prelude::*;

use crate::Metric;
use crate::distance::length;
use crate::prepared_points::PreparedPoints;
use crate::preprocess::Preprocessor;
use crate::scan::block::{BLOCK, PADDING, PANEL, PackedLane, ScanSide};
use crate::simd::dispatch_simd;

/// The largest code. -128 is left out, so that every code has a negative.
const LARGEST: f32 = 127.0;
/// Number of rows on which the step is chosen.
const SAMPLE: usize = 512;
/// The largest magnitude of a bias, so that sums of scores fit in an `i32`.
const BIAS: f64 = (1 << 28) as f64;
/// The largest number of values per row whose products fit in `f32` and `i32`.
const LARGEST_D: usize = 1 << 14;

/// The step of the codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantizer {
    step: f32,
    /// The square of the step: the score that 1 in a product of codes is worth.
    pub(crate) unit: f64,
}

impl Quantizer {
    /// The step for the rows `members`; `None` where int8 cannot represent them: rows that are too long or too short, or
    /// have too many values.
    pub(crate) fn new(
        rows: &PreparedPoints<'_>,
        members: &[u32],
        preprocessor: &Preprocessor,
    ) -> Option<Self> {
        let scalable = members.iter().all(|&id| rows.scale(id as usize) != 0.0);
        let (longest, farthest) = members
            .par_iter()
            .with_min_len(256)
            .map(|&id| preprocessor.lengths(rows, id))
            .reduce(|| (0.0, 0.0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        if !scalable || !(1e-15..1e15).contains(&longest) || rows.points.d() > LARGEST_D {
            return None;
        }
        let count = SAMPLE.min(members.len());
        let mut row = vec![0.0; rows.points.d()];
        let mut values = Vec::with_capacity(count * row.len());
        for s in 0..count {
            preprocessor.apply(rows, members[s * members.len() / count], &mut row);
            values.extend_from_slice(&row);
        }
        // The largest bias; the step must be such that it fits.
        let largest = match rows.metric {
            Metric::Cosine | Metric::L2 => 0.5 * farthest * farthest,
            Metric::InnerProduct => {
                let center = length(&preprocessor.center);
                longest * center + 0.5 * center * center
            }
        };
        // The step must not be zero, even if all rows are equal.
        let least = (largest / BIAS).sqrt().max(farthest.max(1e-15) * 1e-7) as f32 * 1.001;
        let step = (best_clip(&values) / LARGEST).max(least);
        Some(Quantizer {
            step,
            unit: f64::from(step) * f64::from(step),
        })
    }
}

/// The clipping value, among some multiples of the standard deviation, with the smallest sum of squared losses.
fn best_clip(values: &[f32]) -> f32 {
    let deviation = (length(values) / (values.len() as f64).sqrt()) as f32;
    let largest = values
        .iter()
        .fold(0.0f32, |largest, value| largest.max(value.abs()));
    let loss = |clip: f32| {
        let step = f64::from(clip / LARGEST);
        let clipped: f64 = values
            .iter()
            .map(|value| f64::from((value.abs() - clip).max(0.0)).powi(2))
            .sum();
        clipped + values.len() as f64 * step * step / 12.0
    };
    [3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 8.0, 12.0, 24.0]
        .into_iter()
        .map(|deviations| (deviations * deviation).min(largest))
        .min_by(|&a, &b| loss(a).total_cmp(&loss(b)))
        .unwrap_or(largest)
}

/// Quantized rows, packed for the kernels in the order in which they are scanned.
#[derive(Debug)]
pub(crate) struct PackedCodes {
    /// The row at each position.
    pub(crate) order: Vec<u32>,
    /// Lanes per panel.
    pub(crate) lanes: usize,
    codes: Vec<PackedLane>,
    bias: Vec<i32>,
    sums: Vec<i32>,
    norms: Vec<f32>,
    residuals: Vec<f32>,
    /// The largest norm and the largest residual of each block.
    block_maxima: Vec<(f32, f32)>,
}

/// The position of a row in one of several [`PackedCodes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) list: u32,
    pub(crate) row: u32,
}

/// Up to [`BLOCK`] consecutive quantized rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    pub(crate) ids: &'a [u32],
    codes: &'a [PackedLane],
    bias: &'a [i32],
    sums: &'a [i32],
    /// An upper bound on the length of each preprocessed row.
    pub(crate) norms: &'a [f32],
    /// An upper bound on the length of the residual of each row; infinite where the codes do not represent the row.
    pub(crate) residuals: &'a [f32],
    /// The largest norm and the largest residual.
    pub(crate) maxima: (f32, f32),
}

impl<'a> Block<'a> {
    /// The block as one side of a scan, with a threshold for each row and padding row.
    pub(crate) fn side(&self, thresholds: &'a [i32]) -> ScanSide<'a> {
        ScanSide {
            codes: self.codes,
            bias: self.bias,
            sums: self.sums,
            thresholds,
            len: self.ids.len(),
        }
    }

    /// Number of rows with padding.
    pub(crate) fn padded(&self) -> usize {
        self.bias.len()
    }
}

/// The parts of [`PackedCodes`] to which one block is written.
struct BlockMut<'a> {
    ids: &'a [u32],
    codes: &'a mut [PackedLane],
    bias: &'a mut [i32],
    sums: &'a mut [i32],
    norms: &'a mut [f32],
    residuals: &'a mut [f32],
}

impl PackedCodes {
    /// Quantizes the rows `order`.
    pub(crate) fn new(
        rows: &PreparedPoints<'_>,
        order: Vec<u32>,
        preprocessor: &Preprocessor,
        quantizer: Quantizer,
        lanes: usize,
    ) -> Self {
        let mut packed = Self::zeroed(order, lanes);
        packed
            .order
            .par_chunks(BLOCK)
            .zip(packed.codes.par_chunks_mut(BLOCK / PANEL * lanes))
            .zip(packed.bias.par_chunks_mut(BLOCK).zip(packed.sums.par_chunks_mut(BLOCK)))
            .zip(packed.norms.par_chunks_mut(BLOCK).zip(packed.residuals.par_chunks_mut(BLOCK)))
            .for_each(|(((ids, codes), (bias, sums)), (norms, residuals))| {
                let mut block = BlockMut { ids, codes, bias, sums, norms, residuals };
                let block = &mut block;
                dispatch_simd!(rows.kernel, quantize(rows: &PreparedPoints<'_>, preprocessor: &Preprocessor, quantizer: Quantizer, lanes: usize, block: &mut BlockMut<'_>));
            });
        packed.with_block_maxima()
    }

    /// Copies rows out of several lists that were quantized alike.
    pub(crate) fn gather(lists: &[PackedCodes], positions: &[Position], lanes: usize) -> Self {
        let order = positions
            .iter()
            .map(|position| lists[position.list as usize].order[position.row as usize])
            .collect();
        let mut packed = Self::zeroed(order, lanes);
        for (at, position) in positions.iter().enumerate() {
            let (list, row) = (&lists[position.list as usize], position.row as usize);
            let from = &list.codes[row / PANEL * lanes..][..lanes];
            let to = &mut packed.codes[at / PANEL * lanes..][..lanes];
            for (to, from) in to.iter_mut().zip(from) {
                to.0[at % PANEL] = from.0[row % PANEL];
            }
            packed.bias[at] = list.bias[row];
            packed.sums[at] = list.sums[row];
            packed.norms[at] = list.norms[row];
            packed.residuals[at] = list.residuals[row];
        }
        packed.with_block_maxima()
    }

    /// Codes of zero for the rows `order`, padded for the kernels.
    fn zeroed(order: Vec<u32>, lanes: usize) -> Self {
        let (n, padded) = (order.len(), order.len().next_multiple_of(PADDING));
        PackedCodes {
            order,
            lanes,
            codes: vec![PackedLane([0; PANEL]); padded / PANEL * lanes],
            bias: vec![0; padded],
            sums: vec![0; padded],
            norms: vec![0.0; n],
            residuals: vec![0.0; n],
            block_maxima: Vec::new(),
        }
    }

    /// The same codes with the largest norm and the largest residual of each block.
    fn with_block_maxima(mut self) -> Self {
        let largest = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
        self.block_maxima = self
            .norms
            .chunks(BLOCK)
            .zip(self.residuals.chunks(BLOCK))
            .map(|(norms, residuals)| (largest(norms), largest(residuals)))
            .collect();
        self
    }

    /// Subtracts `amount(row)`, in units, from the bias of each row.
    pub(crate) fn subtract_bias(&mut self, amount: impl Fn(usize) -> f64) {
        for (row, bias) in self.bias.iter_mut().enumerate().take(self.order.len()) {
            *bias = (f64::from(*bias) - amount(row)).clamp(-BIAS, BIAS) as i32;
        }
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.order.len().div_ceil(BLOCK)
    }

    pub(crate) fn block(&self, b: usize) -> Block<'_> {
        let rows = b * BLOCK..self.order.len().min((b + 1) * BLOCK);
        let padded = rows.start..self.bias.len().min((b + 1) * BLOCK);
        Block {
            ids: &self.order[rows.clone()],
            codes: &self.codes[padded.start / PANEL * self.lanes..padded.end / PANEL * self.lanes],
            bias: &self.bias[padded.clone()],
            sums: &self.sums[padded],
            norms: &self.norms[rows.clone()],
            residuals: &self.residuals[rows],
            maxima: self.block_maxima[b],
        }
    }

    /// Number of rows whose residual is more than half of the row: the scan cannot exclude their pairs.
    pub(crate) fn unquantizable_rows(&self) -> u64 {
        self.norms
            .iter()
            .zip(&self.residuals)
            .filter(|(norm, residual)| **residual > 0.5 * **norm)
            .count() as u64
    }
}

#[inline(always)]
fn quantize(
    rows: &PreparedPoints<'_>,
    preprocessor: &Preprocessor,
    quantizer: Quantizer,
    lanes: usize,
    block: &mut BlockMut<'_>,
) {
    let d = rows.points.d();
    // Values beyond d stay zero and fill the last lane.
    let mut row = vec![0.0f32; lanes * 4];
    let inverse_step = 1.0 / quantizer.step;
    for (at, &id) in block.ids.iter().enumerate() {
        let stats = preprocessor.apply(rows, id, &mut row[..d]);
        let mut sum = 0;
        let mut squared_residuals = [0.0f32; 4];
        let column = at % PANEL;
        let panel = &mut block.codes[at / PANEL * lanes..][..lanes];
        for (values, lane) in row.as_chunks::<4>().0.iter().zip(panel) {
            let mut bytes = [0u8; 4];
            for ((value, byte), squared) in
                values.iter().zip(&mut bytes).zip(&mut squared_residuals)
            {
                let steps = value * inverse_step;
                let code = steps.clamp(-LARGEST, LARGEST).round_ties_even();
                // In steps, since the square of a small residual would underflow.
                let residual = steps - code;
                *squared += residual * residual;
                let code = code as i8;
                sum += i32::from(code);
                *byte = code as u8;
            }
            lane.0[column] = i32::from_le_bytes(bytes);
        }
        let residual =
            f64::from(squared_residuals.iter().sum::<f32>()).sqrt() * f64::from(quantizer.step);
        let residual = (residual * 1.0002 + stats.rounding_error) as f32 * 1.000_001;
        let norm = stats.norm as f32 * 1.000_001;
        // A bias that is rounded up makes a score too large, never too small; so does one clamped from below.
        let bias = (stats.bias / quantizer.unit).ceil();
        block.bias[at] = bias.clamp(-BIAS, BIAS) as i32;
        block.sums[at] = sum;
        // A query that is no member may be anywhere: an infinite residual excludes none of its pairs.
        let representable = norm.is_finite()
            && residual.is_finite()
            && stats.largest_bias_term <= BIAS * quantizer.unit
            && rows.scale(id as usize) != 0.0;
        (block.norms[at], block.residuals[at]) = if representable {
            (norm, residual)
        } else {
            (f32::MAX, f32::INFINITY)
        };
    }
}
