//! The graph of communities, UMAP's fuzzy union of the nearest neighbors, and its halves.

use exact_knn::{Metric, Points};
use knn_graph::{KnnGraph, KnnView};
use leiden::Graph;
use random_streams::Seed;
use umap_layout::FuzzyGraph;

/// The number of neighbors that make the graph of n points: 15, as for the layout, and fewer below 1,500 points, where 15
/// neighbors would join different topics.
pub fn neighbors(n: usize) -> usize {
    let k = (n as f64).powf(0.37) as usize;
    k.clamp(5, 15).min(n.saturating_sub(1))
}

/// The fuzzy graph of the first `k` neighbors, or of all if there are fewer.
pub(crate) fn fuzzy(graph: &KnnView<'_>, k: usize) -> Graph {
    let fuzzy = FuzzyGraph::new(&graph.first(k.min(graph.k())));
    let (mut starts, mut neighbors, mut weights) = (vec![0], Vec::new(), Vec::new());
    for i in 0..fuzzy.len() {
        let (ids, values) = fuzzy.row(i);
        neighbors.extend_from_slice(ids);
        weights.extend(values.iter().map(|&weight| f64::from(weight)));
        starts.push(neighbors.len());
    }
    Graph::from_rows(starts, neighbors, weights).expect("a union of neighborhoods is symmetric")
}

/// The `k` nearest neighbors of some points, fewer if there are not so many.
pub(crate) fn search(
    values: &[f32],
    d: usize,
    metric: Metric,
    k: usize,
) -> Result<KnnGraph, exact_knn::Error> {
    let points = Points::new(values, d)?;
    let k = k.min(points.n() - 1);
    let (found, _) = exact_knn::knn(points, metric, k, &|_| ())?;
    Ok(KnnGraph::from_checked(found.ids, found.distances, found.k))
}

/// Two graphs that share no edge: each edge of `graph` goes to one of them by chance.
pub(crate) fn halves(graph: &Graph, seed: Seed, split: u64) -> [Graph; 2] {
    let mut edges = [Vec::new(), Vec::new()];
    for v in 0..graph.len() {
        let mut random = seed.stream("communities/halves", (split << 32) | v as u64);
        let (neighbors, weights) = graph.row(v);
        for (&u, &weight) in neighbors.iter().zip(weights) {
            if (u as usize) < v {
                let half = usize::from(random.next_u64() >> 63 == 1);
                edges[half].push((u, v as u32, weight));
            }
        }
    }
    edges.map(|edges| Graph::from_edges(graph.len(), &edges).expect("edges of a graph"))
}
