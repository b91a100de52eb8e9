//! The fuzzy graph: the union of directed neighborhoods with memberships, as an undirected graph in compressed rows.
//!
//! An edge that one end lists with membership a and the other with b has the weight `a + b - a b`: the probability that at
//! least one of two independent events occurs (UMAP, arXiv 1802.03426, section 3.2; umap-learn `fuzzy_simplicial_set`).
//! Takes O(n k log k) time, and memory for the edges in both directions and for the transpose.

use knn_graph::KnnView;
use rayon::prelude::*;

use crate::smooth::memberships;

/// An undirected weighted graph: every edge is in the rows of both its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct FuzzyGraph {
    /// Row i is `starts[i]..starts[i + 1]` of the two arrays below; length n + 1.
    pub(crate) starts: Vec<usize>,
    /// The other end of each edge; ascending within a row.
    pub(crate) neighbors: Vec<u32>,
    /// The weight of each edge, in (0, 1].
    pub(crate) weights: Vec<f32>,
}

impl FuzzyGraph {
    /// The fuzzy graph of a neighbor graph: its distances become memberships between 0 and 1, the nearest neighbor that is
    /// not a copy having 1. Distances may be negative, as only their differences matter. Takes O(n k log k).
    pub fn new(graph: &KnnView<'_>) -> Self {
        Self::union(graph, &memberships(graph))
    }

    /// The number of undirected edges.
    pub fn edges(&self) -> usize {
        self.neighbors.len() / 2
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no point at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The neighbors of point i and the weights of the edges to them.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let row = self.starts[i]..self.starts[i + 1];
        (&self.neighbors[row.clone()], &self.weights[row])
    }

    /// The sum of the weights at each point.
    pub fn degrees(&self) -> Vec<f64> {
        (0..self.len())
            .into_par_iter()
            .map(|i| self.row(i).1.iter().map(|&w| f64::from(w)).sum())
            .collect()
    }

    /// The union of the neighborhoods of all points, with the membership of each neighbor: shape (n, k), row-major.
    ///
    /// Edges whose memberships are 0 in both directions are left out.
    pub(crate) fn union(graph: &KnnView<'_>, memberships: &[f32]) -> Self {
        let (n, k) = (graph.n(), graph.k());
        let (listed_starts, listed) = listed_by(graph);
        let merged = |i: usize, emit: &mut dyn FnMut(u32, f32)| {
            let row = &memberships[i * k..(i + 1) * k];
            let mut own: Vec<(u32, f32)> = graph
                .row(i)
                .0
                .iter()
                .copied()
                .zip(row.iter().copied())
                .collect();
            own.sort_unstable_by_key(|&(id, _)| id);
            let from = listed[listed_starts[i]..listed_starts[i + 1]]
                .iter()
                .map(|&at| (at / k as u64, at as usize));
            let mut from = from.map(|(id, at)| (id as u32, memberships[at])).peekable();
            let mut own = own.into_iter().peekable();
            loop {
                let (id, weight) = match (own.peek().copied(), from.peek().copied()) {
                    (Some((j, a)), Some((l, b))) if j == l => {
                        own.next();
                        from.next();
                        (j, a + b - a * b)
                    }
                    (Some((j, a)), Some((l, _))) if j < l => {
                        own.next();
                        (j, a)
                    }
                    (_, Some(there)) => {
                        from.next();
                        there
                    }
                    (Some(here), None) => {
                        own.next();
                        here
                    }
                    (None, None) => break,
                };
                if weight > 0.0 {
                    emit(id, weight);
                }
            }
        };
        // Blocks of rows, concatenated in row order.
        let blocks: Vec<(Vec<usize>, Vec<u32>, Vec<f32>)> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let (mut lengths, mut neighbors, mut weights) =
                    (Vec::new(), Vec::new(), Vec::new());
                for i in block * BLOCK..((block + 1) * BLOCK).min(n) {
                    let before = neighbors.len();
                    merged(i, &mut |id, weight| {
                        neighbors.push(id);
                        weights.push(weight);
                    });
                    lengths.push(neighbors.len() - before);
                }
                (lengths, neighbors, weights)
            })
            .collect();
        let edges = blocks.iter().map(|block| block.1.len()).sum();
        let mut graph = Self {
            starts: Vec::with_capacity(n + 1),
            neighbors: Vec::with_capacity(edges),
            weights: Vec::with_capacity(edges),
        };
        graph.starts.push(0);
        for (lengths, neighbors, weights) in blocks {
            for length in lengths {
                graph
                    .starts
                    .push(graph.starts[graph.starts.len() - 1] + length);
            }
            graph.neighbors.extend(neighbors);
            graph.weights.extend(weights);
        }
        graph
    }
}

/// Rows per parallel task.
const BLOCK: usize = 1024;

/// For each point the positions (row x k + column) at which it is listed, ascending: those of point i are
/// `starts[i]..starts[i + 1]` of the second array, `starts` being the first.
fn listed_by(graph: &KnnView<'_>) -> (Vec<usize>, Vec<u64>) {
    let (n, k) = (graph.n(), graph.k());
    let mut starts = vec![0; n + 1];
    for i in 0..n {
        for &id in graph.row(i).0 {
            starts[id as usize + 1] += 1;
        }
    }
    for i in 0..n {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut listed = vec![0u64; n * k];
    for i in 0..n {
        for (column, &id) in graph.row(i).0.iter().enumerate() {
            listed[next[id as usize]] = (i * k + column) as u64;
            next[id as usize] += 1;
        }
    }
    (starts, listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutual_edges_are_united_and_one_sided_ones_kept() {
        // 0 <-> 1 with 0.5 and 0.4; 2 -> 1 with 0.25, not returned.
        let graph = FuzzyGraph::union(
            &KnnView::new(&[1, 0, 1], &[1.0; 3], 1).unwrap(),
            &[0.5, 0.4, 0.25],
        );
        assert_eq!(graph.starts, [0, 1, 3, 4]);
        assert_eq!(graph.neighbors, [1, 0, 2, 1]);
        assert_eq!(graph.weights, [0.7, 0.7, 0.25, 0.25]);
    }

    #[test]
    fn the_union_is_symmetric_and_its_rows_ascend() {
        let (n, k) = (300, 7);
        let ids: Vec<u32> = (0..n)
            .flat_map(|i| (1..=k).map(move |j| ((i * 31 + j * j * 17 + j) % n) as u32))
            .collect();
        let ids: Vec<u32> = ids
            .chunks(k)
            .enumerate()
            .flat_map(|(i, row)| {
                let mut row = row.to_vec();
                row.sort_unstable();
                row.dedup();
                let spare = (0..n as u32)
                    .filter(|id| !row.contains(id) && *id != i as u32)
                    .take(k)
                    .collect::<Vec<_>>();
                row.retain(|&id| id != i as u32);
                row.into_iter().chain(spare).take(k).collect::<Vec<_>>()
            })
            .collect();
        let memberships: Vec<f32> = (0..n * k)
            .map(|at| ((at * 7919) % 101) as f32 / 101.0)
            .collect();
        let distances = vec![1.0; n * k];
        let graph = FuzzyGraph::union(&KnnView::new(&ids, &distances, k).unwrap(), &memberships);
        for i in 0..n {
            let (neighbors, weights) = graph.row(i);
            assert!(neighbors.windows(2).all(|pair| pair[0] < pair[1]));
            for (&j, &weight) in neighbors.iter().zip(weights) {
                let (back, back_weights) = graph.row(j as usize);
                let at = back.binary_search(&(i as u32)).unwrap();
                assert_eq!(back_weights[at], weight);
            }
        }
    }
}
