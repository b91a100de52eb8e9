//! What an answer lost, measured on a seeded sample of rows against exact search.
//!
//! A neighbor counts as found if it is no farther than the true k-th: among equally distant rows it does not matter
//! which are listed. The confidence interval is Wilson's (1927) at 95 %, with the number of trials corrected for the
//! fact that neighbors of one row are found or lost together (the design effect of a cluster sample): rows are drawn,
//! not neighbors, so at worst there are as many trials as rows.

use serde::Serialize;
use stage::{Progress, Seed};
use vectors::{Knn, Metric, Points, Search};

use crate::Error;

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Rows drawn, and their true neighbors.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The rows, ascending.
    pub rows: Vec<u32>,
    /// Their true neighbors, a row each.
    pub truth: Knn,
}

/// Recall on a sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Recall {
    /// Rows that were searched again exactly.
    pub sample: usize,
    /// Share of the true neighbors that were found.
    pub recall: f64,
    /// The lower end of its 95 % confidence interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// By how much the distances listed exceed the true ones, as a share of the true ones.
    pub distance_error: f64,
    /// Share of sampled rows whose whole list is right.
    pub whole_rows: f64,
}

impl Sample {
    /// Draws `size` of the rows (all if there are no more) and searches them exactly.
    pub fn draw(
        points: Points<'_>,
        metric: Metric,
        k: usize,
        size: usize,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let rows = draw(points.n(), size, seed);
        progress.begin("search a sample exactly", Some(rows.len() as u64), "rows");
        let watch = |rows| {
            progress.advance(rows);
            true
        };
        let (truth, _) = vectors::knn_of(points, &rows, metric, k, &Search::default(), &watch)?;
        progress.end();
        Ok(Sample { rows, truth })
    }

    /// The recall of an answer for all rows, with the k of this sample.
    pub fn recall(&self, distances: &[f32]) -> Recall {
        let k = self.truth.k;
        let of_rows: Vec<f32> = self
            .rows
            .iter()
            .flat_map(|&i| &distances[i as usize * k..][..k])
            .copied()
            .collect();
        self.recall_of(&of_rows)
    }

    /// The recall of an answer for the rows of this sample alone.
    pub fn recall_of(&self, distances: &[f32]) -> Recall {
        let k = self.truth.k;
        let mut hits = Vec::with_capacity(self.rows.len());
        let (mut excess, mut total) = (0.0, 0.0);
        for (at, found) in distances.chunks_exact(k).enumerate() {
            let (_, truth) = self.truth.row(at);
            let farthest = truth[k - 1];
            hits.push(
                found
                    .iter()
                    .filter(|&&distance| distance <= farthest)
                    .count(),
            );
            for (&found, &truth) in found.iter().zip(truth) {
                excess += f64::from(found) - f64::from(truth);
                total += f64::from(truth).abs();
            }
        }
        let rows = self.rows.len();
        let whole = hits.iter().filter(|&&hits| hits == k).count();
        let (recall, low, high) = interval(&hits, k);
        Recall {
            sample: rows,
            recall,
            low,
            high,
            distance_error: if total > 0.0 { excess / total } else { 0.0 },
            whole_rows: whole as f64 / rows as f64,
        }
    }
}

/// `size` of `n` rows, ascending, or all of them.
fn draw(n: usize, size: usize, seed: Seed) -> Vec<u32> {
    seed.stream("knn/recall", 0)
        .sample(n, size)
        .into_iter()
        .map(|i| i as u32)
        .collect()
}

/// The mean share of hits and its Wilson interval.
fn interval(hits: &[usize], k: usize) -> (f64, f64, f64) {
    let rows = hits.len() as f64;
    let share = |&hits: &usize| hits as f64 / k as f64;
    let p = hits.iter().map(share).sum::<f64>() / rows;
    let variance = hits
        .iter()
        .map(|hits| (share(hits) - p).powi(2))
        .sum::<f64>()
        / (rows - 1.0).max(1.0);
    // As many independent trials as would leave this variance, between one a row and k a row.
    let trials = if variance > 0.0 {
        p * (1.0 - p) / (variance / rows)
    } else {
        rows
    };
    let trials = trials.clamp(rows, rows * k as f64);
    let center = (p + Z * Z / (2.0 * trials)) / (1.0 + Z * Z / trials);
    let half =
        Z / (1.0 + Z * Z / trials) * (p * (1.0 - p) / trials + (Z / (2.0 * trials)).powi(2)).sqrt();
    (
        p,
        (center - half).clamp(0.0, p),
        (center + half).clamp(p, 1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_as_tabulated() {
        // 8 of 10: the textbook interval is 0.490 to 0.943.
        let (p, low, high) = interval(&[1, 1, 1, 1, 1, 1, 1, 1, 0, 0], 1);
        assert_eq!(p, 0.8);
        assert!(
            (low - 0.4902).abs() < 1e-3 && (high - 0.9433).abs() < 1e-3,
            "{low} {high}"
        );
    }

    #[test]
    fn everything_found_is_not_proof() {
        let (p, low, high) = interval(&[5; 100], 5);
        assert_eq!((p, high), (1.0, 1.0));
        assert!((low - 0.963).abs() < 1e-3, "{low}");
    }

    #[test]
    fn neighbors_of_a_row_are_not_independent() {
        let together = interval(&[10, 10, 0, 10], 10);
        let apart = interval(&[8, 7, 7, 8], 10);
        assert_eq!(together.0, apart.0);
        assert!(together.2 - together.1 > apart.2 - apart.1);
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
