//! Cells: k-means on samples, first of groups, then of the cells in each; each row in the cell of its nearest center.
//!
//! Cells that come out far too large are split again; rows that k-means cannot tell apart (copies) are cut by id.
//!
//! Which cells a row looks into first is not told by the distance to their centers alone. The squared distance to a
//! member is `|x - c|^2 + r^2` on average, with `r^2` the mean square of the members' distances from `c`: a row between
//! topics is nearer to the center of a loose cell, but not to its members. So `r^2`, shrunk a little because what counts
//! is the nearest members, is added. All cells are ranked, in every round anew: a row between topics has its neighbors
//! in cells of many groups.
//!
//! With n rows in c cells, making them compares some 2 n sqrt(c) pairs, and ranking them n c a round, by the codes that
//! rows have anyway.

use rayon::prelude::*;
use stage::Seed;
use vectors::{Cells, Metric, Points};

use super::Task;
use crate::Error;

/// Rows of the sample for each center.
const SAMPLE_PER_CENTER: usize = 40;
/// Steps of Lloyd's algorithm: cells need to be compact, not optimal.
const STEPS: usize = 5;
/// A cell with more than this many times its share is split.
const TOO_LARGE: usize = 4;
/// How often a cell may be split before it is cut by id.
const DEPTH: u64 = 3;
/// The share of a cell's mean square that counts in the distance of a row to it.
const SPREAD: f64 = 0.75;

/// Where the cells lie.
#[derive(Debug)]
pub(super) struct Partition {
    cells: Centers,
    /// How many cells were too large and were split.
    pub(super) split: usize,
    /// Pairs of rows and centers that were compared.
    pub(super) compared: u64,
}

/// Points that rows are compared with, and what is added to the square of their distance.
#[derive(Debug, Default)]
struct Centers {
    d: usize,
    values: Vec<f32>,
    spread: Vec<f32>,
}

/// Cells as they are made.
#[derive(Default)]
struct Made {
    members: Vec<Vec<u32>>,
    split: usize,
    compared: u64,
}

/// What cells are made of.
struct Maker<'a> {
    rows: Rows<'a>,
    codes: &'a Cells<'a>,
    seed: Seed,
    size: usize,
}

impl Partition {
    /// Cells of about `cell_size` rows, and the rows of each, ascending.
    pub(super) fn new(task: &Task<'_>, codes: &Cells<'_>) -> Result<(Self, Vec<Vec<u32>>), Error> {
        let n = task.points.n();
        let maker = Maker {
            rows: Rows::of(task),
            codes,
            seed: task.seed,
            size: task.options.cell_size,
        };
        let several = n.div_ceil(maker.size).isqrt();
        let all = (0..n as u32).collect();
        let groups = maker.divide(all, several, "knn/partitioned/groups", 0)?;
        let mut compared = groups.compared;
        let made: Vec<Made> = groups
            .members
            .into_par_iter()
            .enumerate()
            .map(|(at, rows)| maker.cells(rows, 0, at as u64))
            .collect::<Result<_, _>>()?;
        let (mut members, mut split) = (Vec::new(), 0);
        for made in made {
            members.extend(made.members);
            split += made.split;
            compared += made.compared;
        }
        let partition = Partition {
            cells: maker.centers(&members),
            split,
            compared,
        };
        Ok((partition, members))
    }

    /// For each cell those of `rows` for which it stands in places `from..to` of the cells they had best look into, and
    /// how many pairs of rows and centers were compared.
    pub(super) fn visitors(
        &self,
        codes: &Cells<'_>,
        rows: &[u32],
        [from, to]: [usize; 2],
    ) -> Result<(Vec<Vec<u32>>, u64), Error> {
        let centers = self.cells.points()?;
        let count = self.cells.spread.len();
        let [from, to] = [from, to].map(|place| place.min(count));
        let ranked = codes.nearest_centers(rows, centers, &self.cells.spread, to)?;
        let mut visitors = vec![Vec::new(); count];
        for (&row, cells) in rows.iter().zip(ranked.chunks(to.max(1))) {
            for &cell in &cells[from..] {
                visitors[cell as usize].push(row);
            }
        }
        Ok((visitors, (rows.len() * count) as u64))
    }
}

impl Centers {
    fn points(&self) -> Result<Points<'_>, Error> {
        Ok(Points::new(&self.values, self.d)?)
    }
}

impl Maker<'_> {
    /// The cells of `rows`; `branch` numbers the group for the random stream.
    fn cells(&self, rows: Vec<u32>, depth: u64, branch: u64) -> Result<Made, Error> {
        let count = rows.len().div_ceil(self.size);
        if depth == DEPTH && count > 1 {
            let parts = rows.chunks(rows.len().div_ceil(count));
            return Ok(Made {
                members: parts.map(<[u32]>::to_vec).collect(),
                ..Made::default()
            });
        }
        let number = depth << 32 | branch;
        let divided = self.divide(rows, count, "knn/partitioned/cells", number)?;
        let mut made = Made {
            compared: divided.compared,
            ..Made::default()
        };
        for (at, cell) in divided.members.into_iter().enumerate() {
            if count > 1 && cell.len() > TOO_LARGE * self.size {
                let parts = self.cells(cell, depth + 1, branch << 16 | at as u64)?;
                made.members.extend(parts.members);
                made.split += parts.split + 1;
                made.compared += parts.compared;
            } else {
                made.members.push(cell);
            }
        }
        Ok(made)
    }

    /// At most `count` groups of `rows`, none of them empty, each row with its nearest center.
    fn divide(&self, rows: Vec<u32>, count: usize, step: &str, number: u64) -> Result<Made, Error> {
        if count <= 1 {
            return Ok(Made {
                members: vec![rows],
                ..Made::default()
            });
        }
        let seed = Seed(self.seed.stream(step, number).next_u64());
        let sample = sample(&rows, count * SAMPLE_PER_CENTER, seed);
        let first = (0..count).map(|at| vec![sample[at * sample.len() / count]]);
        let mut centers = self.centers(&first.collect::<Vec<_>>());
        for _ in 0..STEPS {
            centers = self.centers(&self.nearest(&sample, &centers)?);
        }
        let compared = (rows.len() + STEPS * sample.len()) * count;
        Ok(Made {
            members: self.nearest(&rows, &centers)?,
            split: 0,
            compared: compared as u64,
        })
    }

    /// Those of `rows` that are nearest to each center; centers that are nearest to none are left out.
    fn nearest(&self, rows: &[u32], centers: &Centers) -> Result<Vec<Vec<u32>>, Error> {
        let flat = vec![0.0; centers.spread.len()];
        let nearest = self
            .codes
            .nearest_centers(rows, centers.points()?, &flat, 1)?;
        let mut members = vec![Vec::new(); flat.len()];
        for (&row, &center) in rows.iter().zip(&nearest) {
            members[center as usize].push(row);
        }
        members.retain(|members| !members.is_empty());
        Ok(members)
    }

    /// The means of `groups`, with what their spread adds.
    fn centers(&self, groups: &[Vec<u32>]) -> Centers {
        let d = self.rows.points.d();
        let mut values = vec![0.0; groups.len() * d];
        let spread = values
            .par_chunks_exact_mut(d)
            .zip(groups)
            .map(|(center, members)| (SPREAD * self.rows.mean(members, center)) as f32)
            .collect();
        Centers { d, values, spread }
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
