//! Rows in int8: one step for all, so that products of codes are comparable as they are.
//!
//! The step is chosen where rounding and clipping together lose least, on a sample; what a row really lost is measured
//! and kept as its residual, so a bad step costs time and never an answer. Cost: one rotation a row.

use rayon::prelude::*;

use crate::distance::length;
use crate::frame::Frame;
use crate::plain::Rows;
use crate::screen::{CELL, Line, PADDING, PANEL, Side};
use crate::widest::widest;
use crate::{Margin, Metric};

/// The largest code. -128 is left out, so that a code has a negative.
const LARGEST: f32 = 127.0;
/// Rows that the step is chosen on.
const SAMPLE: usize = 512;
/// Biases are kept within this, so that sums of scores stay within an `i32`.
const BIAS: f64 = (1 << 28) as f64;
/// Longest rows whose products `f32` and `i32` bear.
const LONGEST_D: usize = 1 << 14;

/// How far apart codes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    step: f32,
    /// The square of the step: what 1 in a product of codes stands for.
    pub(crate) unit: f64,
}

impl Grid {
    /// The step for the rows `members`, or `None` where rows are too long, too short or too many values long for
    /// screening in int8.
    pub(crate) fn new(rows: &Rows<'_>, members: &[u32], frame: &Frame) -> Option<Self> {
        let measurable = members.iter().all(|&id| rows.scale(id as usize) != 0.0);
        let (longest, farthest) = members
            .par_iter()
            .with_min_len(256)
            .map(|&id| frame.lengths(rows, id))
            .reduce(|| (0.0, 0.0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        if !measurable || !(1e-15..1e15).contains(&longest) || rows.points.d() > LONGEST_D {
            return None;
        }
        let count = SAMPLE.min(members.len());
        let mut row = vec![0.0; rows.points.d()];
        let mut values = Vec::with_capacity(count * row.len());
        for s in 0..count {
            frame.place(rows, members[s * members.len() / count], &mut row);
            values.extend_from_slice(&row);
        }
        // What a bias holds at most; the step must be such that it fits.
        let largest = match rows.metric {
            Metric::Cosine | Metric::L2 => 0.5 * farthest * farthest,
            Metric::InnerProduct => {
                let center = length(&frame.center);
                longest * center + 0.5 * center * center
            }
        };
        // Rows that are all the same have no extent, but a step there must be.
        let least = (largest / BIAS).sqrt().max(farthest.max(1e-15) * 1e-7) as f32 * 1.001;
        // What is clipped is lost in the direction of the row, and the fast margin counts on losses of no direction.
        let clip = match rows.margin {
            Margin::Guaranteed => best_clip(&values),
            Margin::Fast => 6.0 * (length(&values) / (values.len() as f64).sqrt()) as f32,
        };
        let step = (clip / LARGEST).max(least);
        Some(Grid {
            step,
            unit: f64::from(step) * f64::from(step),
        })
    }
}

/// The clip, in a few steps from three standard deviations on, at which the sum of squared losses is least.
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

/// Quantized rows in the order they are searched in.
#[derive(Debug)]
pub(crate) struct Table {
    /// The row at each position.
    pub(crate) order: Vec<u32>,
    /// Lines a panel.
    pub(crate) lines: usize,
    codes: Vec<Line>,
    bias: Vec<i32>,
    sums: Vec<i32>,
    norms: Vec<f32>,
    residuals: Vec<f32>,
    /// The largest norm and the largest residual of each cell.
    extremes: Vec<(f32, f32)>,
}

/// Where a row stands among several tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) table: u32,
    pub(crate) row: u32,
}

/// Up to [`CELL`] rows of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<'a> {
    pub(crate) ids: &'a [u32],
    codes: &'a [Line],
    bias: &'a [i32],
    sums: &'a [i32],
    /// At least the length of each row in the frame.
    pub(crate) norms: &'a [f32],
    /// At least the length of what each row lost; infinite where the codes say nothing.
    pub(crate) residuals: &'a [f32],
    /// The largest norm and the largest residual.
    pub(crate) extremes: (f32, f32),
}

impl<'a> Cell<'a> {
    /// The cell as a side of a product, with a goal for each row and padding.
    pub(crate) fn side(&self, goals: &'a [i32]) -> Side<'a> {
        Side {
            codes: self.codes,
            bias: self.bias,
            sums: self.sums,
            goals,
            len: self.ids.len(),
        }
    }

    /// Rows with padding.
    pub(crate) fn padded(&self) -> usize {
        self.bias.len()
    }
}

/// The parts of a table that one cell is written to.
struct Writing<'a> {
    ids: &'a [u32],
    codes: &'a mut [Line],
    bias: &'a mut [i32],
    sums: &'a mut [i32],
    norms: &'a mut [f32],
    residuals: &'a mut [f32],
}

impl Table {
    /// Quantizes the rows `order`.
    pub(crate) fn new(
        rows: &Rows<'_>,
        order: Vec<u32>,
        frame: &Frame,
        grid: Grid,
        lines: usize,
    ) -> Self {
        let padded = order.len().next_multiple_of(PADDING);
        let mut codes = vec![Line([0; PANEL]); padded / PANEL * lines];
        let (mut bias, mut sums) = (vec![0; padded], vec![0; padded]);
        let (mut norms, mut residuals) = (vec![0.0; order.len()], vec![0.0; order.len()]);
        order
            .par_chunks(CELL)
            .zip(codes.par_chunks_mut(CELL / PANEL * lines))
            .zip(bias.par_chunks_mut(CELL).zip(sums.par_chunks_mut(CELL)))
            .zip(norms.par_chunks_mut(CELL).zip(residuals.par_chunks_mut(CELL)))
            .for_each(|(((ids, codes), (bias, sums)), (norms, residuals))| {
                let mut cell = Writing { ids, codes, bias, sums, norms, residuals };
                let cell = &mut cell;
                widest!(rows.kernel, quantize(rows: &Rows<'_>, frame: &Frame, grid: Grid, lines: usize, cell: &mut Writing<'_>));
            });
        let extremes = extremes(&norms, &residuals);
        Table {
            order,
            lines,
            codes,
            bias,
            sums,
            norms,
            residuals,
            extremes,
        }
    }

