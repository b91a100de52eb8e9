//! How far a layout can be trusted.
//!
//! The share of neighbors kept is that of a point's true nearest neighbors which are among its nearest in the layout.
//! Trustworthiness (Venna and Kaski 2001; scikit-learn `trustworthiness`) measures how near the neighbors in the layout are in
//! the original space: 1 if all are true neighbors, about 0.5 by chance. The first needs only neighbor lists; the second
//! compares whole rows, so for large inputs it is estimated on a sample of rows.

#![expect(
    clippy::inline_always,
    reason = "vector registers stay registers only across inlined calls"
)]

use exact_knn::{Metric, Points};
use knn_graph::KnnView;
use random_streams::Seed;
use rayon::prelude::*;

use crate::kernels::{Kernel, LANES, Lanes, Task};

/// Number of neighbors in the figures, if the graph has as many.
const K: usize = 15;
/// Maximum number of multiplications for trustworthiness; larger inputs are sampled.
const MAX_WORK: usize = 1_500_000_000;
/// Minimum number of sampled rows.
const MIN_ROWS: usize = 100;

/// How far a layout can be trusted; shares from 0 to 1, over neighborhoods of `k` points.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Quality {
    /// Number of neighbors in the figures below: 15, if there are as many.
    pub k: usize,
    /// The mean share of true neighbors that are neighbors in the layout, too.
    pub preserved: f64,
    /// Number of rows that `preserved` is the mean of.
    pub preserved_rows: usize,
    /// How near the neighbors in the layout are in the original space: 1 if all are true neighbors, about 0.5 by chance. None
    /// without the points or the metric, or if there are too few points.
    pub trustworthiness: Option<f64>,
    /// Number of rows that `trustworthiness` was measured on: all, or a sample.
    pub trustworthiness_rows: usize,
}

