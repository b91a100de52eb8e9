//! Joining the components of a graph by their true nearest pairs.
//!
//! If components were joined by infinite edges, each would be a child of the root that is born at lambda 0, and so stable that
//! it is selected before everything below it. Therefore each round of Boruvka's algorithm (1926)
//! finds the lightest edge from each component except the largest to another one, until one component is left.

use exact_knn::{BoruvkaQuery, ProgressCallback};
use knn_graph::UnionFind;

use super::edge::{Edge, SpanningTree};
use super::kruskal::kruskal;
use super::point_index::PointIndex;

/// Completes a spanning forest to a spanning tree by the lightest edges between its trees.
///
/// `forest` is the minimum spanning forest of a graph, ascending, `core` holds the core distances, `copy_of` the first copy of
/// each point, which is in the same tree as the point. Takes an exact search of the points outside the largest tree in each
/// of at most log2(trees) rounds.
pub fn bridge(
    core: &[f32],
    forest: &[Edge],
    copy_of: &[u32],
    points: &PointIndex<'_>,
    watch: ProgressCallback<'_>,
) -> Result<SpanningTree, exact_knn::Error> {
    let spanned = span(core, forest, copy_of, points, watch)?;
    Ok(spanned.with_isolated(core, forest, points))
}

/// A spanning tree of the points with a direction.
pub(super) struct Spanned {
    pub(super) edges: Vec<Edge>,
    pub(super) searched: u64,
}

/// Joins the trees of `forest` without the points that have no direction and their edges.
pub(super) fn span(
    core: &[f32],
    forest: &[Edge],
    copy_of: &[u32],
    points: &PointIndex<'_>,
    watch: ProgressCallback<'_>,
) -> Result<Spanned, exact_knn::Error> {
    let n = core.len();
    let mut isolated = vec![false; n];
    for &i in &points.isolated {
        isolated[i as usize] = true;
    }
    let mut tree: Vec<Edge> = forest
        .iter()
        .copied()
        .filter(|edge| !isolated[edge.a as usize] && !isolated[edge.b as usize])
        .collect();
    let mut sets = UnionFind::new(n);
    for edge in &tree {
        sets.union(edge.a, edge.b);
    }
    let mut searched = 0;
    while tree.len() + points.isolated.len() + 1 < n {
        let root = sets.roots();
        let largest = largest(&root);
        // The nearest point of another component is the same for all copies of a point.
        let queries: Vec<u32> = (0..n as u32)
            .filter(|&i| {
                root[i as usize] != largest && copy_of[i as usize] == i && !isolated[i as usize]
            })
            .collect();
        let query = BoruvkaQuery {
            component: &root,
            core: Some(core),
            queries: &queries,
            bound: &vec![f32::INFINITY; queries.len()],
        };
        let (found, _) = points.index.nearest_in_other_component(&query, watch)?;
        searched += queries.len() as u64;
        for (_, edge) in found {
            if sets.union(edge.from, edge.to) {
                tree.push(Edge::new(edge.weight, edge.from, edge.to));
            }
        }
    }
    Ok(Spanned {
        edges: tree,
        searched,
    })
}

impl Spanned {
    /// The spanning tree of all points, ascending.
    pub(super) fn with_isolated(
        self,
        core: &[f32],
        forest: &[Edge],
        points: &PointIndex<'_>,
    ) -> SpanningTree {
        let n = core.len();
        let mut edges = self.edges;
        // A point without a direction joins nothing: each is a leaf at the first point that has a direction, with a weight no
        // less than the heaviest other edge. If there is no such point, it is a leaf at point 0.
        let isolated = &points.isolated;
        let hub = (0..n as u32).find(|i| isolated.binary_search(i).is_err());
        let hub = hub.unwrap_or(0);
        let farthest = edges
            .iter()
            .map(|edge| edge.weight)
            .fold(UNRELATED, f32::max);
        let hang = |&i: &u32| {
            let weight = farthest.max(core[hub as usize]).max(core[i as usize]);
            Edge::new(weight, hub, i)
        };
        edges.extend(isolated.iter().filter(|&&i| i != hub).map(hang));
        let edges = kruskal(n, edges);
        SpanningTree {
            added: missing(&edges, forest),
            edges,
            searched: self.searched,
        }
    }
}

/// The distance between a point without a direction and any other: the cosine of nothing is taken as 0.
const UNRELATED: f32 = 1.0;

/// How many edges of `tree` are not in `known`; both ascend.
fn missing(tree: &[Edge], known: &[Edge]) -> usize {
    let mut known = known.iter().peekable();
    let is_new = |edge: &&Edge| {
        while known.next_if(|other| other.order(edge).is_lt()).is_some() {}
        known.peek() != Some(edge)
    };
    tree.iter().filter(is_new).count()
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
