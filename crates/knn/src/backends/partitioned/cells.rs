//! Cells: k-means on a sample, each row in the cell of its nearest center.
//!
//! Cells that come out far too large are split again; rows that k-means cannot tell apart (copies) are cut by id.
//!
//! Which cells a row looks into first is not told by the distance to their centers alone. The squared distance to a
//! member is `|x - c|^2 + r^2` on average, with `r^2` the mean square of the members' distances from `c`: a row between
//! topics is nearer to the center of a loose cell, but not to its members. So `r`, shrunk a little because what counts
//! is the nearest members, stands as one more coordinate of a center, where rows have 0: the nearest centers are then
//! found as neighbors are, in `d + 1` dimensions.

use rayon::prelude::*;
use stage::Seed;
use vectors::{Cells, Metric, Points, Search};

use super::Task;
use crate::Error;

/// Rows of the sample for each center.
const SAMPLE_PER_CENTER: usize = 40;
/// Steps of Lloyd's algorithm: cells need to be compact, not optimal.
const STEPS: usize = 5;
/// Rows that are compared with the centers at a time; they are copied next to them.
pub(super) const BATCH: usize = 1 << 15;
/// A cell with more than this many times its share is split.
const TOO_LARGE: usize = 4;
/// How often a cell may be split before it is cut by id.
const DEPTH: u64 = 3;
/// The share of a cell's mean square that counts in the distance of a row to it.
const SPREAD: f64 = 0.75;

/// Groups of rows, each row in one, and where they lie.
#[derive(Debug)]
pub(super) struct Partition {
    /// The rows of each cell, ascending.
    pub(super) members: Vec<Vec<u32>>,
    centers: Centers,
    /// How many cells were too large and were split.
    pub(super) split: usize,
}

/// Points that rows are compared with, `d + 1` values each.
#[derive(Clone, Debug)]
struct Centers {
    values: Vec<f32>,
    width: usize,
}

/// What cells are made of.
struct Maker<'a> {
    rows: Rows<'a>,
    seed: Seed,
    size: usize,
    split: usize,
}

impl Partition {
    /// Cells of about `cell_size` rows.
    pub(super) fn new(task: &Task<'_>) -> Result<Self, Error> {
        let mut maker = Maker {
            rows: Rows::of(task),
            seed: task.seed,
            size: task.options.cell_size,
            split: 0,
        };
        let mut members = maker.cells((0..task.points.n() as u32).collect(), 0, 0)?;
        members.sort_unstable();
        let width = task.points.d() + 1;
        let mut values = vec![0.0; members.len() * width];
        values
            .par_chunks_exact_mut(width)
            .zip(&members)
            .for_each(|(center, members)| {
                let spread = maker.rows.mean(members, center);
                center[width - 1] = (SPREAD * spread).sqrt() as f32;
            });
        Ok(Partition {
            members,
            centers: Centers { values, width },
            split: maker.split,
        })
    }

    /// The `count` cells that each of `rows` had best look into, best first; all of them where there are no more.
    pub(super) fn nearest(
        &self,
        task: &Task<'_>,
        rows: &[u32],
        count: usize,
    ) -> Result<Vec<u32>, Error> {
        Rows::of(task).nearest(rows, &self.centers, count)
    }
}

impl Maker<'_> {
    /// The cells of `rows`; `branch` numbers the group for the random stream.
    fn cells(&mut self, rows: Vec<u32>, depth: u64, branch: u64) -> Result<Vec<Vec<u32>>, Error> {
        let count = rows.len().div_ceil(self.size);
        if count <= 1 {
            return Ok(vec![rows]);
        }
        if depth == DEPTH {
            return Ok(rows
                .chunks(rows.len().div_ceil(count))
                .map(<[u32]>::to_vec)
                .collect());
        }
        let seed = Seed(
            self.seed
                .stream("knn/partitioned/cells", depth << 32 | branch)
                .next_u64(),
        );
        let centers = self.centers(&rows, count, seed)?;
        let nearest = self.rows.nearest(&rows, &centers, 1)?;
        let mut cells = vec![Vec::new(); count];
        for (&row, &center) in rows.iter().zip(&nearest) {
            cells[center as usize].push(row);
        }
        let mut small = Vec::with_capacity(count);
        for (at, cell) in cells.into_iter().enumerate() {
            if cell.len() > TOO_LARGE * self.size {
                self.split += 1;
                small.extend(self.cells(cell, depth + 1, branch << 16 | at as u64)?);
            } else if !cell.is_empty() {
                small.push(cell);
            }
        }
        Ok(small)
    }

    /// `count` centers by k-means on a sample of `rows`.
    fn centers(&self, rows: &[u32], count: usize, seed: Seed) -> Result<Centers, Error> {
        let sample = sample(rows, count * SAMPLE_PER_CENTER, seed);
        let step = sample.len() / count;
        let width = self.rows.points.d() + 1;
        let mut centers = Centers {
            values: vec![0.0; count * width],
            width,
        };
        for (at, center) in centers.values.chunks_exact_mut(width).enumerate() {
            self.rows.place(sample[at * step], center);
        }
        for _ in 0..STEPS {
            let nearest = self.rows.nearest(&sample, &centers, 1)?;
            let mut members = vec![Vec::new(); count];
            for (&row, &center) in sample.iter().zip(&nearest) {
                members[center as usize].push(row);
            }
            centers
                .values
                .par_chunks_exact_mut(width)
                .zip(members)
                .filter(|(_, members)| !members.is_empty())
                .for_each(|(center, members)| {
                    self.rows.mean(&members, center);
                });
        }
        Ok(centers)
    }
}

