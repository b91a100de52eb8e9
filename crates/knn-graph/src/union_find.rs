//! Disjoint sets (Tarjan 1975).

/// Disjoint sets of 0..n, by path halving and union toward the smaller root.
///
/// The root of a set is its smallest member, whatever the order of the unions, so results do not depend on how the work
/// was divided among threads. `find` takes O(log n) amortized.
#[derive(Debug, Clone)]
pub struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// The `n` sets {0}, {1}, ... {n - 1}; `n` is at most 2^32 - 1.
    pub fn new(n: usize) -> Self {
        Self {
            parent: (0..n as u32).collect(),
        }
    }

    /// The smallest member of the set that holds `x`.
    #[inline]
    pub fn find(&mut self, mut x: u32) -> u32 {
        while self.parent[x as usize] != x {
            let above = self.parent[self.parent[x as usize] as usize];
            self.parent[x as usize] = above;
            x = above;
        }
        x
    }

    /// Joins the sets of `a` and `b`; false if they were the same set already.
    #[inline]
    pub fn union(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return false;
        }
        self.parent[a.max(b) as usize] = a.min(b);
        true
    }

    /// For each of 0..n the smallest member of its set. Takes O(n).
    pub fn roots(&mut self) -> Vec<u32> {
        // A parent is never larger than its child, so one ascending pass settles every path.
        for x in 0..self.parent.len() {
            self.parent[x] = self.parent[self.parent[x] as usize];
        }
        self.parent.clone()
    }
}
