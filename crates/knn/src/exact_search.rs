//! The true neighbors of some rows: of a sample, to measure recall, and of rows for which an engine found too few.
//!
//! Where the vectors are in a file, they are scanned once, batch by batch; the best of each batch are merged. Memory: the
//! queries and one batch. Cost: q n distances in 8 bits, whatever the memory.

use exact_knn::{Index, Knn, Metric, Points};
use rayon::prelude::*;
use stage::Progress;

use crate::vectors::Vectors;
use crate::{Error, vectors};

/// Queries per scan of a file.
const QUERIES: usize = 4096;

/// The `k` nearest rows of each of `rows`, in their order.
///
/// # Errors
///
/// Those of [`Index::knn_of`], and of reading the file.
pub fn neighbors_of(
    vectors: Vectors<'_>,
    metric: Metric,
    rows: &[u32],
    k: usize,
    progress: &dyn Progress,
) -> Result<Knn, Error> {
    match vectors {
        Vectors::Matrix(points) => {
            let index = Index::new(points, metric)?;
            let (knn, _) = index.knn_of(rows, k, &|rows| progress.advance(rows))?;
            Ok(knn)
        }
        Vectors::File { .. } => {
            let mut knn = Knn {
                k,
                ids: Vec::with_capacity(rows.len() * k),
                distances: Vec::with_capacity(rows.len() * k),
            };
            for rows in rows.chunks(QUERIES) {
                for list in scan(vectors, metric, rows, k)? {
                    knn.ids.extend(list.iter().map(|&(_, id)| id));
                    let distances = list.iter().map(|&(reduced, _)| metric.distance(reduced));
                    knn.distances.extend(distances);
                }
                progress.advance(rows.len() as u64);
            }
            Ok(knn)
        }
    }
}

/// Reduced distances and rows, nearest first, ties by the smaller row.
type List = Vec<(f64, u32)>;

/// The `k` nearest of all rows to each of `rows`, by one scan.
fn scan(vectors: Vectors<'_>, metric: Metric, rows: &[u32], k: usize) -> Result<Vec<List>, Error> {
    let d = vectors.d();
    let queries: Vec<u32> = (0..rows.len() as u32).collect();
    // The queries come first, and each batch after them.
    let mut values = vec![0.0; rows.len() * d];
    for (query, &row) in values.chunks_exact_mut(d).zip(rows) {
        vectors.read(row as usize, query)?;
    }
    values.reserve_exact(vectors::batch_rows(d).min(vectors.n()) * d);
    let mut lists: Vec<List> = vec![Vec::with_capacity(2 * k + 1); rows.len()];
    vectors.for_each_batch(|first, batch| {
        values.truncate(rows.len() * d);
        values.extend_from_slice(batch);
        let points = Points::new(&values, d)?;
        let (from, to) = (rows.len(), points.n());
        let members: Vec<u32> = (from as u32..to as u32).collect();
        // A query that is in the batch finds itself there.
        let width = k + 1;
        let found = if members.len() > width {
            let index = Index::of_members(points, &members, metric)?;
            let (found, _) = index.knn_of(&queries, width, &|_| ())?;
            Some(found)
        } else {
            None
        };
        lists.par_iter_mut().enumerate().for_each(|(query, list)| {
            let nearest = found
                .as_ref()
                .map_or(&members[..], |found| found.row(query).0);
            for &member in nearest {
                let row = (member as usize - from + first) as u32;
                if row != rows[query] {
                    let reduced = exact_knn::reduced_distance(
                        points.row(query),
                        points.row(member as usize),
                        metric,
                    );
                    list.push((reduced, row));
                }
            }
            list.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            list.truncate(k);
        });
        Ok(())
    })?;
    Ok(lists)
}
