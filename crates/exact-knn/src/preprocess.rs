//! Preprocessing of rows before quantization: scaling, centering, rotation.
//!
//! Scores are `<y_i, y_j> + bias_i + bias_j`, with `y` the row minus a common center. Cosine and L2 distances do not
//! change when all rows are translated, so with `bias = -|y|^2 / 2` the score is the negative of half the squared
//! distance; and with `bias = <x, center> - |center|^2 / 2` it is the inner product. So one kernel serves all metrics, and
//! the mean of all rows, which in real embeddings is large, costs no precision.

use crate::Metric;
use crate::distance::{length, sum_f64};
use crate::prepared_points::PreparedPoints;
use crate::rotation::Rotation;

/// Number of rows whose mean is the center.
const SAMPLE: usize = 2048;

/// How rows are centered and rotated before they are quantized.
#[derive(Debug)]
pub(crate) struct Preprocessor {
    pub(crate) center: Vec<f32>,
    center_squared: f64,
    rotation: Rotation,
}

/// Figures of one preprocessed row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowStats {
    /// An upper bound on the length of the preprocessed row.
    pub(crate) norm: f64,
    /// The term of the row in the score of its pairs.
    pub(crate) bias: f64,
    /// An upper bound on the magnitude of every term of the bias: its rounding error is a share of this.
    pub(crate) largest_bias_term: f64,
    /// An upper bound on the distance by which `f32` arithmetic may have moved the row.
    pub(crate) rounding_error: f64,
}

impl Preprocessor {
    pub(crate) fn new(rows: &PreparedPoints<'_>, members: &[u32]) -> Self {
        let d = rows.points.d();
        let count = SAMPLE.min(members.len());
        // In `f64`: rounding errors of a large common offset would be larger than the differences between rows.
        let mut mean = vec![0.0f64; d];
        for s in 0..count {
            let id = members[s * members.len() / count] as usize;
            let weight = rows.inverse_length(id) / count as f64;
            for (mean, &value) in mean.iter_mut().zip(rows.points.row(id)) {
                *mean += weight * f64::from(value);
            }
        }
        let center: Vec<f32> = mean.into_iter().map(|value| value as f32).collect();
        let center_squared = sum_f64(&center, &center, |x, y| x * y);
        Preprocessor {
            center,
            center_squared,
            rotation: Rotation::new(d),
        }
    }

    /// The length of row `id`, scaled, and its distance from the center.
    pub(crate) fn lengths(&self, rows: &PreparedPoints<'_>, id: u32) -> (f64, f64) {
        let own = match rows.metric {
            Metric::Cosine => 1.0,
            Metric::L2 | Metric::InnerProduct => length(rows.points.row(id as usize)),
        };
        (own, self.squared_distance_from_center(rows, id).sqrt())
    }

    /// The squared distance of row `id`, scaled, from the center.
    #[inline(always)]
    fn squared_distance_from_center(&self, rows: &PreparedPoints<'_>, id: u32) -> f64 {
        let (row, scale) = (
            rows.points.row(id as usize),
            rows.inverse_length(id as usize),
        );
        sum_f64(row, &self.center, |x, c| {
            let difference = x * scale - c;
            difference * difference
        })
    }

    /// Writes the preprocessed row `id` to `to`.
    #[inline(always)]
    pub(crate) fn apply(&self, rows: &PreparedPoints<'_>, id: u32, to: &mut [f32]) -> RowStats {
        let row = rows.points.row(id as usize);
        let scale = rows.inverse_length(id as usize);
        for ((to, &value), &center) in to.iter_mut().zip(row).zip(&self.center) {
            *to = (f64::from(value) * scale - f64::from(center)) as f32;
        }
        self.rotation.apply(to);
        let squared = self.squared_distance_from_center(rows, id);
        let norm = squared.sqrt() * (1.0 + 1e-9);
        let (bias, largest_bias_term) = match rows.metric {
            Metric::Cosine | Metric::L2 => (-0.5 * squared, 0.5 * squared),
            Metric::InnerProduct => {
                let along = sum_f64(row, &self.center, |x, c| x * c);
                let own = 0.5 * self.center_squared;
                (along - own, length(row) * self.center_squared.sqrt() + own)
            }
        };
        // A difference rounded to `f32` has a relative error of 6e-8, and so has each step of the rotation, some sixty
        // in the longest rows. The error of scaling moves the row itself, so it is none of the preprocessed row.
        RowStats {
            norm,
            bias,
            largest_bias_term,
            rounding_error: 5e-6 * norm + f64::from(f32::MIN_POSITIVE),
        }
    }
}
