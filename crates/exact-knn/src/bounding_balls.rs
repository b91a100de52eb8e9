//! Bounding balls of subblocks: pairs of subblocks that are too far apart are not scanned.
//!
//! By the triangle inequality two rows are at least as far apart as the centers of their balls, less both radii. In many
//! dimensions that rarely excludes a pair of subblocks and costs next to nothing; in few it leaves little to scan. Inner
//! products do not obey the triangle inequality, so under that metric there are no balls.

use rayon::prelude::*;

use crate::Metric;
use crate::distance::scaled_euclidean;
use crate::error_bounds::ErrorBounds;
use crate::prepared_points::PreparedPoints;
use crate::scan::block::{SUBBLOCK, SUBBLOCKS};

/// The balls of a list of rows, one per subblock.
#[derive(Debug)]
pub(crate) struct BoundingBalls {
    d: usize,
    centers: Vec<f32>,
    radii: Vec<f64>,
    /// Number of balls; 0 under inner products.
    count: usize,
}

/// The largest rounding error of a distance between centers, relative and absolute (on rows of unit length).
const ROUNDING: f64 = 1e-4;

impl BoundingBalls {
    pub(crate) fn new(rows: &PreparedPoints<'_>, order: &[u32]) -> Self {
        let d = rows.points.d();
        let count = if rows.metric == Metric::InnerProduct {
            0
        } else {
            order.len().div_ceil(SUBBLOCK)
        };
        let mut centers = vec![0.0; count * d];
        let mut radii = vec![0.0; count];
        order
            .par_chunks(SUBBLOCK)
            .zip(centers.par_chunks_mut(d))
            .zip(&mut radii)
            .for_each(|((ids, center), radius)| {
                for &id in ids {
                    rows.add_scaled(center, id as usize, 1.0 / ids.len() as f32);
                }
                let absolute = if rows.metric == Metric::Cosine {
                    2e-6
                } else {
                    0.0
                };
                let distance = |&id: &u32| match rows.scale(id as usize) {
                    // The row at unit length cannot be computed in `f32`.
                    0.0 => f64::INFINITY,
                    scale => {
                        let row = rows.points.row(id as usize);
                        scaled_euclidean(center, 1.0, row, scale) * (1.0 + ROUNDING) + absolute
                    }
                };
                *radius = ids.iter().map(distance).fold(0.0, f64::max);
            });
        BoundingBalls {
            d,
            centers,
            radii,
            count,
        }
    }

    /// The mask, as [`crate::scan::scan`] takes it, of the pairs of a subblock of block `a` and one of block `b` of
    /// `other` that may hold a pair of rows whose score reaches the threshold of either row.
    pub(crate) fn reachable_pairs(
        &self,
        a: usize,
        other: &BoundingBalls,
        b: usize,
        bounds: &ErrorBounds,
        thresholds_a: &[f64],
        thresholds_b: &[f64],
    ) -> u64 {
        if self.count == 0 || other.count == 0 {
            return u64::MAX;
        }
        let least = |thresholds: &[f64]| thresholds.iter().copied().fold(f64::INFINITY, f64::min);
        let mut mask = 0;
        for (p, thresholds_a) in thresholds_a.chunks(SUBBLOCK).enumerate() {
            let (ball_a, least_a) = (a * SUBBLOCKS + p, least(thresholds_a));
            for (q, thresholds_b) in thresholds_b.chunks(SUBBLOCK).enumerate() {
                let (ball_b, threshold) = (b * SUBBLOCKS + q, least_a.min(least(thresholds_b)));
                if threshold == f64::INFINITY {
                    continue;
                }
                let reach =
                    bounds.distance_bound(threshold) + self.radii[ball_a] + other.radii[ball_b];
                if reach.is_infinite() || self.center_distance(ball_a, other, ball_b) <= reach {
                    mask |= 1 << (p * SUBBLOCKS + q);
                }
            }
        }
        mask
    }

    /// The distance from the first center to the nearest center in block `b` of `other`; 0 where there are no balls.
    pub(crate) fn distance_to_block(&self, other: &BoundingBalls, b: usize) -> f64 {
        if self.count == 0 || other.count == 0 {
            return 0.0;
        }
        let balls = b * SUBBLOCKS..other.count.min((b + 1) * SUBBLOCKS);
        balls
            .map(|q| self.center_distance(0, other, q))
            .fold(f64::INFINITY, f64::min)
    }

    /// The center of each block.
    pub(crate) fn block_centers(&self) -> BlockCenters {
        let mut centers = vec![0.0; self.count.div_ceil(SUBBLOCKS) * self.d];
        for (balls, center) in self
            .centers
            .chunks(SUBBLOCKS * self.d)
            .zip(centers.chunks_exact_mut(self.d))
        {
            let weight = self.d as f32 / balls.len() as f32;
            for ball in balls.chunks_exact(self.d) {
                center
                    .iter_mut()
                    .zip(ball)
                    .for_each(|(sum, value)| *sum += weight * value);
            }
        }
        BlockCenters { d: self.d, centers }
    }

    /// A lower bound on the distance of two centers.
    fn center_distance(&self, a: usize, other: &BoundingBalls, b: usize) -> f64 {
        let center = |balls: &BoundingBalls, p: usize| p * balls.d..(p + 1) * balls.d;
        let (a, b) = (
            &self.centers[center(self, a)],
            &other.centers[center(other, b)],
        );
        scaled_euclidean(a, 1.0, b, 1.0) * (1.0 - ROUNDING)
    }
}

/// The centers of blocks, by which pairs of blocks are ordered.
#[derive(Debug)]
pub(crate) struct BlockCenters {
    d: usize,
    centers: Vec<f32>,
}

impl BlockCenters {
    /// The distance of the centers of two blocks; 0 where there are none.
    pub(crate) fn distance(&self, a: usize, b: usize) -> f32 {
        let center = |c: usize| self.centers.get(c * self.d..(c + 1) * self.d);
        match (center(a), center(b)) {
            (Some(a), Some(b)) => scaled_euclidean(a, 1.0, b, 1.0) as f32,
            _ => 0.0,
        }
    }
}
