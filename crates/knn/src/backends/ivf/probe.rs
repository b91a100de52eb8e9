//! Rounds of probes: rows probe their own list first, then those with the smallest expected distance.

use exact_knn::{Candidates, InvertedLists, ProbeStats};

use super::partition::Partitioning;
use crate::Error;
use crate::backend::Task;

/// The largest number of probes that are ranked at a time.
pub(super) const BATCH: usize = 1 << 23;

/// Every row probes its own list.
pub(super) fn own_lists(
    task: &Task<'_>,
    lists: &InvertedLists<'_>,
    candidates: &mut Candidates,
) -> Result<ProbeStats, Error> {
    let n = task.points().n() as u64;
    task.progress.begin("searching own lists", Some(n), "rows");
    let stats = lists.probe(lists.lists(), candidates, &|rows| {
        task.progress.advance(rows);
    })?;
    task.progress.end();
    Ok(stats)
}

/// Each of `rows` probes the lists that rank `from..to` by expected distance. Centers count as compared.
pub(super) fn further_lists(
    task: &Task<'_>,
    partitioning: &Partitioning,
    lists: &InvertedLists<'_>,
    rows: &[u32],
    [from, to]: [usize; 2],
    candidates: &mut Candidates,
) -> Result<ProbeStats, Error> {
    let to = to.min(lists.lists().len());
    let mut total = ProbeStats {
        changed: Vec::new(),
        compared: 0,
    };
    let probes = (rows.len() * (to - from)) as u64;
    task.progress
        .begin("probing further lists", Some(probes), "probes");
    for batch in rows.chunks((BATCH / to).max(1)) {
        let (queries, centers) = partitioning.queries_by_list(lists, batch, [from, to])?;
        let stats = lists.probe(&queries, candidates, &|probes| {
            task.progress.advance(probes);
        })?;
        total.changed.extend(stats.changed);
        total.compared += stats.compared + centers;
    }
    task.progress.end();
    // A row is changed by its own probes and by those of other rows.
    total.changed.sort_unstable();
    total.changed.dedup();
    Ok(total)
}
