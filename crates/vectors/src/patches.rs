//! Balls around the rows of each patch: patches out of each other's reach are not screened at all.
//!
//! By the triangle inequality two rows are at least as far apart as the centers of their balls, less both radii. In many
//! dimensions that rarely suffices and costs next to nothing; in few it leaves little to screen. Inner products obey no
//! such inequality.

use rayon::prelude::*;

use crate::Metric;
use crate::certify::Bounds;
use crate::distance::apart;
use crate::plain::Rows;
use crate::screen::{CELL, PATCH, PATCHES};

/// The balls of a list of rows, one a patch.
#[derive(Debug)]
pub(crate) struct Patches {
    d: usize,
    centers: Vec<f32>,
    radii: Vec<f64>,
    /// Patches in the list, or none where balls say nothing.
    count: usize,
}

/// What rounding may take from a distance between centers, relative and absolute (on rows of unit length).
const ROUNDING: f64 = 1e-4;

impl Patches {
    pub(crate) fn new(rows: &Rows<'_>, order: &[u32]) -> Self {
        let d = rows.points.d();
        let count = if rows.metric == Metric::InnerProduct {
            0
        } else {
            order.len().div_ceil(PATCH)
        };
        let mut centers = vec![0.0; count * d];
        let mut radii = vec![0.0; count];
        order
            .par_chunks(PATCH)
            .zip(centers.par_chunks_mut(d))
            .zip(&mut radii)
            .for_each(|((ids, center), radius)| {
                for &id in ids {
                    rows.add_to(center, id as usize, 1.0 / ids.len() as f32);
                }
                let absolute = if rows.metric == Metric::Cosine {
                    2e-6
                } else {
                    0.0
                };
                let reach = |&id: &u32| match rows.scale(id as usize) {
                    // Where the row lies at unit length is not known in `f32`.
                    0.0 => f64::INFINITY,
                    scale => {
                        let from_center = apart(center, 1.0, rows.points.row(id as usize), scale);
                        from_center * (1.0 + ROUNDING) + absolute
                    }
                };
                *radius = ids.iter().map(reach).fold(0.0, f64::max);
            });
        Patches {
            d,
            centers,
            radii,
            count,
        }
    }

    /// Which patches of cell `a` and of cell `b` of `other` meet, as [`crate::screen::screen`] wants it, given the floor
    /// of each row.
    pub(crate) fn live(
        &self,
        a: usize,
        other: &Patches,
        b: usize,
        bounds: &Bounds,
        floors_a: &[f64],
        floors_b: &[f64],
    ) -> u64 {
        if self.count == 0 || other.count == 0 {
            return u64::MAX;
        }
        let least = |floors: &[f64]| floors.iter().copied().fold(f64::INFINITY, f64::min);
        let mut live = 0;
        let per_cell = CELL / PATCH;
        for (p, floors_a) in floors_a.chunks(PATCH).enumerate() {
            let (patch_a, least_a) = (a * per_cell + p, least(floors_a));
            for (q, floors_b) in floors_b.chunks(PATCH).enumerate() {
                let (patch_b, floor) = (b * per_cell + q, least_a.min(least(floors_b)));
                if floor == f64::INFINITY {
                    continue;
                }
                let reach = bounds.reach(floor) + self.radii[patch_a] + other.radii[patch_b];
                if reach.is_infinite() || self.gap(patch_a, other, patch_b) <= reach {
                    live |= 1 << (p * PATCHES + q);
                }
            }
        }
        live
    }

    /// How far cell `c` of `other` seems from the first patch; 0 where balls say nothing.
    pub(crate) fn cell_gap(&self, other: &Patches, c: usize) -> f64 {
        if self.count == 0 || other.count == 0 {
            return 0.0;
        }
        let per_cell = CELL / PATCH;
        let patches = c * per_cell..other.count.min((c + 1) * per_cell);
        patches
            .map(|q| self.gap(0, other, q))
            .fold(f64::INFINITY, f64::min)
    }

    /// The center of each cell.
    pub(crate) fn cells(&self) -> Centers {
        let mut centers = vec![0.0; self.count.div_ceil(PATCHES) * self.d];
        for (patches, center) in self
            .centers
            .chunks(PATCHES * self.d)
            .zip(centers.chunks_exact_mut(self.d))
        {
            let share = self.d as f32 / patches.len() as f32;
            for patch in patches.chunks_exact(self.d) {
                center
                    .iter_mut()
                    .zip(patch)
                    .for_each(|(sum, value)| *sum += share * value);
            }
        }
        Centers { d: self.d, centers }
    }

    /// At most the distance of two centers.
    fn gap(&self, a: usize, other: &Patches, b: usize) -> f64 {
        let center = |patches: &Patches, p: usize| p * patches.d..(p + 1) * patches.d;
        let (a, b) = (
            &self.centers[center(self, a)],
            &other.centers[center(other, b)],
        );
        apart(a, 1.0, b, 1.0) * (1.0 - ROUNDING)
    }
}

/// The centers of cells, to tell which are near each other.
#[derive(Debug)]
pub(crate) struct Centers {
    d: usize,
    centers: Vec<f32>,
}

impl Centers {
    /// How far apart two cells lie, by their centers; 0 where nothing is known.
    pub(crate) fn gap(&self, a: usize, b: usize) -> f32 {
        let center = |c: usize| self.centers.get(c * self.d..(c + 1) * self.d);
        match (center(a), center(b)) {
            (Some(a), Some(b)) => apart(a, 1.0, b, 1.0) as f32,
            _ => 0.0,
        }
    }
}
