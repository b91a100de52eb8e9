//! Searching all rows in batches, two requests at a time.
//!
//! Only the ids of an answer are used. Their distances are computed from our own vectors, which are read from the file row by
//! row; those of the server are only compared with ours, to notice a collection that holds other vectors.

use std::collections::VecDeque;

use exact_knn::{Knn, Metric};
use milvus_client::{Client, Hits, Pending, Search};
use rayon::prelude::*;

use super::collection::Target;
use super::index::Index;
use super::{Error, IN_FLIGHT, REQUEST};
use crate::backend::Task;

/// Vectors per request.
pub(super) const BATCH: usize = 1000;

/// Bytes of the array that Milvus Lite 3 may allocate for a request.
const ARRAY: usize = 512 << 20;

/// The neighbors of all rows; rows with too few have empty places.
pub(super) struct Scan {
    pub(super) knn: Knn,
    /// Number of rows that were among their own answers.
    pub(super) selves: u64,
    /// The largest difference between a distance of the server and ours.
    pub(super) difference: f64,
}

/// A batch that was sent.
struct Sent {
    first: usize,
    values: Vec<f32>,
    pending: Pending<Hits>,
}

/// The number of vectors per request. Milvus Lite 3 compares all of them with all rows in one array of `nq n d` values.
fn batch_size(target: &Target<'_>, version: &str) -> usize {
    let (n, d) = (target.rows, target.dimensions);
    let all = if version.contains("milvus_lite-3") {
        ARRAY / (4 * n * d)
    } else {
        REQUEST / (4 * d)
    };
    all.clamp(1, BATCH)
}

pub(super) fn search_all(
    client: &Client,
    target: &Target<'_>,
    index: &Index,
    version: &str,
    task: &Task<'_>,
) -> Result<Scan, crate::Error> {
    let (n, d, k) = (target.rows, target.dimensions, task.k);
    // The first answer may be the row itself.
    let limit = (k + 1).min(n);
    let batch = batch_size(target, version);
    let mut scan = Scan {
        knn: Knn {
            k,
            ids: vec![Knn::NO_NEIGHBOR; n * k],
            distances: vec![f32::INFINITY; n * k],
        },
        selves: 0,
        difference: 0.0,
    };
    task.progress
        .begin("searching the collection", Some(n as u64), "rows");
    let mut under_way: VecDeque<Sent> = VecDeque::new();
    for first in (0..n).step_by(batch) {
        if under_way.len() == IN_FLIGHT
            && let Some(oldest) = under_way.pop_front()
        {
            scan.take(oldest, client, target, index, task)?;
        }
        let mut values = vec![0.0; batch.min(n - first) * d];
        task.vectors.read(first, &mut values)?;
        let pending = client.start_search(Search {
            collection: target.name.clone(),
            queries: values.clone(),
            dimensions: d,
            limit,
            metric: index.metric,
            parameters: index.search.clone(),
            columns: Vec::new(),
        });
        under_way.push_back(Sent {
            first,
            values,
            pending,
        });
    }
    for sent in under_way {
        scan.take(sent, client, target, index, task)?;
    }
    task.progress.end();
    Ok(scan)
}

impl Scan {
    /// Waits for the answers to a batch, and ranks them by our own distances.
    fn take(
        &mut self,
        sent: Sent,
        client: &Client,
        target: &Target<'_>,
        index: &Index,
        task: &Task<'_>,
    ) -> Result<(), crate::Error> {
        let (d, k) = (target.dimensions, task.k);
        let hits = sent.pending.wait().map_err(Error::from)?;
        let lists: Vec<(&[i64], &[f32])> = hits.iter().collect();
        let range = sent.first * k..(sent.first + lists.len()) * k;
        let ranked: Vec<Result<(bool, f64), crate::Error>> = self.knn.ids[range.clone()]
            .par_chunks_exact_mut(k)
            .zip(self.knn.distances[range].par_chunks_exact_mut(k))
            .zip(lists.par_iter().zip(sent.values.par_chunks_exact(d)))
            .enumerate()
            .map_init(Vec::new, |buffer, (at, ((ids, distances), (list, row)))| {
                let query = Query {
                    number: sent.first + at,
                    row,
                    client,
                    target,
                    index,
                    task,
                };
                query.rank(*list, ids, distances, buffer)
            })
            .collect();
        for ranked in ranked {
            let (is_found, difference) = ranked?;
            self.selves += u64::from(is_found);
            self.difference = self.difference.max(difference);
        }
        task.progress.advance(lists.len() as u64);
        Ok(())
    }
}