/// Rows as cells see them: by direction under cosine, else as they are.
#[derive(Clone, Copy)]
struct Rows<'a> {
    points: Points<'a>,
    unit: bool,
}

impl<'a> Rows<'a> {
    fn of(task: &Task<'a>) -> Self {
        Rows {
            points: task.points,
            unit: task.metric == Metric::Cosine,
        }
    }

    /// What brings row `i` to the length that cells see.
    fn scale(self, i: u32) -> f64 {
        if !self.unit {
            return 1.0;
        }
        let squared: f64 = self
            .points
            .row(i as usize)
            .iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum();
        1.0 / squared.sqrt()
    }

    /// Writes row `i` into the first d places of `to`.
    fn place(self, i: u32, to: &mut [f32]) {
        let scale = self.scale(i);
        for (to, &x) in to.iter_mut().zip(self.points.row(i as usize)) {
            *to = (scale * f64::from(x)) as f32;
        }
    }

    /// Moves `center` to the mean of `members`, and says how far off they are in the mean square.
    fn mean(self, members: &[u32], center: &mut [f32]) -> f64 {
        let share = 1.0 / members.len() as f64;
        let mut sum = vec![0.0f64; self.points.d()];
        let mut squared = 0.0;
        for &i in members {
            let scale = self.scale(i);
            for (sum, &x) in sum.iter_mut().zip(self.points.row(i as usize)) {
                let x = scale * f64::from(x);
                *sum += x;
                squared += x * x;
            }
        }
        let mut own = 0.0;
        for (center, sum) in center.iter_mut().zip(sum) {
            let mean = share * sum;
            own += mean * mean;
            *center = mean as f32;
        }
        (share * squared - own).max(0.0)
    }

    /// The `count` nearest of `centers` for each of `rows`, nearest first; all of them where there are no more.
    fn nearest(self, rows: &[u32], centers: &Centers, count: usize) -> Result<Vec<u32>, Error> {
        let width = centers.width;
        let several = centers.values.len() / width;
        if count >= several {
            return Ok((0..several as u32).collect::<Vec<_>>().repeat(rows.len()));
        }
        let mut nearest = Vec::with_capacity(rows.len() * count);
        let mut matrix = centers.values.clone();
        for batch in rows.chunks(BATCH) {
            matrix.resize(centers.values.len() + batch.len() * width, 0.0);
            matrix[centers.values.len()..]
                .par_chunks_exact_mut(width)
                .zip(batch)
                .for_each(|(to, &row)| self.place(row, to));
            let together = Points::new(&matrix, width)?;
            let queries: Vec<u32> = (several as u32..together.n() as u32).collect();
            let groups = vec![(0..several as u32).collect(), queries.clone()];
            let cells = Cells::new(together, groups, Metric::L2, &Search::default())?;
            let mut candidates = cells.candidates(count);
            cells.look(&[queries.clone(), Vec::new()], &mut candidates, &|_| true)?;
            nearest.extend(cells.nearest(&queries, &candidates)?.ids);
        }
        Ok(nearest)
    }
}

/// `size` of `rows`, or all of them, in an order of their own random numbers.
fn sample(rows: &[u32], size: usize, seed: Seed) -> Vec<u32> {
    let mut drawn: Vec<(u64, u32)> = rows
        .iter()
        .map(|&row| (seed.stream("sample", u64::from(row)).next_u64(), row))
        .collect();
    if size < drawn.len() {
        drawn.select_nth_unstable(size);
        drawn.truncate(size);
    }
    drawn.sort_unstable();
    drawn.into_iter().map(|(_, row)| row).collect()
}
