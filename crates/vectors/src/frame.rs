//! The coordinates that rows are quantized in: scaled, moved, rotated.
//!
//! Scores are `<y_i, y_j> + bias_i + bias_j` with `y` the row minus a common center. Cosine and L2 distances do not
//! change when all rows move, so with `bias = -|y|^2 / 2` the score is half of the negative squared distance; and the
//! inner product is the score with `bias = <x, center> - |center|^2 / 2`. So one kernel serves all metrics, and what all
//! rows have in common, which in real embeddings is much, costs no precision.

use crate::Metric;
use crate::distance::{length, sum_f64};
use crate::plain::Rows;
use crate::rotate::Rotation;

/// Rows that the center is the mean of.
const SAMPLE: usize = 2048;

/// How rows are moved and rotated before they are quantized.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) center: Vec<f32>,
    center_squared: f64,
    rotation: Rotation,
}

/// What is known of one row in the frame, before rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The length of the row in the frame.
    pub(crate) norm: f64,
    /// What the row adds to the score of its pairs.
    pub(crate) bias: f64,
    /// At least the magnitude of every term of the bias: what its rounding is a share of.
    pub(crate) largest: f64,
    /// How far `f32` arithmetic may have moved the row, at most.
    pub(crate) slack: f64,
}

impl Frame {
    pub(crate) fn new(rows: &Rows<'_>, members: &[u32]) -> Self {
        let d = rows.points.d();
        let count = SAMPLE.min(members.len());
        // In `f64`: roundings as large as an offset that all rows have would hide what tells them apart.
        let mut mean = vec![0.0f64; d];
        for s in 0..count {
            let id = members[s * members.len() / count] as usize;
            let share = rows.inverse(id) / count as f64;
            for (mean, &value) in mean.iter_mut().zip(rows.points.row(id)) {
                *mean += share * f64::from(value);
            }
        }
        let center: Vec<f32> = mean.into_iter().map(|value| value as f32).collect();
        let center_squared = sum_f64(&center, &center, |x, y| x * y);
        Frame {
            center,
            center_squared,
            rotation: Rotation::new(d),
        }
    }

    /// The length of row `id`, scaled, and its distance from the center.
    pub(crate) fn lengths(&self, rows: &Rows<'_>, id: u32) -> (f64, f64) {
        let own = match rows.metric {
            Metric::Cosine => 1.0,
            Metric::L2 | Metric::InnerProduct => length(rows.points.row(id as usize)),
        };
        (own, self.squared(rows, id).sqrt())
    }

    /// The squared distance of row `id`, scaled, from the center.
    #[inline(always)]
    fn squared(&self, rows: &Rows<'_>, id: u32) -> f64 {
        let (row, scale) = (rows.points.row(id as usize), rows.inverse(id as usize));
        sum_f64(row, &self.center, |x, c| {
            let difference = x * scale - c;
            difference * difference
        })
    }

    /// Writes row `id` into `to` as it lies in the frame.
    #[inline(always)]
    pub(crate) fn place(&self, rows: &Rows<'_>, id: u32, to: &mut [f32]) -> Seen {
        let row = rows.points.row(id as usize);
        let scale = rows.inverse(id as usize);
        for ((to, &value), &center) in to.iter_mut().zip(row).zip(&self.center) {
            *to = (f64::from(value) * scale - f64::from(center)) as f32;
        }
        self.rotation.apply(to);
        let squared = self.squared(rows, id);
        let norm = squared.sqrt() * (1.0 + 1e-9);
        let (bias, largest) = match rows.metric {
            Metric::Cosine | Metric::L2 => (-0.5 * squared, 0.5 * squared),
            Metric::InnerProduct => {
                let along = sum_f64(row, &self.center, |x, c| x * c);
                let own = 0.5 * self.center_squared;
                (along - own, length(row) * self.center_squared.sqrt() + own)
            }
        };
        // A difference rounded to `f32` is off by 6e-8 of itself, and so is what each step of the rotation makes of it,
        // some sixty in the longest rows. What scaling rounds moves the row itself, for all that is said of it here.
        Seen {
            norm,
            bias,
            largest,
            slack: 5e-6 * norm + f64::from(f32::MIN_POSITIVE),
        }
    }
}
