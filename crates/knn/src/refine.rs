//! From the candidates of an engine to the contract of a backend.
//!
//! Engines list a row among its own neighbors, return too few ids, compute distances by other formulas and break ties in
//! their own ways. Only their ids are used: each is re-ranked by [`exact_knn::reduced_distance`], and rows with too few are
//! searched again exactly. Cost: n k distances.

use exact_knn::{Knn, Metric, Points};
use rayon::prelude::*;

use crate::Error;
use crate::backend::Task;
use crate::exact_search::neighbors_of;

/// Selects `k` neighbors per row out of `width` candidates per row, which may be in any order and include
/// [`Knn::NO_NEIGHBOR`], repetitions and the row itself. Returns the neighbors and the number of rows that had fewer than k
/// and were searched exactly.
///
/// # Errors
///
/// [`Error::UnknownId`] for an id that is no row; those of [`neighbors_of`].
pub fn refine(
    backend: &'static str,
    task: &Task<'_>,
    candidates: &[u32],
    width: usize,
) -> Result<(Knn, usize), Error> {
    let (points, k, n) = (task.points(), task.k, task.points().n());
    if let Some(at) = candidates
        .iter()
        .position(|&id| id != Knn::NO_NEIGHBOR && id as usize >= n)
    {
        return Err(Error::UnknownId {
            backend,
            row: at / width,
            id: candidates[at].into(),
            n,
        });
    }
    let mut knn = Knn {
        k,
        ids: vec![Knn::NO_NEIGHBOR; n * k],
        distances: vec![f32::INFINITY; n * k],
    };
    task.progress
        .begin("re-ranking candidates", Some(n as u64), "rows");
    knn.ids
        .par_chunks_exact_mut(k)
        .zip(knn.distances.par_chunks_exact_mut(k))
        .zip(candidates.par_chunks_exact(width))
        .enumerate()
        .for_each(|(i, ((ids, distances), candidates))| {
            nearest(points, task.metric, i as u32, candidates, ids, distances);
            task.progress.advance(1);
        });
    task.progress.end();
    let filled = fill_short_rows(task, &mut knn)?;
    Ok((knn, filled))
}

/// Searches the rows whose last neighbor is [`Knn::NO_NEIGHBOR`] exactly, and returns their number.
///
/// # Errors
///
/// Those of [`neighbors_of`].
pub fn fill_short_rows(task: &Task<'_>, knn: &mut Knn) -> Result<usize, Error> {
    let (n, k) = (task.vectors.n(), task.k);
    let short: Vec<u32> = (0..n as u32)
        .filter(|&i| knn.ids[(i as usize + 1) * k - 1] == Knn::NO_NEIGHBOR)
        .collect();
    if short.is_empty() {
        return Ok(0);
    }
    task.progress.begin(
        "searching incomplete rows exactly",
        Some(short.len() as u64),
        "rows",
    );
    let exact = neighbors_of(task.vectors, task.metric, &short, k, task.progress)?;
    task.progress.end();
    for (at, &i) in short.iter().enumerate() {
        let (ids, distances) = exact.row(at);
        knn.ids[i as usize * k..][..k].copy_from_slice(ids);
        knn.distances[i as usize * k..][..k].copy_from_slice(distances);
    }
    Ok(short.len())
}

/// Writes the nearest of `candidates` to the two lists.
fn nearest(
    points: Points<'_>,
    metric: Metric,
    i: u32,
    candidates: &[u32],
    ids: &mut [u32],
    distances: &mut [f32],
) {
    let mut distinct: Vec<u32> = candidates
        .iter()
        .copied()
        .filter(|&j| j != Knn::NO_NEIGHBOR && j != i)
        .collect();
    distinct.sort_unstable();
    distinct.dedup();
    let row = points.row(i as usize);
    let reduced = |j: u32| exact_knn::reduced_distance(row, points.row(j as usize), metric);
    let mut sorted: Vec<(f64, u32)> = distinct.into_iter().map(|j| (reduced(j), j)).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for ((id, distance), (reduced, found)) in ids.iter_mut().zip(distances).zip(sorted) {
        (*id, *distance) = (found, metric.distance(reduced));
    }
}
