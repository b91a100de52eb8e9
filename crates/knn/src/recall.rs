//! Recall@k, estimated on a seeded sample of rows that is searched exactly.
//!
//! A neighbor counts as found if it is no farther than the true k-th, by distances in `f64`: among equally distant rows it
//! does not matter which are listed; among rows whose distances are equal only in `f32` it does. The neighbors of one row
//! are not independent, so the trials of the 95 % confidence interval are rows, each with a result between 0 and 1. The
//! interval is that of Agresti and Coull (The American Statistician 52, 1998): rows with recall 1 and rows with recall 0 are
//! added to the sample, so that the interval stays valid at a recall near 1. With k = 1 it is exactly theirs; otherwise the
//! variance of the rows replaces p (1 - p), which it never exceeds.

use exact_knn::{Index, Knn, Metric};
use serde::Serialize;
use stage::{Progress, Seed};

use crate::exact_search::neighbors_of;
use crate::{Error, Vectors};

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A sample of rows, and their true neighbors.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The rows, ascending.
    pub rows: Vec<u32>,
    /// Their true neighbors, in the order of `rows`.
    pub truth: Knn,
    /// Number of rows from which the sample is drawn.
    n: usize,
}

/// Recall on a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recall {
    /// Number of rows that were searched again exactly.
    pub sample: usize,
    /// Share of the true neighbors that were found.
    pub recall: f64,
    /// The lower end of its 95 % confidence interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The excess of the listed distances over the true ones, relative to the true ones.
    pub distance_error: f64,
    /// Share of sampled rows whose whole list is correct.
    pub whole_rows: f64,
}

impl Sample {
    /// Draws `size` of the rows (all if there are no more) and searches them exactly.
    pub fn draw(
        vectors: Vectors<'_>,
        metric: Metric,
        k: usize,
        size: usize,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let n = vectors.n();
        let rows = draw(n, size, seed);
        begin(&rows, progress);
        let truth = neighbors_of(vectors, metric, &rows, k, progress)?;
        progress.end();
        Ok(Self { rows, truth, n })
    }

    /// Searches samples that were drawn from `n` rows exactly, all at once.
    pub fn search<const DRAWS: usize>(
        index: &Index<'_>,
        n: usize,
        draws: [Vec<u32>; DRAWS],
        k: usize,
        progress: &dyn Progress,
    ) -> Result<[Self; DRAWS], Error> {
        let all = draws.concat();
        begin(&all, progress);
        let (truth, _) = index.knn_of(&all, k, &|rows| progress.advance(rows))?;
        progress.end();
        let (mut ids, mut distances) = (truth.ids, truth.distances);
        Ok(draws.map(|rows| {
            let rest = (
                ids.split_off(rows.len() * k),
                distances.split_off(rows.len() * k),
            );
            let truth = Knn {
                k,
                ids: std::mem::replace(&mut ids, rest.0),
                distances: std::mem::replace(&mut distances, rest.1),
            };
            Sample { rows, truth, n }
        }))
    }

    /// The recall of the neighbors of all rows of `vectors`, with the k of this sample.
    pub fn recall(&self, vectors: Vectors<'_>, metric: Metric, all: &Knn) -> Result<Recall, Error> {
        let k = self.truth.k;
        let rows = self
            .rows
            .iter()
            .map(|&i| i as usize * k..(i as usize + 1) * k);
        let found = Knn {
            k,
            ids: rows
                .clone()
                .flat_map(|row| &all.ids[row])
                .copied()
                .collect(),
            distances: rows.flat_map(|row| &all.distances[row]).copied().collect(),
        };
        self.recall_of(vectors, metric, &found)
    }

    /// The recall of the neighbors of the rows of this sample alone.
    pub fn recall_of(
        &self,
        vectors: Vectors<'_>,
        metric: Metric,
        found: &Knn,
    ) -> Result<Recall, Error> {
        let k = self.truth.k;
        let mut hits = Vec::with_capacity(self.rows.len());
        let (mut excess, mut total) = (0.0, 0.0);
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for (at, &i) in self.rows.iter().enumerate() {
            let row = vectors.row(i as usize, &mut own)?;
            let mut reduced = |j: u32| -> Result<f64, Error> {
                let other = vectors.row(j as usize, &mut other)?;
                Ok(exact_knn::reduced_distance(row, other, metric))
            };
            let (true_ids, truth) = self.truth.row(at);
            let (ids, found) = found.row(at);
            let farthest = reduced(true_ids[k - 1])?;
            let mut count = 0;
            for &id in ids.iter().filter(|&&id| id != Knn::NO_NEIGHBOR) {
                count += usize::from(reduced(id)? <= farthest);
            }
            hits.push(count);
            for (&found, &truth) in found.iter().zip(truth) {
                excess += f64::from(found) - f64::from(truth);
                total += f64::from(truth).abs();
            }
        }
        let rows = self.rows.len();
        let whole = hits.iter().filter(|&&hits| hits == k).count();
        let (recall, low, high) = interval(&hits, k, self.n);
        Ok(Recall {
            sample: rows,
            recall,
            low,
            high,
            distance_error: if total > 0.0 { excess / total } else { 0.0 },
            whole_rows: whole as f64 / rows as f64,
        })
    }
}

