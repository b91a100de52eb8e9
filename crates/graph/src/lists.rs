//! k nearest neighbors as two row-major slices.

use std::ops::BitAnd;

use rayon::prelude::*;

use crate::Error;

/// The k nearest neighbors of n points, nearest first, the point itself left out.
///
/// A view of two slices of shape (n, stride), of which the first `k` columns count: asking for fewer
/// neighbors ([`Lists::first`]) copies nothing.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    ids: &'a [u32],
    distances: &'a [f32],
    stride: usize,
    k: usize,
}

impl<'a> Lists<'a> {
    /// Lists of `k` neighbors a row, checked: shapes, ids in range, no row in its own list, distances
    /// finite, not negative and ascending. Takes O(n k).
    pub fn new(ids: &'a [u32], distances: &'a [f32], k: usize) -> Result<Self, Error> {
        if ids.len() != distances.len() || k == 0 || !ids.len().is_multiple_of(k) {
            return Err(Error::Shape {
                ids: ids.len(),
                distances: distances.len(),
                k,
            });
        }
        let n = ids.len() / k;
        if u32::try_from(n).is_err() {
            return Err(Error::TooManyRows { n });
        }
        // The smallest row that fails is named, whichever thread finds it.
        let failed = ids
            .par_chunks_exact(k)
            .zip(distances.par_chunks_exact(k))
            .enumerate()
            .find_map_first(|(row, (ids, distances))| check_row(row, ids, distances, n).err());
        match failed {
            Some(error) => Err(error),
            None => Ok(Self {
                ids,
                distances,
                stride: k,
                k,
            }),
        }
    }

    /// The same lists cut after their first `k` neighbors; `k` at least 1 and at most what there is.
    #[must_use]
    pub fn first(self, k: usize) -> Self {
        Self {
            k: k.clamp(1, self.k),
            ..self
        }
    }

    /// The number of points.
    pub fn n(&self) -> usize {
        self.ids.len() / self.stride
    }

    /// The number of neighbors a point.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The neighbors of point `i` and their distances, nearest first.
    #[inline]
    pub fn row(&self, i: usize) -> (&'a [u32], &'a [f32]) {
        let start = i * self.stride;
        (
            &self.ids[start..start + self.k],
            &self.distances[start..start + self.k],
        )
    }

    /// The distance of point `i` to its last neighbor: no point that its list leaves out is nearer.
    #[inline]
    pub fn radius(&self, i: usize) -> f32 {
        self.distances[i * self.stride + self.k - 1]
    }

    /// Whether every list holds every other point, so that no pair is missing.
    pub fn complete(&self) -> bool {
        self.k + 1 >= self.n()
    }
}

/// Checks one row of the lists.
fn check_row(row: usize, ids: &[u32], distances: &[f32], n: usize) -> Result<(), Error> {
    // All tests at once, without a branch for each: nearly all rows are sound.
    let known = |&id: &u32| (id as usize) < n && id as usize != row;
    let ids_sound = ids.iter().map(known).fold(true, BitAnd::bitand);
    let ascend = distances.windows(2).map(|pair| pair[0] <= pair[1]);
    let distances_sound = ascend.fold(distances[0] >= 0.0, BitAnd::bitand)
        && distances[distances.len() - 1] < f32::INFINITY;
    if ids_sound & distances_sound {
        Ok(())
    } else {
        find_fault(row, ids, distances, n)
    }
}

/// The first fault of a row of the lists.
fn find_fault(row: usize, ids: &[u32], distances: &[f32], n: usize) -> Result<(), Error> {
    let mut before = 0.0_f32;
    for (&neighbor, &distance) in ids.iter().zip(distances) {
        if neighbor as usize >= n {
            return Err(Error::UnknownNeighbor { row, neighbor, n });
        }
        if neighbor as usize == row {
            return Err(Error::ListsItself { row });
        }
        if !(distance >= 0.0 && distance.is_finite()) {
            return Err(Error::BadDistance {
                row,
                neighbor,
                distance,
            });
        }
        if distance < before {
            return Err(Error::NotAscending {
                row,
                before,
                after: distance,
            });
        }
        before = distance;
    }
    Ok(())
}
