//! Partitioning rows into inverted lists: k-means on samples, first into groups, then into the lists of each group; each row
//! is in the list of its nearest center.
//!
//! Lists that come out far too large are split again; rows that k-means cannot separate (copies) are split by id.
//!
//! Lists are not ranked by the distance to their centers alone. The mean squared distance of a row `x` to the members of a
//! list with center `c` is `|x - c|^2 + r^2`, with `r^2` the mean squared distance of the members from `c`: a row between
//! topics is nearer to the center of a sparse list, but not to its members. So `r^2` is added, reduced a little because the
//! nearest members matter most. All lists are ranked, anew in every round: a row between topics has its neighbors in lists of
//! many groups.
//!
//! With n rows in c lists, partitioning compares about 2 n sqrt(c) pairs, and ranking n c per round, by the quantized codes.

use exact_knn::{InvertedLists, Metric, Points};
use rayon::prelude::*;
use stage::Seed;

use crate::Error;
use crate::backend::Task;

/// Number of sampled rows per center.
const SAMPLE_PER_CENTER: usize = 40;
/// Iterations of Lloyd's algorithm: lists need to be compact, not optimal.
const ITERATIONS: usize = 5;
/// A list with more than this many times its share of rows is split.
const TOO_LARGE: usize = 4;
/// Number of times that a list may be split by k-means before it is split by id.
const DEPTH: u64 = 3;
/// The share of a list's mean squared distance that is added to the squared distance of a row to its center.
const SPREAD: f64 = 0.75;

/// The centers of the inverted lists.
#[derive(Debug)]
pub(super) struct Partitioning {
    centers: Centers,
    /// Number of lists that were too large and were split.
    pub(super) split: usize,
    /// Number of pairs of rows and centers that were compared.
    pub(super) compared: u64,
}

/// Centers, and the penalty that is added to the squared distance to each.
#[derive(Debug, Default)]
struct Centers {
    d: usize,
    values: Vec<f32>,
    penalty: Vec<f32>,
}

/// Lists while they are being built.
#[derive(Default)]
struct Lists {
    members: Vec<Vec<u32>>,
    split: usize,
    compared: u64,
}

/// Builds a partitioning.
struct PartitionBuilder<'a> {
    rows: ScaledRows<'a>,
    codes: &'a InvertedLists<'a>,
    seed: Seed,
    list_size: usize,
}

impl Partitioning {
    /// Lists of about `list_size` rows, and the rows of each, ascending.
    pub(super) fn new(
        task: &Task<'_>,
        codes: &InvertedLists<'_>,
    ) -> Result<(Self, Vec<Vec<u32>>), Error> {
        let n = task.points().n();
        let builder = PartitionBuilder {
            rows: ScaledRows::of(task),
            codes,
            seed: task.seed,
            list_size: task.options.list_size,
        };
        let count = n.div_ceil(builder.list_size).isqrt();
        let all = (0..n as u32).collect();
        let groups = builder.k_means(all, count, "knn/partitioned/groups", 0)?;
        let mut compared = groups.compared;
        let built: Vec<Lists> = groups
            .members
            .into_par_iter()
            .enumerate()
            .map(|(at, rows)| builder.lists(rows, 0, at as u64))
            .collect::<Result<_, _>>()?;
        let (mut members, mut split) = (Vec::new(), 0);
        for lists in built {
            members.extend(lists.members);
            split += lists.split;
            compared += lists.compared;
        }
        let partitioning = Partitioning {
            centers: builder.centers(&members),
            split,
            compared,
        };
        Ok((partitioning, members))
    }

    /// For each list those of `rows` for which it ranks `from..to` by expected distance, and the number of pairs of rows and
    /// centers that were compared.
    pub(super) fn queries_by_list(
        &self,
        codes: &InvertedLists<'_>,
        rows: &[u32],
        [from, to]: [usize; 2],
    ) -> Result<(Vec<Vec<u32>>, u64), Error> {
        let centers = self.centers.points()?;
        let count = self.centers.penalty.len();
        let [from, to] = [from, to].map(|rank| rank.min(count));
        let ranked = codes.nearest_centers(rows, centers, &self.centers.penalty, to)?;
        let mut queries = vec![Vec::new(); count];
        for (&row, lists) in rows.iter().zip(ranked.chunks(to.max(1))) {
            for &list in &lists[from..] {
                queries[list as usize].push(row);
            }
        }
        Ok((queries, (rows.len() * count) as u64))
    }
}

