//! Neighbors of neighbors: who is near to my near ones is likely near to me.
//!
//! Each row measures the neighbors of its neighbors and of the rows that list it, and keeps the k best. All rows read the
//! graph as it was before, so the result does not depend on the order of work. Cost: up to 2 k^2 exact distances a row.

use rayon::prelude::*;

use super::Task;
use super::graph::{Graph, merge};
use super::probe::Round;

/// One round for `rows`, ascending.
pub(super) fn refine(task: &Task<'_>, graph: &mut Graph, rows: &[u32]) -> Round {
    task.progress.begin(
        "measure neighbors of neighbors",
        Some(rows.len() as u64),
        "rows",
    );
    let listed = listed_by(graph, task.points.n(), rows);
    let before: &Graph = graph;
    let lists: Vec<(u64, Vec<u32>, Vec<f32>)> = rows
        .par_iter()
        .zip(&listed)
        .map_init(Vec::new, |found, (&i, listed)| {
            candidates(before, listed, i, found);
            let mut measured: Vec<(f32, u32)> = found
                .iter()
                .map(|&j| {
                    (
                        vectors::distance(
                            task.points.row(i as usize),
                            task.points.row(j as usize),
                            task.metric,
                        ),
                        j,
                    )
                })
                .collect();
            measured.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            measured.truncate(before.k);
            let (distances, ids): (Vec<f32>, Vec<u32>) = measured.into_iter().unzip();
            task.progress.advance(1);
            let (mut merged, mut at) = (Vec::new(), Vec::new());
            merge(
                before.lists(i),
                (&ids, &distances),
                before.k,
                &mut merged,
                &mut at,
            );
            (found.len() as u64, merged, at)
        })
        .collect();
    let mut round = Round {
        unsettled: Vec::new(),
        compared: 0,
    };
    for (&i, (compared, ids, distances)) in rows.iter().zip(&lists) {
        round.compared += compared;
        if graph.replace(i, ids, distances) {
            round.unsettled.push(i);
        }
    }
    task.progress.end();
    round
}

/// For each of `rows` (ascending) up to k rows that list it, those with the smallest ids.
fn listed_by(graph: &Graph, n: usize, rows: &[u32]) -> Vec<Vec<u32>> {
    let mut listed = vec![Vec::new(); rows.len()];
    for i in 0..n as u32 {
        for j in graph.row(i) {
            if let Ok(at) = rows.binary_search(j)
                && listed[at].len() < graph.k
            {
                listed[at].push(i);
            }
        }
    }
    listed
}

/// Rows two steps away from `i` that it does not list, ascending, each once.
fn candidates(graph: &Graph, listed: &[u32], i: u32, found: &mut Vec<u32>) {
    found.clear();
    for &j in graph.row(i).iter().chain(listed) {
        found.push(j);
        found.extend(graph.row(j));
    }
    found.sort_unstable();
    found.dedup();
    let mut known = graph.row(i).to_vec();
    known.sort_unstable();
    found.retain(|id| *id != i && known.binary_search(id).is_err());
}
