//! Joining the components of a graph by their true nearest pairs.
//!
//! Other programs join components at infinity. That makes each component a child of the root that is born at lambda 0
//! and so stable that it beats everything below it. Here every round of Boruvka's algorithm (1926) searches the lightest
//! edge out of each component but the largest, until there is one.

use exact_knn::{BoruvkaQuery, ProgressCallback};
use graph::UnionFind;

use super::{Edge, Grown, Searchable, kruskal};

/// A spanning forest made into a spanning tree by the lightest edges between its trees.
///
/// `forest` is the minimum spanning forest of a graph, ascending, `core` the core distances, `copy_of` the first copy
/// of each point (in the same tree as the point).
pub fn bridge(
    core: &[f32],
    forest: &[Edge],
    copy_of: &[u32],
    points: &Searchable<'_>,
    watch: ProgressCallback<'_>,
) -> Result<Grown, exact_knn::Error> {
    let spanned = span(core, forest, copy_of, points, watch)?;
    Ok(spanned.grown(core, forest, points))
}

/// A spanning tree of the points that can be searched, on the way to one of all.
pub(super) struct Spanned {
    /// Its edges.
    pub(super) tree: Vec<Edge>,
    pub(super) searched: u64,
}

/// Joins the trees of `forest`, points that cannot be searched and their edges left out.
pub(super) fn span(
    core: &[f32],
    forest: &[Edge],
    copy_of: &[u32],
    points: &Searchable<'_>,
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
        // What is true of a point is true of its copies.
        let queries: Vec<u32> = (0..n as u32)
            .filter(|&i| {
                root[i as usize] != largest && copy_of[i as usize] == i && !isolated[i as usize]
            })
            .collect();
        let ask = BoruvkaQuery {
            component: &root,
            core: Some(core),
            queries: &queries,
            bound: &vec![f32::INFINITY; queries.len()],
        };
        let (found, _) = points.index.nearest_in_other_component(&ask, watch)?;
        searched += queries.len() as u64;
        for (_, edge) in found {
            if sets.union(edge.from, edge.to) {
                tree.push(Edge::new(edge.weight, edge.from, edge.to));
            }
        }
    }
    Ok(Spanned { tree, searched })
}

impl Spanned {
    /// The tree of all points, ascending.
    pub(super) fn grown(self, core: &[f32], forest: &[Edge], points: &Searchable<'_>) -> Grown {
        let n = core.len();
        let mut edges = self.tree;
        // A point without a direction joins nothing: each hangs by itself on one that has a direction, no nearer than the
        // farthest of the others are to each other. Without any of those, on the first.
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
        let tree = kruskal(n, edges);
        Grown {
            added: missing(&tree, forest),
            tree,
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
