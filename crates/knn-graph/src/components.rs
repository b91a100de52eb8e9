//! Connected components.

use crate::UnionFind;

/// The connected components of an undirected graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// For each point the smallest point of its component.
    pub root: Vec<u32>,
    /// The number of components.
    pub count: usize,
    /// The number of points of the largest one.
    pub largest: usize,
}

impl Components {
    /// The components of the graph with the points 0 to `n` - 1 and these undirected edges. Takes O(n + edges), amortized.
    ///
    /// # Panics
    ///
    /// If an edge ends at no point.
    pub fn of_edges(n: usize, edges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sets = UnionFind::new(n);
        for (i, j) in edges {
            sets.union(i, j);
        }
        Self::from_roots(sets.roots())
    }

    /// Components from the smallest point of the component of each point, as [`UnionFind::roots`] returns them. Takes O(n).
    pub fn from_roots(root: Vec<u32>) -> Self {
        let mut size = vec![0_usize; root.len()];
        for &r in &root {
            size[r as usize] += 1;
        }
        let count = size.iter().filter(|&&s| s > 0).count();
        let largest = size.iter().copied().max().unwrap_or(0);
        Self {
            root,
            count,
            largest,
        }
    }

    /// The points of each component, ascending; the largest component first, those of one size by their first point.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members: Vec<Vec<u32>> = Vec::with_capacity(self.count);
        // A root is the first point of its component.
        let mut number = vec![0; self.root.len()];
        for (i, &root) in self.root.iter().enumerate() {
            if root as usize == i {
                number[i] = members.len();
                members.push(Vec::new());
            }
            members[number[root as usize]].push(i as u32);
        }
        members.sort_by_key(|points| std::cmp::Reverse(points.len()));
        members
    }
}
