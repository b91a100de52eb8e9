//! The graph, and borrowed views of its first columns.

use rayon::prelude::*;

use crate::{Components, Error, UnionFind};

/// The k nearest neighbors of n points: two arrays of shape (n, k), checked once.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnGraph {
    ids: Vec<u32>,
    distances: Vec<f32>,
    k: usize,
}

impl KnnGraph {
    /// A graph with `k` neighbors per row, checked: shapes; ids in range, none twice in a row and none the row itself;
    /// distances finite and ascending within a row. Takes O(n k), in parallel.
    ///
    /// # Errors
    ///
    /// [`Error`] for the first row that fails.
    pub fn new(ids: Vec<u32>, distances: Vec<f32>, k: usize) -> Result<Self, Error> {
        check(&ids, &distances, k)?;
        Ok(Self { ids, distances, k })
    }

    /// A graph whose arrays were checked before, for example by the reader of a file. Takes O(1).
    ///
    /// Nothing unsafe follows from arrays that [`KnnGraph::new`] would refuse, but methods may panic on them or return
    /// meaningless results.
    ///
    /// # Panics
    ///
    /// If the arrays do not have the shape (n, `k`).
    pub fn from_checked(ids: Vec<u32>, distances: Vec<f32>, k: usize) -> Self {
        assert!(
            k > 0 && ids.len().is_multiple_of(k) && ids.len() == distances.len(),
            "two arrays of shape (n, k)"
        );
        Self { ids, distances, k }
    }

    /// All k neighbors of each row.
    pub fn view(&self) -> KnnView<'_> {
        KnnView {
            ids: &self.ids,
            distances: &self.distances,
            stride: self.k,
            k: self.k,
        }
    }
}

/// The first k neighbors of each of n points, borrowed: [narrowing](KnnView::first) it copies nothing.
#[derive(Debug, Clone, Copy)]
pub struct KnnView<'a> {
    ids: &'a [u32],
    distances: &'a [f32],
    /// Neighbors per row in the arrays, of which the first `k` count.
    stride: usize,
    k: usize,
}

impl<'a> KnnView<'a> {
    /// A view of borrowed arrays with `k` neighbors per row, checked like [`KnnGraph::new`]. Takes O(n k), in parallel.
    ///
    /// # Errors
    ///
    /// [`Error`] for the first row that fails.
    pub fn new(ids: &'a [u32], distances: &'a [f32], k: usize) -> Result<Self, Error> {
        check(ids, distances, k)?;
        Ok(Self {
            ids,
            distances,
            stride: k,
            k,
        })
    }

    /// The same rows with their first `k` neighbors; `k` is clamped to 1 and to what there is.
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

    /// The number of neighbors per point.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The k neighbors of point `i` and their distances, nearest first.
    ///
    /// # Panics
    ///
    /// If there is no point `i`.
    #[inline]
    pub fn row(&self, i: usize) -> (&'a [u32], &'a [f32]) {
        let start = i * self.stride;
        (
            &self.ids[start..start + self.k],
            &self.distances[start..start + self.k],
        )
    }

    /// The distance of point `i` to its k-th neighbor: no point outside its list is nearer.
    ///
    /// # Panics
    ///
    /// If there is no point `i`.
    #[inline]
    pub fn radius(&self, i: usize) -> f32 {
        self.distances[i * self.stride + self.k - 1]
    }

    /// Whether every list holds every other point, so that the graph has all pairs.
    pub fn is_complete(&self) -> bool {
        self.k + 1 >= self.n()
    }

    /// The smallest distance in the graph; positive infinity if there are no points. Takes O(n).
    pub fn min_distance(&self) -> f32 {
        // Rows ascend.
        self.distances
            .iter()
            .step_by(self.stride)
            .copied()
            .fold(f32::INFINITY, f32::min)
    }

    /// Refuses negative distances, which inner products have. Takes O(n).
    ///
    /// # Errors
    ///
    /// [`Error::BadDistance`] for the first row with a negative distance.
    pub fn check_non_negative(&self) -> Result<(), Error> {
        // Rows ascend, so the first distance of a row is its smallest.
        match (0..self.n()).find(|&i| self.row(i).1[0] < 0.0) {
            Some(row) => Err(Error::BadDistance {
                row,
                neighbor: self.row(row).0[0],
                distance: self.row(row).1[0],
            }),
            None => Ok(()),
        }
    }

    /// The connected components of the graph, in which an edge exists where either end lists the other. Takes O(n k).
    pub fn components(&self) -> Components {
        let edges = (0..self.n()).flat_map(|i| self.row(i).0.iter().map(move |&j| (i as u32, j)));
        Components::of_edges(self.n(), edges)
    }

    /// For each point the first of its copies: points at distance 0, directly or through other copies. A point without an
    /// earlier copy is its own. Takes O(n) and the entries at distance 0.
    pub fn first_copies(&self) -> Vec<u32> {
        let mut sets = UnionFind::new(self.n());
        for i in 0..self.n() {
            let (ids, distances) = self.row(i);
            let copies = ids.iter().zip(distances);
            for (&j, _) in copies.take_while(|(_, distance)| **distance == 0.0) {
                sets.union(i as u32, j);
            }
        }
        sets.roots()
    }
}

/// Rows that are checked with one array of marks.
const BLOCK: usize = 1 << 16;

/// Whether the arrays are a graph. The first row that fails is reported, whichever thread finds it.
fn check(ids: &[u32], distances: &[f32], k: usize) -> Result<(), Error> {
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
    let failed = ids
        .par_chunks(BLOCK * k)
        .zip(distances.par_chunks(BLOCK * k))
        .enumerate()
        .find_map_first(|(block, (ids, distances))| {
            // The last row that listed an id: one array instead of sorting every row.
            let mut listed_by = vec![u32::MAX; n];
            let rows = ids.chunks_exact(k).zip(distances.chunks_exact(k));
            (block * BLOCK..)
                .zip(rows)
                .find_map(|(row, (ids, distances))| {
                    check_row(row, ids, distances, &mut listed_by).err()
                })
        });
    failed.map_or(Ok(()), Err)
}

/// Checks one row; `listed_by` holds for each id the last row that listed it.
fn check_row(
    row: usize,
    ids: &[u32],
    distances: &[f32],
    listed_by: &mut [u32],
) -> Result<(), Error> {
    let n = listed_by.len();
    let mut before = f32::NEG_INFINITY;
    for (&neighbor, &distance) in ids.iter().zip(distances) {
        let Some(last) = listed_by.get_mut(neighbor as usize) else {
            return Err(Error::UnknownNeighbor { row, neighbor, n });
        };
        if neighbor as usize == row {
            return Err(Error::ListsItself { row });
        }
        if *last == row as u32 {
            return Err(Error::ListedTwice { row, neighbor });
        }
        *last = row as u32;
        if !distance.is_finite() {
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