impl Centers {
    fn points(&self) -> Result<Points<'_>, Error> {
        Ok(Points::new(&self.values, self.d)?)
    }
}

impl PartitionBuilder<'_> {
    /// The lists of `rows`; `branch` numbers the group for the random stream.
    fn lists(&self, rows: Vec<u32>, depth: u64, branch: u64) -> Result<Lists, Error> {
        let count = rows.len().div_ceil(self.list_size);
        if depth == DEPTH && count > 1 {
            let parts = rows.chunks(rows.len().div_ceil(count));
            return Ok(Lists {
                members: parts.map(<[u32]>::to_vec).collect(),
                ..Lists::default()
            });
        }
        let number = depth << 32 | branch;
        let clusters = self.k_means(rows, count, "knn/partitioned/cells", number)?;
        let mut lists = Lists {
            compared: clusters.compared,
            ..Lists::default()
        };
        for (at, list) in clusters.members.into_iter().enumerate() {
            if count > 1 && list.len() > TOO_LARGE * self.list_size {
                let parts = self.lists(list, depth + 1, branch << 16 | at as u64)?;
                lists.members.extend(parts.members);
                lists.split += parts.split + 1;
                lists.compared += parts.compared;
            } else {
                lists.members.push(list);
            }
        }
        Ok(lists)
    }

    /// At most `count` clusters of `rows`, none of them empty, each row with its nearest center.
    fn k_means(
        &self,
        rows: Vec<u32>,
        count: usize,
        step: &str,
        number: u64,
    ) -> Result<Lists, Error> {
        if count <= 1 {
            return Ok(Lists {
                members: vec![rows],
                ..Lists::default()
            });
        }
        let seed = Seed(self.seed.stream(step, number).next_u64());
        let sample = sample(&rows, count * SAMPLE_PER_CENTER, seed);
        let first = (0..count).map(|at| vec![sample[at * sample.len() / count]]);
        let mut centers = self.centers(&first.collect::<Vec<_>>());
        for _ in 0..ITERATIONS {
            centers = self.centers(&self.assign(&sample, &centers)?);
        }
        let compared = (rows.len() + ITERATIONS * sample.len()) * count;
        Ok(Lists {
            members: self.assign(&rows, &centers)?,
            split: 0,
            compared: compared as u64,
        })
    }

    /// The rows whose nearest center is each of `centers`, without empty lists.
    fn assign(&self, rows: &[u32], centers: &Centers) -> Result<Vec<Vec<u32>>, Error> {
        let no_penalty = vec![0.0; centers.penalty.len()];
        let nearest = self
            .codes
            .nearest_centers(rows, centers.points()?, &no_penalty, 1)?;
        let mut members = vec![Vec::new(); no_penalty.len()];
        for (&row, &center) in rows.iter().zip(&nearest) {
            members[center as usize].push(row);
        }
        members.retain(|members| !members.is_empty());
        Ok(members)
    }

    /// The means of `groups`, with the penalty of their spread.
    fn centers(&self, groups: &[Vec<u32>]) -> Centers {
        let d = self.rows.points.d();
        let mut values = vec![0.0; groups.len() * d];
        let penalty = values
            .par_chunks_exact_mut(d)
            .zip(groups)
            .map(|(center, members)| (SPREAD * self.rows.mean(members, center)) as f32)
            .collect();
        Centers { d, values, penalty }
    }
}

/// The input of k-means: rows scaled to unit length under cosine, else unchanged.
#[derive(Clone, Copy)]
struct ScaledRows<'a> {
    points: Points<'a>,
    unit_length: bool,
}

impl<'a> ScaledRows<'a> {
    fn of(task: &Task<'a>) -> Self {
        ScaledRows {
            points: task.points(),
            unit_length: task.metric == Metric::Cosine,
        }
    }

    /// The factor by which row `i` is multiplied.
    fn scale(self, i: u32) -> f64 {
        if !self.unit_length {
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

    /// Writes the mean of `members` to `center`, and returns their mean squared distance from it.
    fn mean(self, members: &[u32], center: &mut [f32]) -> f64 {
        let weight = 1.0 / members.len() as f64;
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
            let mean = weight * sum;
            own += mean * mean;
            *center = mean as f32;
        }
        (weight * squared - own).max(0.0)
    }
}

/// `size` of `rows`, or all of them, in an order given by one random number per row.
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
