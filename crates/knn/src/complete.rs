//! From what an engine found to what the contract promises.
//!
//! Engines count themselves in, answer short, know other formulas for the same distance and break ties as they like.
//! Their ids are taken, nothing else: each is measured again by [`vectors::reduced_distance`], put in order, and rows that are
//! short are searched again exactly. Cost: n k exact distances.

use rayon::prelude::*;
use vectors::{Metric, Points};

use crate::{Error, Task};

/// No id: a place that the engine left empty.
pub const NONE: u32 = u32::MAX;

/// Rows that [`complete`] made whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Completed {
    /// k ids a row.
    pub ids: Vec<u32>,
    /// Their distances.
    pub distances: Vec<f32>,
    /// How many rows had fewer than k, and were searched exactly.
    pub filled: usize,
}

/// Makes `k` neighbors a row out of `width` candidates a row, in any order, with [`NONE`], repetitions and the row itself
/// among them as may be.
///
/// # Errors
///
/// [`Error::UnknownId`] for an id that is no row; what [`vectors::knn_of`] says.
pub fn complete(
    backend: &'static str,
    task: &Task<'_>,
    candidates: &[u32],
    width: usize,
) -> Result<Completed, Error> {
    let (points, k, n) = (task.points, task.k, task.points.n());
    if let Some(at) = candidates
        .iter()
        .position(|&id| id != NONE && id as usize >= n)
    {
        return Err(Error::UnknownId {
            backend,
            row: at / width,
            id: candidates[at],
            n,
        });
    }
    let mut ids = vec![NONE; n * k];
    let mut distances = vec![f32::INFINITY; n * k];
    task.progress
        .begin("measure what was found", Some(n as u64), "rows");
    let goes_on = task.progress.watch();
    ids.par_chunks_exact_mut(k)
        .zip(distances.par_chunks_exact_mut(k))
        .zip(candidates.par_chunks_exact(width))
        .enumerate()
        .try_for_each(|(i, ((ids, distances), found))| {
            nearest(points, task.metric, i as u32, found, ids, distances);
            goes_on(1).then_some(())
        })
        .ok_or(vectors::Error::Cancelled)?;
    task.progress.end();
    let filled = fill(task, &mut ids, &mut distances)?;
    Ok(Completed {
        ids,
        distances,
        filled,
    })
}

/// Searches the rows whose last place is [`NONE`] exactly, whatever margin is asked for, and says how many there were.
///
/// # Errors
///
/// What [`vectors::knn_of`] says.
pub fn fill(task: &Task<'_>, ids: &mut [u32], distances: &mut [f32]) -> Result<usize, Error> {
    let (n, k) = (task.points.n(), task.k);
    let short: Vec<u32> = (0..n as u32)
        .filter(|&i| ids[(i as usize + 1) * k - 1] == NONE)
        .collect();
    if short.is_empty() {
        return Ok(0);
    }
    task.progress.begin(
        "search the short rows exactly",
        Some(short.len() as u64),
        "rows",
    );
    let (exact, _) = vectors::knn_of(
        task.points,
        &short,
        task.metric,
        k,
        &vectors::Search::default(),
        &task.progress.watch(),
    )?;
    task.progress.end();
    for (at, &i) in short.iter().enumerate() {
        let (from, to) = exact.row(at);
        ids[i as usize * k..][..k].copy_from_slice(from);
        distances[i as usize * k..][..k].copy_from_slice(to);
    }
    Ok(short.len())
}

/// Writes the nearest of `found` into the two lists.
fn nearest(
    points: Points<'_>,
    metric: Metric,
    i: u32,
    found: &[u32],
    ids: &mut [u32],
    distances: &mut [f32],
) {
    let mut found: Vec<u32> = found
        .iter()
        .copied()
        .filter(|&j| j != NONE && j != i)
        .collect();
    found.sort_unstable();
    found.dedup();
    let row = points.row(i as usize);
    let reduced = |j: u32| vectors::reduced_distance(row, points.row(j as usize), metric);
    let mut measured: Vec<(f64, u32)> = found.into_iter().map(|j| (reduced(j), j)).collect();
    measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for ((id, distance), (reduced, found)) in ids.iter_mut().zip(distances).zip(measured) {
        (*id, *distance) = (found, metric.distance(reduced));
    }
}
