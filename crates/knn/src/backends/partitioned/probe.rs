//! Rounds of looks: rows search their own cell first, then those that promise most.

use vectors::{Candidates, Cells, Looked};

use super::Task;
use super::cells::Partition;
use crate::Error;

/// Looks that are planned at a time.
pub(super) const PLANNED: usize = 1 << 23;

/// Every row looks into its own cell.
pub(super) fn own(
    task: &Task<'_>,
    cells: &Cells<'_>,
    candidates: &mut Candidates,
) -> Result<Looked, Error> {
    let n = task.points.n() as u64;
    task.progress.begin("search inside cells", Some(n), "rows");
    let looked = cells.look(cells.members(), candidates, &task.progress.watch())?;
    task.progress.end();
    Ok(looked)
}

/// Each of `rows` looks into the cells in places `from..to` of those that promise it most. Centers count as compared.
pub(super) fn further(
    task: &Task<'_>,
    partition: &Partition,
    cells: &Cells<'_>,
    rows: &[u32],
    [from, to]: [usize; 2],
    candidates: &mut Candidates,
) -> Result<Looked, Error> {
    let to = to.min(cells.members().len());
    let mut all = Looked {
        changed: Vec::new(),
        compared: 0,
    };
    let looks = (rows.len() * (to - from)) as u64;
    task.progress
        .begin("search further cells", Some(looks), "looks");
    for some in rows.chunks((PLANNED / to).max(1)) {
        let (visitors, centers) = partition.visitors(cells, some, [from, to])?;
        let looked = cells.look(&visitors, candidates, &task.progress.watch())?;
        all.changed.extend(looked.changed);
        all.compared += looked.compared + centers;
    }
    task.progress.end();
    // A row is changed by its own looks and by those of others.
    all.changed.sort_unstable();
    all.changed.dedup();
    Ok(all)
}
