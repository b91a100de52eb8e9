//! Connected components of the union graph.

use crate::{Lists, UnionFind};

/// The components of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// For each point the smallest point of its component.
    pub root: Vec<u32>,
    /// How many components there are.
    pub count: usize,
    /// The number of points of the largest one.
    pub largest: usize,
}

impl Components {
    /// Counts components given for each point the smallest point of its component.
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
}

/// The components of the union graph of `lists`. Takes O(n k).
pub fn components(lists: &Lists<'_>) -> Components {
    let mut sets = UnionFind::new(lists.n());
    for i in 0..lists.n() {
        for &j in lists.row(i).0 {
            sets.union(i as u32, j);
        }
    }
    Components::from_roots(sets.roots())
}