/// Measures a layout of the points of `graph`, and returns with two dimensions also the share of neighbors kept of each point.
///
/// `positions` has shape (n, components), row-major.
///
/// `points` are those of the graph, with the metric of its distances; without them there is no trustworthiness. Rows are
/// sampled such that trustworthiness takes at most 1.5e9 multiplications, but no fewer than 100 rows. Takes O(n k log k) in addition in two
/// dimensions, and O(sample x n x components) in more.
pub fn quality(
    positions: &[f32],
    components: usize,
    graph: &KnnView<'_>,
    points: Option<(Points<'_>, Metric)>,
    seed: Seed,
) -> (Quality, Option<Vec<f32>>) {
    let n = graph.n();
    let k = K.min(graph.k()).min(n - 1);
    let graph = graph.first(k);
    let work = points.map_or(0, |(points, _)| n * points.d()).max(1);
    let sampled = (MAX_WORK / work).max(MIN_ROWS).min(n);
    let sample: Vec<u32> = seed
        .stream("project/quality", 0)
        .sample(n, sampled)
        .into_iter()
        .map(|i| i as u32)
        .collect();
    let (of_sample, of_all) = if components == 2 {
        let nearest = nearest_in_plane(positions.as_chunks().0, k);
        let of_sample: Vec<u32> = sample
            .iter()
            .flat_map(|&i| {
                nearest[i as usize * k..(i as usize + 1) * k]
                    .iter()
                    .copied()
            })
            .collect();
        let all: Vec<u32> = (0..n as u32).collect();
        (of_sample, Some(preserved(&nearest, &all, &graph)))
    } else {
        (nearest_in_space(positions, components, &sample, k), None)
    };
    let shares = match &of_all {
        Some(shares) => shares,
        None => &preserved(&of_sample, &sample, &graph),
    };
    let trustworthiness = points.and_then(|(points, metric)| {
        trustworthiness(Kernel::best(), points, metric, &sample, &of_sample, k)
    });
    let quality = Quality {
        k,
        preserved: shares.iter().map(|&share| f64::from(share)).sum::<f64>() / shares.len() as f64,
        preserved_rows: shares.len(),
        trustworthiness,
        trustworthiness_rows: trustworthiness.map_or(0, |_| sample.len()),
    };
    (quality, of_all)
}

/// The `k` nearest neighbors of each point in the plane, without itself, nearest first, ties by the smaller id: (n, k),
/// row-major.
///
/// Uses a grid with a few points per cell; O(n k log k) if points are spread evenly. `k` must be
/// from 1 to n - 1.
pub fn nearest_in_plane(positions: &[[f32; 2]], k: usize) -> Vec<u32> {
    let grid = Grid::new(positions, k);
    let mut ids = vec![0; positions.len() * k];
    ids.par_chunks_mut(k)
        .enumerate()
        .with_min_len(64)
        .for_each_init(Vec::new, |found, (i, row)| {
            grid.nearest(positions, i, k, found);
            for (out, (_, id)) in row.iter_mut().zip(found.iter()) {
                *out = *id;
            }
        });
    ids
}

/// The `k` nearest neighbors of each point of `sample` in a layout with `components` dimensions: (sample, k), row-major.
///
/// Compares the sample with all points: O(sample n components).
///
/// # Panics
///
/// Unless `k` is from 1 to n - 1.
pub fn nearest_in_space(
    positions: &[f32],
    components: usize,
    sample: &[u32],
    k: usize,
) -> Vec<u32> {
    let mut ids = vec![0; sample.len() * k];
    ids.par_chunks_mut(k).zip(sample).for_each(|(row, &i)| {
        let own = &positions[i as usize * components..(i as usize + 1) * components];
        let mut all: Vec<(f32, u32)> = positions
            .chunks(components)
            .zip(0..)
            .filter(|&(_, j)| j != i)
            .map(|(other, j)| (own.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum(), j))
            .collect();
        all.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all[..k].sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (out, (_, id)) in row.iter_mut().zip(&all) {
            *out = *id;
        }
    });
    ids
}

/// Points by cell.
struct Grid {
    low: [f32; 2],
    /// The length of a cell's side.
    side: f32,
    width: usize,
    height: usize,
    /// Cell c holds `points[starts[c]..starts[c + 1]]`.
    starts: Vec<u32>,
    points: Vec<u32>,
}

impl Grid {
    fn new(positions: &[[f32; 2]], k: usize) -> Self {
        let mut low = [f32::INFINITY; 2];
        let mut high = [f32::NEG_INFINITY; 2];
        for position in positions {
            for axis in 0..2 {
                low[axis] = low[axis].min(position[axis]);
                high[axis] = high[axis].max(position[axis]);
            }
        }
        // Much of the bounding box of a layout is empty: on average k / 3 points per cell of the box.
        let cells = (3 * positions.len() / k.max(1)).max(1) as f32;
        let (width, height) = ((high[0] - low[0]).max(1e-6), (high[1] - low[1]).max(1e-6));
        let side = (width * height / cells)
            .sqrt()
            .max(width.max(height) / 4096.0);
        let (width, height) = ((width / side) as usize + 1, (height / side) as usize + 1);
        let mut grid = Self {
            low,
            side,
            width,
            height,
            starts: vec![0; width * height + 1],
            points: vec![0; positions.len()],
        };
        let cells: Vec<usize> = positions
            .iter()
            .map(|&position| grid.cell(position))
            .collect();
        for &cell in &cells {
            grid.starts[cell + 1] += 1;
        }
        for cell in 0..width * height {
            grid.starts[cell + 1] += grid.starts[cell];
        }
        let mut next = grid.starts.clone();
        for (i, &cell) in cells.iter().enumerate() {
            grid.points[next[cell] as usize] = i as u32;
            next[cell] += 1;
        }
        grid
    }

    fn place(&self, position: [f32; 2]) -> [usize; 2] {
        let along = |axis: usize, cells: usize| {
            (((position[axis] - self.low[axis]) / self.side) as usize).min(cells - 1)
        };
        [along(0, self.width), along(1, self.height)]
    }

    fn cell(&self, position: [f32; 2]) -> usize {
        let [x, y] = self.place(position);
        y * self.width + x
    }

    /// The squared distances and ids of the k nearest of point i.
    fn nearest(&self, positions: &[[f32; 2]], i: usize, k: usize, found: &mut Vec<(f32, u32)>) {
        found.clear();
        let own = positions[i];
        let [x, y] = self.place(own);
        let farthest_ring = self.width.max(self.height);
        for ring in 0..=farthest_ring {
            for cell_y in y.saturating_sub(ring)..=(y + ring).min(self.height - 1) {
                let edge = cell_y + ring == y || cell_y == y + ring;
                let step = if edge || ring == 0 { 1 } else { 2 * ring };
                for cell_x in (x as isize - ring as isize..=(x + ring) as isize).step_by(step) {
                    if cell_x < 0 || cell_x >= self.width as isize {
                        continue;
                    }
                    let cell = cell_y * self.width + cell_x as usize;
                    for &j in
                        &self.points[self.starts[cell] as usize..self.starts[cell + 1] as usize]
                    {
                        if j as usize != i {
                            found.push((distance(own, positions[j as usize]), j));
                        }
                    }
                }
            }
            if found.len() >= k {
                if found.len() > k {
                    found.select_nth_unstable_by(k - 1, |a, b| {
                        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
                    });
                    found.truncate(k);
                }
                let farthest = found.iter().map(|&(d, _)| d).fold(0.0, f32::max);
                // Points in the next ring are at least this far away; slightly less, as the grid is rounded.
                let safe = (ring as f32 * self.side * 0.999).powi(2);
                if farthest < safe {
                    break;
                }
            }
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

/// For each of `rows` the share of its neighbors in `graph` that are among its k nearest in the layout: row i of `layout`,
/// of shape (rows, k) with the k of the graph, belongs to point `rows[i]`.
pub fn preserved(layout: &[u32], rows: &[u32], graph: &KnnView<'_>) -> Vec<f32> {
    let k = graph.k();
    layout
        .par_chunks(k)
        .zip(rows)
        .with_min_len(256)
        .map(|(layout, &i)| {
            let truth = graph.row(i as usize).0;
            layout.iter().filter(|id| truth.contains(id)).count() as f32 / k as f32
        })
        .collect()
}

/// Sampled rows that are compared with all rows in one pass, as memory bandwidth limits a pass.
const TOGETHER: usize = 8;

/// Trustworthiness at k of the neighborhoods `layout` of the sampled rows: (sample, k) ids.
///
/// None if n is too small for the measure (below about 1.5 k). The same on every kernel. Takes O(sample x n x d).
pub fn trustworthiness(
    kernel: Kernel,
    points: Points<'_>,
    metric: Metric,
    sample: &[u32],
    layout: &[u32],
    k: usize,
) -> Option<f64> {
    let n = points.n();
    let worst = (2 * n) as f64 - (3 * k) as f64 - 1.0;
    if worst <= 0.0 || sample.is_empty() || k == 0 {
        return None;
    }
    // The sum of integers does not depend on its order.
    let penalty: u64 = sample
        .par_chunks(TOGETHER)
        .zip(layout.par_chunks(TOGETHER * k))
        .map_init(Vec::new, |scores, (sample, layout)| {
            kernel.run(Similarities {
                points,
                metric,
                sample,
                scores,
            });
            let rows = sample
                .iter()
                .zip(layout.chunks(k))
                .zip(scores.chunks_mut(n));
            rows.map(|((&i, row), scores)| {
                scores[i as usize] = f32::NEG_INFINITY;
                row.iter().map(|&j| too_far(scores, j, k)).sum::<u64>()
            })
            .sum::<u64>()
        })
        .sum();
    Some(1.0 - 2.0 * penalty as f64 / (sample.len() as f64 * k as f64 * worst))
}

/// By how many ranks `j` is not among the k of the highest scores.
fn too_far(scores: &[f32], j: u32, k: usize) -> u64 {
    let limit = scores[j as usize];
    let nearer = scores.iter().filter(|&&score| score > limit).count();
    (nearer + 1).saturating_sub(k) as u64
}

/// The similarity of each row to each of `sample`, at most [`TOGETHER`] rows: (sample, n), row-major, into `scores`. Scores of
/// one sampled row are comparable with each other only; larger is nearer.
struct Similarities<'a> {
    points: Points<'a>,
    metric: Metric,
    sample: &'a [u32],
    scores: &'a mut Vec<f32>,
}

impl Task for Similarities<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self {
            points,
            metric,
            sample,
            scores,
        } = self;
        score(l, points.values(), points.d(), metric, sample, scores);
    }
}

#[inline(always)]
fn score<L: Lanes>(
    l: L,
    values: &[f32],
    d: usize,
    metric: Metric,
    sample: &[u32],
    scores: &mut Vec<f32>,
) {
    let n = values.len() / d;
    scores.clear();
    scores.resize(sample.len() * n, 0.0);
    let row = |i: u32| values[i as usize * d..][..d].as_chunks::<LANES>();
    // A short sample is filled up with its last row; the sums of those copies are not stored.
    let own: [_; TOGETHER] = std::array::from_fn(|at| row(sample[at.min(sample.len() - 1)]));
    for j in 0..n {
        let (other, rest) = row(j as u32);
        let mut sums = [l.splat(0.0); TOGETHER];
        let mut squares = l.splat(0.0);
        for (at, b) in other.iter().enumerate() {
            let b = l.load(b);
            squares = l.add(squares, l.mul(b, b));
            for (sum, own) in sums.iter_mut().zip(&own) {
                *sum = step(l, metric, *sum, l.load(&own.0[at]), b);
            }
        }
        if !rest.is_empty() {
            let b = load(l, rest);
            squares = l.add(squares, l.mul(b, b));
            for (sum, own) in sums.iter_mut().zip(&own) {
                *sum = step(l, metric, *sum, load(l, own.1), b);
            }
        }
        // Only the length of the other row matters: that of the sampled row does not change the order of its scores.
        let length = if metric == Metric::Cosine {
            total(l, squares).sqrt().max(f32::MIN_POSITIVE)
        } else {
            1.0
        };
        for (row, &sum) in scores.chunks_mut(n).zip(&sums) {
            row[j] = total(l, sum) / length;
        }
    }
}

/// Adds the contribution of these lanes to the sum.
#[inline(always)]
fn step<L: Lanes>(l: L, metric: Metric, sum: L::F, a: L::F, b: L::F) -> L::F {
    if metric == Metric::L2 {
        let difference = l.sub(a, b);
        l.sub(sum, l.mul(difference, difference))
    } else {
        l.add(sum, l.mul(a, b))
    }
}

/// The last values of a row, followed by zeros.
#[inline(always)]
fn load<L: Lanes>(l: L, rest: &[f32]) -> L::F {
    let mut padded = [0.0; LANES];
    padded[..rest.len()].copy_from_slice(rest);
    l.load(&padded)
}

/// The sum of the lanes, in one order.
#[inline(always)]
fn total<L: Lanes>(l: L, a: L::F) -> f32 {
    let mut values = [0.0; LANES];
    l.store(a, &mut values);
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            values[lane] += values[lane + half];
        }
    }
    values[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: usize) -> Vec<[f32; 2]> {
        (0..n)
            .map(|i| {
                [
                    ((i * 7919) % 1013) as f32 * 0.01,
                    ((i * 104_729) % 2003) as f32 * 0.005 + (i % 3) as f32 * 40.0,
                ]
            })
            .collect()
    }

    #[test]
    fn the_grid_finds_what_comparing_all_finds() {
        let points = points(500);
        let found = nearest_in_plane(&points, 7);
        for i in 0..points.len() {
            let mut all: Vec<(f32, u32)> = (0..points.len())
                .filter(|&j| j != i)
                .map(|j| (distance(points[i], points[j]), j as u32))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let expected: Vec<u32> = all[..7].iter().map(|&(_, id)| id).collect();
            assert_eq!(&found[i * 7..(i + 1) * 7], expected, "point {i}");
        }
    }

    #[test]
    fn the_grid_accepts_equal_and_collinear_points() {
        assert_eq!(
            nearest_in_plane(&[[1.0, 1.0]; 4], 2),
            [1, 2, 0, 2, 0, 1, 0, 1]
        );
        let line: Vec<[f32; 2]> = (0..5).map(|i| [i as f32, 0.0]).collect();
        assert_eq!(nearest_in_plane(&line, 1), [1, 0, 1, 2, 3]);
    }

    #[test]
    fn trustworthiness_is_high_for_a_faithful_layout_and_low_for_a_shuffled_one() {
        let points = points(400);
        let values: Vec<f32> = points.iter().flatten().copied().collect();
        let sample: Vec<u32> = (0..400).collect();
        let faithful = nearest_in_plane(&points, 5);
        let trust = |layout: &[u32], kernel| {
            let points = Points::new(&values, 2).unwrap();
            trustworthiness(kernel, points, Metric::L2, &sample, layout, 5)
        };
        for kernel in Kernel::all() {
            assert_eq!(trust(&faithful, kernel), Some(1.0));
        }
        let shuffled: Vec<[f32; 2]> = (0..400).map(|i| points[i * 37 % 400]).collect();
        let shuffled = trust(&nearest_in_plane(&shuffled, 5), Kernel::best());
        assert!(
            shuffled.is_some_and(|t| (0.4..0.6).contains(&t)),
            "{shuffled:?}"
        );
    }

    #[test]
    fn preserved_is_the_share_of_common_neighbors() {
        let ids = [1, 2, 3, 0, 2, 3, 3, 1, 0, 0, 1, 2];
        let graph = KnnView::new(&ids, &[1.0; 12], 3).unwrap();
        // Rows 1 and 2; the third neighbor of the graph does not count.
        assert_eq!(
            preserved(&[2, 0, 0, 3], &[1, 2], &graph.first(2)),
            [1.0, 0.5]
        );
    }
}
