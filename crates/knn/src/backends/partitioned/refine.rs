//! One round over neighbors of neighbors: who is near to my near ones is likely near to me.
//!
//! Each row measures the neighbors of its nearest rows, and of the rows that list it, and keeps the k best. All rows
//! read the graph as it was before the round, so the result does not depend on the order of work. Cost: up to 2 b^2
//! exact distances a row, for a breadth of b.

use rayon::prelude::*;

use super::Task;
use super::graph::{Graph, merge};

/// Nearest rows whose nearest rows are looked at.
const BREADTH: usize = 14;

/// The graph after a round, and how many places in lists changed.
pub(super) fn refine(task: &Task<'_>, graph: &Graph) -> (Graph, u64) {
    let (k, n) = (graph.k, task.points.n());
    let breadth = BREADTH.min(k);
    let listed = listed_by(graph, n, breadth);
    let mut next = Graph::new(n, k);
    let changed = next
        .ids
        .par_chunks_exact_mut(k)
        .zip(next.distances.par_chunks_exact_mut(k))
        .enumerate()
        .map_init(Scratch::default, |scratch, (i, (ids, distances))| {
            let i = i as u32;
            scratch.candidates(graph, &listed, i, breadth);
            scratch.measure(task, i);
            let row = i as usize * k..(i as usize + 1) * k;
            let old = (&graph.ids[row.clone()], &graph.distances[row]);
            merge(
                old,
                (&scratch.found, &scratch.measured),
                k,
                &mut scratch.ids,
                &mut scratch.distances,
            );
            ids.copy_from_slice(&scratch.ids);
            distances.copy_from_slice(&scratch.distances);
            task.progress.advance(1);
            scratch.taken()
        })
        .sum();
    (next, changed)
}

/// For each row, up to `breadth` rows that have it among their first `breadth`; the ones with the smallest ids.
fn listed_by(graph: &Graph, n: usize, breadth: usize) -> Vec<Vec<u32>> {
    let mut listed = vec![Vec::new(); n];
    for i in 0..n as u32 {
        for &j in graph.row(i).iter().take(breadth) {
            let listed = &mut listed[j as usize];
            if listed.len() < breadth {
                listed.push(i);
            }
        }
    }
    listed
}

/// What one thread works with; nothing in it outlives a row.
#[derive(Default)]
struct Scratch {
    found: Vec<u32>,
    measured: Vec<f32>,
    pairs: Vec<(f32, u32)>,
    ids: Vec<u32>,
    distances: Vec<f32>,
}

impl Scratch {
    /// Rows two steps away from `i` that it does not list, ascending, each once.
    fn candidates(&mut self, graph: &Graph, listed: &[Vec<u32>], i: u32, breadth: usize) {
        self.found.clear();
        let near = graph.row(i).iter().take(breadth).chain(&listed[i as usize]);
        for &j in near {
            self.found.push(j);
            self.found.extend(graph.row(j).iter().take(breadth));
            self.found.extend(&listed[j as usize]);
        }
        self.found.sort_unstable();
        self.found.dedup();
        self.ids.clear();
        self.ids.extend(graph.row(i));
        self.ids.sort_unstable();
        let known = &self.ids;
        self.found
            .retain(|id| *id != i && known.binary_search(id).is_err());
    }

    /// How many of the candidates, which stand nearest first, are not beyond the last of the merged list.
    fn taken(&self) -> u64 {
        let Some((&distance, &id)) = self.distances.last().zip(self.ids.last()) else {
            return 0;
        };
        let kept = |&(found, at): &(f32, u32)| found.total_cmp(&distance).then(at.cmp(&id)).is_le();
        self.pairs.partition_point(kept) as u64
    }

    /// Distances of the candidates, nearest first.
    fn measure(&mut self, task: &Task<'_>, i: u32) {
        let row = task.points.row(i as usize);
        self.pairs.clear();
        self.pairs.extend(self.found.iter().map(|&j| {
            (
                vectors::distance(row, task.points.row(j as usize), task.metric),
                j,
            )
        }));
        self.pairs
            .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.found.clear();
        self.measured.clear();
        self.found.extend(self.pairs.iter().map(|pair| pair.1));
        self.measured.extend(self.pairs.iter().map(|pair| pair.0));
    }
}