    /// Rows of other tables of one coding, copied together.
    pub(crate) fn gather(tables: &[Table], places: &[Place], lines: usize) -> Self {
        let padded = places.len().next_multiple_of(PADDING);
        let mut codes = vec![Line([0; PANEL]); padded / PANEL * lines];
        let (mut bias, mut sums) = (vec![0; padded], vec![0; padded]);
        let mut order = Vec::with_capacity(places.len());
        let mut norms = Vec::with_capacity(places.len());
        let mut residuals = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            let (table, row) = (&tables[place.table as usize], place.row as usize);
            let from = &table.codes[row / PANEL * lines..][..lines];
            let to = &mut codes[at / PANEL * lines..][..lines];
            for (to, from) in to.iter_mut().zip(from) {
                to.0[at % PANEL] = from.0[row % PANEL];
            }
            (bias[at], sums[at]) = (table.bias[row], table.sums[row]);
            order.push(table.order[row]);
            norms.push(table.norms[row]);
            residuals.push(table.residuals[row]);
        }
        let extremes = extremes(&norms, &residuals);
        Table {
            order,
            lines,
            codes,
            bias,
            sums,
            norms,
            residuals,
            extremes,
        }
    }

    /// Takes `by(row)` from what each row adds to the scores of its pairs.
    pub(crate) fn lower(&mut self, by: impl Fn(usize) -> f64) {
        for (row, bias) in self.bias.iter_mut().enumerate().take(self.order.len()) {
            *bias = (f64::from(*bias) - by(row)).clamp(-BIAS, BIAS) as i32;
        }
    }

    /// How many cells.
    pub(crate) fn cells(&self) -> usize {
        self.order.len().div_ceil(CELL)
    }

    pub(crate) fn cell(&self, c: usize) -> Cell<'_> {
        let rows = c * CELL..self.order.len().min((c + 1) * CELL);
        let padded = rows.start..self.bias.len().min((c + 1) * CELL);
        Cell {
            ids: &self.order[rows.clone()],
            codes: &self.codes[padded.start / PANEL * self.lines..padded.end / PANEL * self.lines],
            bias: &self.bias[padded.clone()],
            sums: &self.sums[padded],
            norms: &self.norms[rows.clone()],
            residuals: &self.residuals[rows],
            extremes: self.extremes[c],
        }
    }

    /// Rows of which half is lost: screening says nothing of them, so all their pairs are measured.
    pub(crate) fn hopeless(&self) -> u64 {
        self.norms
            .iter()
            .zip(&self.residuals)
            .filter(|(norm, residual)| **residual > 0.5 * **norm)
            .count() as u64
    }
}

/// The largest norm and the largest residual of each cell.
fn extremes(norms: &[f32], residuals: &[f32]) -> Vec<(f32, f32)> {
    let largest = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
    norms
        .chunks(CELL)
        .zip(residuals.chunks(CELL))
        .map(|(norms, residuals)| (largest(norms), largest(residuals)))
        .collect()
}

#[inline(always)]
fn quantize(rows: &Rows<'_>, frame: &Frame, grid: Grid, lines: usize, cell: &mut Writing<'_>) {
    let d = rows.points.d();
    // Values past d stay zero, to fill the last line.
    let mut row = vec![0.0f32; lines * 4];
    let inverse = 1.0 / grid.step;
    for (at, &id) in cell.ids.iter().enumerate() {
        let seen = frame.place(rows, id, &mut row[..d]);
        let mut sum = 0;
        let mut lost = [0.0f32; 4];
        let lane = at % PANEL;
        let panel = &mut cell.codes[at / PANEL * lines..][..lines];
        for (values, line) in row.as_chunks::<4>().0.iter().zip(panel) {
            let mut bytes = [0u8; 4];
            for ((value, byte), lost) in values.iter().zip(&mut bytes).zip(&mut lost) {
                let steps = value * inverse;
                let code = steps.clamp(-LARGEST, LARGEST).round_ties_even();
                // In steps: the square of a short row's rest would vanish.
                let rest = steps - code;
                *lost += rest * rest;
                let code = code as i8;
                sum += i32::from(code);
                *byte = code as u8;
            }
            line.0[lane] = i32::from_le_bytes(bytes);
        }
        let lost = f64::from(lost.iter().sum::<f32>()).sqrt() * f64::from(grid.step);
        let lost = (lost * 1.0002 + seen.slack) as f32 * 1.000_001;
        let norm = seen.norm as f32 * 1.000_001;
        // Rounded up, a bias makes a score too large, never too small; so does a floor under it.
        let bias = (seen.bias / grid.unit).ceil();
        cell.bias[at] = bias.clamp(-BIAS, BIAS) as i32;
        cell.sums[at] = sum;
        // A query that is not among the members may be anywhere. What its codes cannot say, they do not say.
        let held = norm.is_finite() && lost.is_finite() && seen.largest <= BIAS * grid.unit;
        let held = held && rows.scale(id as usize) != 0.0;
        (cell.norms[at], cell.residuals[at]) = if held {
            (norm, lost)
        } else {
            (f32::MAX, f32::INFINITY)
        };
    }
}
