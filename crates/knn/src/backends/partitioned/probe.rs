//! Exact search inside cells: first each cell among its own members, then by rows that come from elsewhere.
//!
//! A row deep inside a topic has all its neighbors in its own cells; one between topics has them everywhere. A row is
//! settled when one cell alone gave its whole list, or when further cells did not change it. The others look into more
//! cells. Those are few, and they cost what all pairs would cost them at most.

use rayon::prelude::*;
use vectors::Knn;

use super::Task;
use super::cells::{Cells, nearest_centers};
use super::graph::Graph;
use crate::Error;

/// What a round did.
pub(super) struct Round {
    /// Rows to look further, ascending.
    pub(super) unsettled: Vec<u32>,
    /// Pairs compared.
    pub(super) compared: u64,
}

/// Searches every cell among its members.
pub(super) fn within(task: &Task<'_>, cells: &Cells, graph: &mut Graph) -> Result<Round, Error> {
    let visits: Vec<_> = cells
        .members
        .iter()
        .map(|members| (members.as_slice(), members.as_slice()))
        .collect();
    task.progress
        .begin("search inside cells", Some(total(&visits)), "rows");
    let mut mixed = vec![false; task.points.n()];
    let compared = visit(task, &visits, graph, |row, old, new| {
        mixed[row as usize] |= old && new;
    })?;
    task.progress.end();
    let unsettled = (0..task.points.n() as u32)
        .filter(|&row| mixed[row as usize])
        .collect();
    Ok(Round {
        unsettled,
        compared,
    })
}

/// Searches, for each of `rows` (ascending), the cells that come in places `from..to` of its nearest.
pub(super) fn probe(
    task: &Task<'_>,
    cells: &Cells,
    graph: &mut Graph,
    rows: &[u32],
    from: usize,
    to: usize,
) -> Result<Round, Error> {
    let nearest = nearest_centers(task.points, cells.metric, rows, &cells.centers, to)?;
    let mut visitors = vec![Vec::new(); cells.members.len()];
    for (&row, nearest) in rows.iter().zip(nearest.chunks_exact(to)) {
        for &cell in &nearest[from..] {
            if cells.members[cell as usize].binary_search(&row).is_err() {
                visitors[cell as usize].push(row);
            }
        }
    }
    let visits: Vec<_> = cells
        .members
        .iter()
        .zip(&visitors)
        .filter(|(_, visitors)| !visitors.is_empty())
        .map(|(members, visitors)| (members.as_slice(), visitors.as_slice()))
        .collect();
    task.progress
        .begin("search further cells", Some(total(&visits)), "rows");
    let mut changed = vec![false; task.points.n()];
    let compared = visit(task, &visits, graph, |row, _, new| {
        changed[row as usize] |= new;
    })?;
    task.progress.end();
    let unsettled = rows
        .iter()
        .copied()
        .filter(|&row| changed[row as usize])
        .collect();
    Ok(Round {
        unsettled,
        compared,
    })
}

/// Members of a cell, and the rows that search it.
type Visit<'a> = (&'a [u32], &'a [u32]);

fn total(visits: &[Visit<'_>]) -> u64 {
    visits
        .iter()
        .map(|(_, visitors)| visitors.len() as u64)
        .sum()
}

/// Makes the visits, a few at a time, and takes what they find into the graph; says how many pairs were compared. `seen`
/// is told of each row whether its new list holds some of its old one, and some that came from this cell alone.
fn visit(
    task: &Task<'_>,
    visits: &[Visit<'_>],
    graph: &mut Graph,
    mut seen: impl FnMut(u32, bool, bool),
) -> Result<u64, Error> {
    let search = task.search();
    let watch = |rows| {
        task.progress.advance(rows);
        true
    };
    let mut compared = 0;
    for few in visits.chunks(rayon::current_num_threads()) {
        let found: Vec<Knn> = few
            .par_iter()
            .map(|(members, visitors)| {
                let k = task.k.min(members.len() - 1);
                let index = vectors::Index::of_members(task.points, members, task.metric, &search)?;
                let (knn, _) = if members == visitors {
                    index.knn(k, &watch)?
                } else {
                    index.knn_of(visitors, k, &watch)?
                };
                Ok(knn)
            })
            .collect::<Result<_, Error>>()?;
        for ((members, visitors), found) in few.iter().zip(&found) {
            compared += (members.len() * visitors.len()) as u64;
            graph.merge(visitors, found, &mut seen);
        }
    }
    Ok(compared)
}