/// A row that was searched.
struct Query<'a> {
    number: usize,
    row: &'a [f32],
    client: &'a Client,
    target: &'a Target<'a>,
    index: &'a Index,
    task: &'a Task<'a>,
}

impl Query<'_> {
    /// Writes the nearest of the answers to the two lists. Returns whether the row itself was among them, and the largest
    /// difference of distances.
    fn rank(
        &self,
        (answers, scores): (&[i64], &[f32]),
        ids: &mut [u32],
        distances: &mut [f32],
        buffer: &mut Vec<f32>,
    ) -> Result<(bool, f64), crate::Error> {
        let (vectors, metric) = (self.task.vectors, self.task.metric);
        let mut found = Vec::with_capacity(answers.len());
        let (mut is_found, mut largest) = (false, 0.0f64);
        for (&answer, &score) in answers.iter().zip(scores) {
            let neighbor = u32::try_from(answer)
                .ok()
                .and_then(|id| vectors.row_of_id(id))
                .ok_or(crate::Error::UnknownId {
                    backend: "milvus",
                    row: vectors.id(self.number) as usize,
                    id: answer,
                    n: vectors.n(),
                })?;
            if neighbor == self.number {
                is_found = true;
                continue;
            }
            let other = vectors.row(neighbor, buffer)?;
            let reduced = exact_knn::reduced_distance(self.row, other, metric);
            let difference = self.difference(neighbor, other, score, reduced)?;
            largest = largest.max(difference);
            found.push((reduced, neighbor as u32));
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // A collection in which an id is there twice gives it twice.
        found.dedup_by_key(|(_, id)| *id);
        for ((id, distance), (reduced, neighbor)) in ids.iter_mut().zip(distances).zip(found) {
            (*id, *distance) = (neighbor, metric.distance(reduced));
        }
        Ok((is_found, largest))
    }

    /// The difference between the distance of the server and ours.
    ///
    /// # Errors
    ///
    /// [`Error::Distance`] if rounding does not explain it.
    fn difference(
        &self,
        neighbor: usize,
        other: &[f32],
        score: f32,
        reduced: f64,
    ) -> Result<f64, Error> {
        let metric = self.task.metric;
        let score = f64::from(score);
        // On the scale of the server: squared distances, and similarities.
        let (expected, found) = match metric {
            Metric::L2 => (2.0 * reduced, (score.max(0.0)).sqrt()),
            Metric::Cosine => (1.0 - reduced, 1.0 - score),
            Metric::InnerProduct => (-reduced, 1.0 - score),
        };
        let length = |row: &[f32]| {
            let squares = row.iter().map(|&x| f64::from(x) * f64::from(x));
            squares.sum::<f64>().sqrt()
        };
        let distance = metric.distance(reduced);
        let is_wrong = |tolerance: f64| (score - expected).abs().total_cmp(&tolerance).is_gt();
        if let Some(tolerance) = self
            .index
            .tolerance(metric, (length(self.row), length(other)))
            && is_wrong(tolerance)
        {
            return Err(Error::Distance {
                address: self.client.address().to_owned(),
                name: self.target.name.clone(),
                row: self.task.vectors.id(self.number),
                neighbor: self.task.vectors.id(neighbor),
                found: found as f32,
                expected: distance,
            });
        }
        Ok((found - f64::from(distance)).abs())
    }
}
