//! Overlapping cells: k-means on a sample, each row in the cells of its r nearest centers.
//!
//! Cells that come out far too large are split again; rows that k-means cannot tell apart (copies) are cut by id.
//! Centers are found by the exact search of [`vectors`], with the centers as the only rows that may be found.

use rayon::prelude::*;
use stage::Seed;
use vectors::{Metric, Points, Search};

use super::Task;
use crate::Error;

/// Rows of the sample for each center.
const SAMPLE_PER_CENTER: usize = 48;
/// Steps of Lloyd's algorithm: cells need to be compact, not optimal.
const STEPS: usize = 6;
/// Rows that are assigned at a time; they are copied next to the centers.
const BATCH: usize = 16_384;
/// A cell with more than this many times its share is split.
const TOO_LARGE: usize = 4;
/// How often a cell may be split before it is cut by id.
const DEPTH: u64 = 3;

/// Overlapping groups of rows that cover all rows.
#[derive(Debug)]
pub(super) struct Cells {
    /// At least 2 rows each, ascending.
    pub(super) members: Vec<Vec<u32>>,
    /// The mean of each, row after row.
    pub(super) centers: Vec<f32>,
    /// What "near" means among centers.
    pub(super) metric: Metric,
    /// How many were too large and were split.
    pub(super) split: usize,
}

/// What cells are made of.
struct Maker<'a> {
    task: &'a Task<'a>,
    metric: Metric,
    size: usize,
    split: usize,
}

impl Cells {
    /// Cells of about `cell_size` rows, each row in `cells_per_row` of them.
    pub(super) fn new(task: &Task<'_>) -> Result<Self, Error> {
        // Inner products do not cluster; rows of like length and direction do.
        let metric = if task.metric == Metric::InnerProduct {
            Metric::L2
        } else {
            task.metric
        };
        // A cell must be able to fill a list.
        let size = task.options.cell_size.max(2 * task.k);
        let mut maker = Maker {
            task,
            metric,
            size,
            split: 0,
        };
        let all: Vec<u32> = (0..task.points.n() as u32).collect();
        let mut members = maker.cells(all, task.options.cells_per_row, 0, 0)?;
        members.retain(|cell| cell.len() > 1);
        members.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        let points = task.points;
        let mut centers: Vec<f32> = members
            .iter()
            .flat_map(|cell| points.row(cell[0] as usize))
            .copied()
            .collect();
        centers
            .par_chunks_exact_mut(points.d())
            .zip(&members)
            .for_each(|(center, members)| mean(points, members, metric, center));
        Ok(Cells {
            members,
            centers,
            metric,
            split: maker.split,
        })
    }
}

impl Maker<'_> {
    /// The cells of `rows`; `branch` numbers the group for the random stream.
    fn cells(
        &mut self,
        rows: Vec<u32>,
        per_row: usize,
        depth: u64,
        branch: u64,
    ) -> Result<Vec<Vec<u32>>, Error> {
        let count = (rows.len() * per_row).div_ceil(self.size);
        if rows.len() <= self.size || count <= per_row {
            return Ok(vec![rows]);
        }
        if depth == DEPTH {
            // A last slice of one row would be a cell without neighbors: slices of equal length have none.
            let slices = rows.len().div_ceil(self.size);
            return Ok(rows
                .chunks(rows.len().div_ceil(slices))
                .map(<[u32]>::to_vec)
                .collect());
        }
        let seed = Seed(
            self.task
                .seed
                .stream("knn/partitioned/cells", depth << 32 | branch)
                .next_u64(),
        );
        let centers = self.centers(&rows, count, seed)?;
        let nearest = nearest_centers(self.task.points, self.metric, &rows, &centers, per_row)?;
        let mut cells = vec![Vec::new(); count];
        for (&row, nearest) in rows.iter().zip(nearest.chunks_exact(per_row)) {
            for &center in nearest {
                cells[center as usize].push(row);
            }
        }
        let mut small = Vec::with_capacity(count);
        for (at, cell) in cells.into_iter().enumerate() {
            if cell.len() > TOO_LARGE * self.size {
                self.split += 1;
                small.extend(self.cells(
                    cell,
                    per_row.min(2),
                    depth + 1,
                    branch * 4096 + at as u64,
                )?);
            } else if !cell.is_empty() {
                small.push(cell);
            }
        }
        Ok(small)
    }

    /// `count` centers by k-means on a sample of `rows`, row after row.
    fn centers(&self, rows: &[u32], count: usize, seed: Seed) -> Result<Vec<f32>, Error> {
        let points = self.task.points;
        let sample = sample(rows, count * SAMPLE_PER_CENTER, seed);
        let step = sample.len() / count;
        let mut centers: Vec<f32> = (0..count)
            .flat_map(|at| points.row(sample[at * step] as usize))
            .copied()
            .collect();
        for _ in 0..STEPS {
            let nearest = nearest_centers(points, self.metric, &sample, &centers, 1)?;
            let mut members = vec![Vec::new(); count];
            for (&row, &center) in sample.iter().zip(&nearest) {
                members[center as usize].push(row);
            }
            centers
                .par_chunks_exact_mut(points.d())
                .zip(members)
                .for_each(|(center, members)| {
                    mean(points, &members, self.metric, center);
                });
        }
        Ok(centers)
    }
}

/// The `r` nearest of `centers` for each of `rows`, nearest first.
pub(super) fn nearest_centers(
    points: Points<'_>,
    metric: Metric,
    rows: &[u32],
    centers: &[f32],
    r: usize,
) -> Result<Vec<u32>, Error> {
    let count = centers.len() / points.d();
    let findable: Vec<u32> = (0..count as u32).collect();
    let mut nearest = Vec::with_capacity(rows.len() * r);
    let mut matrix = centers.to_vec();
    for batch in rows.chunks(BATCH) {
        matrix.truncate(centers.len());
        matrix.extend(batch.iter().flat_map(|&row| points.row(row as usize)));
        let together = Points::new(&matrix, points.d())?;
        let index = vectors::Index::of_members(together, &findable, metric, &Search::default())?;
        let queries: Vec<u32> = (0..batch.len()).map(|at| (count + at) as u32).collect();
        let (knn, _) = index.knn_of(&queries, r, &|_| true)?;
        nearest.extend(knn.ids);
    }
    Ok(nearest)
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

/// Moves `center` to the mean of `members` (of their directions under cosine); leaves it where there is none.
fn mean(points: Points<'_>, members: &[u32], metric: Metric, center: &mut [f32]) {
    if members.is_empty() {
        return;
    }
    let mut sum = vec![0.0f64; center.len()];
    for &row in members {
        let row = points.row(row as usize);
        let weight = match metric {
            Metric::Cosine => {
                1.0 / row
                    .iter()
                    .map(|&x| f64::from(x) * f64::from(x))
                    .sum::<f64>()
                    .sqrt()
            }
            Metric::L2 | Metric::InnerProduct => 1.0,
        };
        for (sum, &x) in sum.iter_mut().zip(row) {
            *sum += weight * f64::from(x);
        }
    }
    if sum
        .iter()
        .any(|&x| (x / members.len() as f64) as f32 != 0.0)
    {
        for (center, sum) in center.iter_mut().zip(sum) {
            *center = (sum / members.len() as f64) as f32;
        }
    }
}
