//! Boruvka's algorithm (1926) over a forest that is known and edges that have to be searched for.
//!
//! Of the edges that leave a component, the first in order belongs to the minimum spanning tree. Which it is
//! among the known edges is looked up; a pair that the neighbor lists leave out can only be lighter where some
//! point of the component has seen less far than that edge is long. Only such points are searched from,
//! and what a search finds is remembered: as long as the point found is outside, it is still the nearest, and
//! afterwards its distance still says how far has been seen.

use graph::UnionFind;
use vectors::{Index, Outside, Watch};

use super::{Edge, kruskal};

/// A spanning tree and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Grown {
    /// The n - 1 edges, ascending.
    pub tree: Vec<Edge>,
    /// Points that were searched from, each counted once a search.
    pub searched: u64,
    /// Edges of the tree that are not in the graph.
    pub added: usize,
    /// Rounds that searched.
    pub rounds: usize,
}

/// What is known while the tree grows.
pub(super) struct Growth<'a> {
    /// The core distances.
    pub(super) core: &'a [f32],
    /// For each point: every pair that the lists leave out has at least this weight.
    pub(super) seen: Vec<f32>,
    /// Known edges, ascending: the minimum spanning forest of the graph.
    pub(super) forest: Vec<Edge>,
    /// For each point the first of its copies.
    pub(super) copy_of: &'a [u32],
}

impl Growth<'_> {
    /// Grows from `sets` and the edges `tree` that made them to one tree.
    pub(super) fn grow(
        mut self,
        mut sets: UnionFind,
        mut tree: Vec<Edge>,
        index: &Index<'_>,
        watch: Watch<'_>,
    ) -> Result<Grown, vectors::Error> {
        let n = self.core.len();
        let mut found: Vec<Option<Edge>> = vec![None; n];
        let (mut searched, mut rounds) = (0, 0);
        // Edges of the graph that are in the tree need no counting: what is not of the forest was added.
        let mut added = 0;
        while tree.len() + 1 < n {
            let root = sets.roots();
            let largest = largest(&root);
            self.forest
                .retain(|edge| root[edge.a as usize] != root[edge.b as usize]);
            let mut best: Vec<Option<(Edge, bool)>> = vec![None; n];
            for edge in &self.forest {
                offer(&mut best, &root, *edge, true);
            }
            for known in &mut found {
                if let Some(edge) = *known {
                    if root[edge.a as usize] == root[edge.b as usize] {
                        *known = None;
                    } else {
                        offer(&mut best, &root, edge, false);
                    }
                }
            }
            let (queries, uncertain) = self.uncertain(&root, &best, &found);
            let components = (0..n).filter(|&i| root[i] as usize == i).count();
            let certain = (0..n)
                .filter(|&i| root[i] as usize == i && !uncertain[i] && best[i].is_some())
                .count();
            // Merging what is certain first makes components that no search has to start from. But a few of
            // them are not worth a round of their own.
            if certain * 10 < components {
                let queries: Vec<u32> = queries
                    .into_iter()
                    .filter(|&i| root[i as usize] != largest)
                    .collect();
                let bound: Vec<f32> = queries
                    .iter()
                    .map(|&i| {
                        best[root[i as usize] as usize]
                            .map_or(f32::INFINITY, |(edge, _)| edge.weight)
                    })
                    .collect();
                let ask = Outside {
                    group: &root,
                    core: Some(self.core),
                    queries: &queries,
                    bound: &bound,
                };
                let (answers, _) = index.nearest_outside(&ask, watch)?;
                searched += queries.len() as u64;
                rounds += 1;
                for ((&i, answer), &bound) in queries.iter().zip(answers).zip(&bound) {
                    self.seen[i as usize] = bound;
                    if let Some(answer) = answer {
                        let edge = Edge::new(answer.weight, answer.from, answer.to);
                        self.seen[i as usize] = edge.weight;
                        found[i as usize] = Some(edge);
                        offer(&mut best, &root, edge, false);
                    }
                }
                merge(
                    &root,
                    &best,
                    |component| component != largest || !uncertain[component as usize],
                    &mut sets,
                    &mut tree,
                    &mut added,
                );
            } else {
                merge(
                    &root,
                    &best,
                    |component| !uncertain[component as usize],
                    &mut sets,
                    &mut tree,
                    &mut added,
                );
            }
        }
        kruskal::sort(&mut tree);
        Ok(Grown {
            tree,
            searched,
            added,
            rounds,
        })
    }

    /// The points from which something lighter than the best edge of their component may still be found, and
    /// the components that have such points.
    fn uncertain(
        &self,
        root: &[u32],
        best: &[Option<(Edge, bool)>],
        found: &[Option<Edge>],
    ) -> (Vec<u32>, Vec<bool>) {
        let mut queries = Vec::new();
        let mut uncertain = vec![false; root.len()];
        for (i, &component) in root.iter().enumerate() {
            let limit = best[component as usize].map_or(f32::INFINITY, |(edge, _)| edge.weight);
            let first = self.copy_of[i] as usize;
            // What is true of a point is true of its copies in the same component.
            let told = found[i].is_some() || (first != i && root[first] == component);
            if self.seen[i] <= limit && !told && self.seen[i] < f32::INFINITY {
                queries.push(i as u32);
                uncertain[component as usize] = true;
            }
        }
        (queries, uncertain)
    }
}

/// Joins each of the components that `may` choose along its best edge.
fn merge(
    root: &[u32],
    best: &[Option<(Edge, bool)>],
    may: impl Fn(u32) -> bool,
    sets: &mut UnionFind,
    tree: &mut Vec<Edge>,
    added: &mut usize,
) {
    for (component, best) in best.iter().enumerate() {
        if let Some((edge, known)) = *best
            && root[component] as usize == component
            && may(component as u32)
            && sets.union(edge.a, edge.b)
        {
            tree.push(edge);
            *added += usize::from(!known);
        }
    }
}

/// Offers an edge between two components to both.
fn offer(best: &mut [Option<(Edge, bool)>], root: &[u32], edge: Edge, known: bool) {
    for end in [edge.a, edge.b] {
        let best = &mut best[root[end as usize] as usize];
        if best.is_none_or(|(other, _)| edge.order(&other).is_lt()) {
            *best = Some((edge, known));
        }
    }
}

/// The component of the most points, ties by the smaller root.
fn largest(root: &[u32]) -> u32 {
    let mut size = vec![0_u32; root.len()];
    for &r in root {
        size[r as usize] += 1;
    }
    let mut largest = 0;
    for (r, &s) in size.iter().enumerate() {
        if s > size[largest] {
            largest = r;
        }
    }
    largest as u32
}