fn begin(rows: &[u32], progress: &dyn Progress) {
    progress.begin(
        "searching a sample exactly",
        Some(rows.len() as u64),
        "rows",
    );
}

/// `size` of `n` rows, ascending, or all of them.
pub fn draw(n: usize, size: usize, seed: Seed) -> Vec<u32> {
    seed.stream("knn/recall", 0)
        .sample(n, size)
        .into_iter()
        .map(|i| i as u32)
        .collect()
}

/// The mean share of hits in a sample of `n` rows, and its interval.
fn interval(hits: &[usize], k: usize, n: usize) -> (f64, f64, f64) {
    let rows = hits.len() as f64;
    let share = |&hits: &usize| hits as f64 / k as f64;
    let p = hits.iter().map(share).sum::<f64>() / rows;
    if hits.len() == n {
        // The sample has all rows: the recall is exact.
        return (p, p, p);
    }
    let added = Z * Z;
    let trials = rows + added;
    let center = (p * rows + added / 2.0) / trials;
    let spread = hits
        .iter()
        .map(|hits| (share(hits) - center).powi(2))
        .sum::<f64>();
    let spread = spread + added / 2.0 * ((1.0 - center).powi(2) + center.powi(2));
    let half = Z * spread.sqrt() / trials;
    (
        p,
        (center - half).clamp(0.0, p),
        (center + half).clamp(p, 1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more rows than any sample.
    const MANY: usize = 1_000_000;

    #[test]
    fn agresti_coull_intervals_equal_tabulated_values() {
        // 8 of 10: the textbook interval is 0.479 to 0.954.
        let (p, low, high) = interval(&[1, 1, 1, 1, 1, 1, 1, 1, 0, 0], 1, MANY);
        assert_eq!(p, 0.8);
        assert!(
            (low - 0.4794).abs() < 1e-3 && (high - 0.9541).abs() < 1e-3,
            "{low} {high}"
        );
    }

    #[test]
    fn full_recall_of_a_sample_is_not_proof() {
        let (p, low, high) = interval(&[5; 100], 5, MANY);
        assert_eq!((p, high), (1.0, 1.0));
        assert!((low - 0.9556).abs() < 1e-3, "{low}");
        assert_eq!(interval(&[5; 100], 5, 100), (1.0, 1.0, 1.0));
    }

    #[test]
    fn the_interval_falls_with_recall() {
        let mut hits = vec![50; 1000];
        let mut last = interval(&hits, 50, MANY);
        for lost in 0..200 {
            hits[lost % 90] -= 1;
            let next = interval(&hits, 50, MANY);
            assert!(
                next.1 < last.1 && next.2 <= last.2,
                "{lost}: {next:?} after {last:?}"
            );
            last = next;
        }
    }

    #[test]
    fn neighbors_of_a_row_are_not_independent() {
        let together = interval(&[10, 10, 0, 10], 10, MANY);
        let apart = interval(&[8, 7, 7, 8], 10, MANY);
        assert_eq!(together.0, apart.0);
        assert!(together.2 - together.1 > apart.2 - apart.1);
    }

    /// Inner products of short rows are all at distance 1 in an `f32`.
    #[test]
    fn neighbors_equal_only_in_f32_are_not_hits() {
        let values: Vec<f32> = (1..=20u8).map(|i| 1e-5 * f32::from(i)).collect();
        let vectors = Vectors::Matrix(exact_knn::Points::new(&values, 1).unwrap());
        let metric = Metric::InnerProduct;
        let sample = Sample::draw(vectors, metric, 2, 20, Seed(1), &stage::Silent).unwrap();
        let right = sample.truth.clone();
        assert_eq!(
            (&right.ids[..2], &right.distances[..2]),
            (&[19, 18][..], &[1.0; 2][..])
        );
        let wrong = Knn {
            ids: [0, 1, 19].repeat(20)[..40].to_vec(),
            ..right.clone()
        };
        let recall = |found: &Knn| sample.recall_of(vectors, metric, found).unwrap().recall;
        assert_eq!(recall(&right), 1.0);
        assert!((0.1..0.5).contains(&recall(&wrong)), "{}", recall(&wrong));
        let all = sample.recall(vectors, metric, &wrong).unwrap();
        assert_eq!(all.recall, recall(&wrong));
    }

    #[test]
    fn samples_are_seeded_and_distinct() {
        let rows = draw(1000, 50, Seed(1));
        assert_eq!(rows, draw(1000, 50, Seed(1)));
        assert_ne!(rows, draw(1000, 50, Seed(2)));
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows.len() == 50);
        assert_eq!(draw(3, 50, Seed(1)), [0, 1, 2]);
    }
}
