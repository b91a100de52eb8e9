//! Single linkage: the order in which the edges of a spanning tree merge its points.

use knn_graph::UnionFind;

use crate::mst::Edge;

/// A single linkage tree in scipy's form: merge m makes node n + m out of two nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linkage {
    /// The node with the smaller id.
    pub left: Vec<u32>,
    /// The node with the larger id.
    pub right: Vec<u32>,
    /// The distance at which they merge, ascending.
    pub distance: Vec<f64>,
    /// The number of points of the new node.
    pub size: Vec<u32>,
}

impl Linkage {
    /// The number of points.
    pub fn points(&self) -> usize {
        self.left.len() + 1
    }

    /// The number of points of node `node`.
    pub fn size_of(&self, node: u32) -> u32 {
        let points = self.points() as u32;
        size_of(&self.size, points, node)
    }
}

fn size_of(size: &[u32], points: u32, node: u32) -> u32 {
    if node < points {
        1
    } else {
        size[(node - points) as usize]
    }
}

/// The dendrogram of a spanning tree given as ascending edges. Takes O(n log n) amortized.
///
/// Of two equal distances the edge that comes first merges first. As in scipy, the left node of a merge has the smaller id;
/// since nodes are numbered in the order of their distances, renaming the points changes ties only.
pub fn single_linkage(tree: &[Edge]) -> Linkage {
    let n = tree.len() + 1;
    let mut sets = UnionFind::new(n);
    // The node of the set with this root.
    let mut node: Vec<u32> = (0..n as u32).collect();
    let mut linkage = Linkage {
        left: Vec::with_capacity(n - 1),
        right: Vec::with_capacity(n - 1),
        distance: Vec::with_capacity(n - 1),
        size: Vec::with_capacity(n - 1),
    };
    for edge in tree {
        let (a, b) = (
            node[sets.find(edge.a) as usize],
            node[sets.find(edge.b) as usize],
        );
        debug_assert!(a != b, "a tree has no cycle");
        let size = size_of(&linkage.size, n as u32, a) + size_of(&linkage.size, n as u32, b);
        linkage.left.push(a.min(b));
        linkage.right.push(a.max(b));
        linkage.distance.push(f64::from(edge.weight));
        linkage.size.push(size);
        sets.union(edge.a, edge.b);
        node[sets.find(edge.a) as usize] = (n + linkage.size.len() - 1) as u32;
    }
    linkage
}
