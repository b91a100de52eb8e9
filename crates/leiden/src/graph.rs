//! An undirected weighted graph in compressed rows.

use crate::{Error, Partition};

/// An undirected weighted graph: every edge is in the rows of both its ends.
///
/// Each node has a *strength*, the total weight of its edges (a loop counts twice), and a *size*, the number of points that
/// it stands for. Both are kept when nodes are merged ([`Graph::aggregate`]) or edges removed ([`Graph::within`]), so that the
/// null model of modularity stays that of the original graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Row v is `starts[v]..starts[v + 1]` of the next two arrays; length n + 1.
    starts: Vec<usize>,
    /// The other end of each edge; ascending within a row, never the node itself.
    neighbors: Vec<u32>,
    weights: Vec<f64>,
    strengths: Vec<f64>,
    sizes: Vec<f64>,
}

impl Graph {
    /// The graph with the edges `(from, to, weight)`, in any order and either direction. Parallel edges are added up, edges
    /// of weight 0 left out; a loop adds twice its weight to the strength of its node. O(m log m) time.
    ///
    /// # Errors
    ///
    /// If an end is not below `n`, or a weight is negative or not finite.
    pub fn from_edges(n: usize, edges: &[(u32, u32, f64)]) -> Result<Self, Error> {
        if n > u32::MAX as usize {
            return Err(Error::Shape(format!("{n} nodes are more than 2^32 - 1")));
        }
        let mut starts = vec![0_usize; n + 1];
        for &(from, to, weight) in edges {
            let (from, to) = (from as usize, to as usize);
            if from.max(to) >= n {
                return Err(Error::Node { from, to, n });
            }
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(Error::Weight { from, to, weight });
            }
            if from != to {
                starts[from + 1] += 1;
                starts[to + 1] += 1;
            }
        }
        for v in 0..n {
            starts[v + 1] += starts[v];
        }
        let mut rows = vec![(0_u32, 0.0); starts[n]];
        let mut loops = vec![0.0; n];
        let mut next = starts.clone();
        for &(from, to, weight) in edges {
            if from == to {
                loops[from as usize] += 2.0 * weight;
                continue;
            }
            for (here, there) in [(from, to), (to, from)] {
                rows[next[here as usize]] = (there, weight);
                next[here as usize] += 1;
            }
        }
        let mut graph = Self::empty(n);
        for v in 0..n {
            let row = &mut rows[starts[v]..starts[v + 1]];
            // Stable, so that parallel edges are added up in the order given, the same in both rows.
            row.sort_by_key(|&(to, _)| to);
            for group in row.chunk_by(|a, b| a.0 == b.0) {
                graph.push(group[0].0, group.iter().map(|&(_, weight)| weight).sum());
            }
            graph.end_row(loops[v], 1.0);
        }
        Ok(graph)
    }

    /// The graph whose node v has the neighbors and weights `starts[v]..starts[v + 1]` of the two arrays, as `scipy`'s CSR
    /// matrices have them. Rows are ascending and symmetric; there are no loops. O(m) time.
    ///
    /// # Errors
    ///
    /// If the arrays do not belong together, or a row breaks a rule: the error names it.
    pub fn from_rows(
        starts: Vec<usize>,
        neighbors: Vec<u32>,
        weights: Vec<f64>,
    ) -> Result<Self, Error> {
        check_rows(&starts, &neighbors, &weights)?;
        let n = starts.len() - 1;
        let strengths = (0..n)
            .map(|v| weights[starts[v]..starts[v + 1]].iter().sum())
            .collect();
        Ok(Self {
            starts,
            neighbors,
            weights,
            strengths,
            sizes: vec![1.0; n],
        })
    }

    /// The same graph with other sizes of its nodes: how many points each stands for.
    ///
    /// # Panics
    ///
    /// If there is not one size per node.
    #[must_use]
    pub fn with_sizes(mut self, sizes: Vec<f64>) -> Self {
        assert_eq!(sizes.len(), self.len(), "one size per node");
        self.sizes = sizes;
        self
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.strengths.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.strengths.is_empty()
    }

    /// The number of undirected edges, loops left out.
    pub fn edges(&self) -> usize {
        self.neighbors.len() / 2
    }

    /// The neighbors of a node and the weights of the edges to them.
    pub fn row(&self, v: usize) -> (&[u32], &[f64]) {
        let row = self.starts[v]..self.starts[v + 1];
        (&self.neighbors[row.clone()], &self.weights[row])
    }

    /// The strength of each node: the weight of all its edges in the original graph.
    pub fn strengths(&self) -> &[f64] {
        &self.strengths
    }

    /// The number of points that each node stands for.
    pub fn sizes(&self) -> &[f64] {
        &self.sizes
    }

    /// The graph whose nodes are the communities of a partition: strengths and sizes are sums, edges between two communities
    /// are added up, edges inside vanish. O(m log m) time.
    ///
    /// # Panics
    ///
    /// If the partition is not one of this graph's nodes.
    #[must_use]
    pub fn aggregate(&self, partition: &Partition) -> Self {
        assert_eq!(partition.labels().len(), self.len(), "one label per node");
        let members = partition.members();
        let mut merged = Self::empty(partition.count());
        let mut weight_to = vec![0.0; partition.count()];
        let mut touched = Vec::new();
        for (community, members) in members.iter().enumerate() {
            let (mut strength, mut size) = (0.0, 0.0);
            for &v in members {
                strength += self.strengths[v as usize];
                size += self.sizes[v as usize];
                let (neighbors, weights) = self.row(v as usize);
                for (&u, &weight) in neighbors.iter().zip(weights) {
                    let to = partition.labels()[u as usize];
                    if to as usize == community || weight == 0.0 {
                        continue;
                    }
                    if weight_to[to as usize] == 0.0 {
                        touched.push(to);
                    }
                    weight_to[to as usize] += weight;
                }
            }
            touched.sort_unstable();
            for &to in &touched {
                merged.push(to, weight_to[to as usize]);
                weight_to[to as usize] = 0.0;
            }
            touched.clear();
            merged.strengths.push(strength);
            merged.sizes.push(size);
            merged.starts.push(merged.neighbors.len());
        }
        merged
    }

    /// The graph without the edges between communities, with the strengths and sizes of this one: a partition of it only splits
    /// communities.
    ///
    /// # Panics
    ///
    /// If the partition is not one of this graph's nodes.
    #[must_use]
    pub fn within(&self, partition: &Partition) -> Self {
        assert_eq!(partition.labels().len(), self.len(), "one label per node");
        let labels = partition.labels();
        let mut inner = Self::empty(self.len());
        for v in 0..self.len() {
            let (neighbors, weights) = self.row(v);
            for (&u, &weight) in neighbors.iter().zip(weights) {
                if labels[u as usize] == labels[v] {
                    inner.push(u, weight);
                }
            }
            inner.starts.push(inner.neighbors.len());
        }
        inner.strengths.clone_from(&self.strengths);
        inner.sizes.clone_from(&self.sizes);
        inner
    }

    /// Modularity with a resolution (Reichardt and Bornholdt 2006): the share of the weight inside communities, less
    /// `resolution` times the share expected from the strengths. 0 without edges. O(m) time.
    ///
    /// # Panics
    ///
    /// If the partition is not one of this graph's nodes.
    pub fn modularity(&self, partition: &Partition, resolution: f64) -> f64 {
        assert_eq!(partition.labels().len(), self.len(), "one label per node");
        let labels = partition.labels();
        let total: f64 = self.strengths.iter().sum();
        if total == 0.0 {
            return 0.0;
        }
        let mut strengths = vec![0.0; partition.count()];
        let mut outside = 0.0;
        for v in 0..self.len() {
            strengths[labels[v] as usize] += self.strengths[v];
            let (neighbors, weights) = self.row(v);
            for (&u, &weight) in neighbors.iter().zip(weights) {
                if labels[u as usize] != labels[v] {
                    outside += weight;
                }
            }
        }
        let expected: f64 = strengths.iter().map(|s| (s / total) * (s / total)).sum();
        1.0 - outside / total - resolution * expected
    }

    /// For each node the share of the weight of its edges that stays in its community; 0 for a node without edges. O(m) time.
    ///
    /// # Panics
    ///
    /// If the partition is not one of this graph's nodes.
    pub fn inner_shares(&self, partition: &Partition) -> Vec<f64> {
        assert_eq!(partition.labels().len(), self.len(), "one label per node");
        let labels = partition.labels();
        (0..self.len())
            .map(|v| {
                let (neighbors, weights) = self.row(v);
                let (mut inner, mut all) = (0.0, 0.0);
                for (&u, &weight) in neighbors.iter().zip(weights) {
                    all += weight;
                    if labels[u as usize] == labels[v] {
                        inner += weight;
                    }
                }
                if all > 0.0 { inner / all } else { 0.0 }
            })
            .collect()
    }

    fn empty(n: usize) -> Self {
        let mut starts = Vec::with_capacity(n + 1);
        starts.push(0);
        Self {
            starts,
            neighbors: Vec::new(),
            weights: Vec::new(),
            strengths: Vec::with_capacity(n),
            sizes: Vec::with_capacity(n),
        }
    }

    fn push(&mut self, to: u32, weight: f64) {
        if weight > 0.0 {
            self.neighbors.push(to);
            self.weights.push(weight);
        }
    }

    /// Ends a row whose node has `loops` of strength beside its edges.
    fn end_row(&mut self, loops: f64, size: f64) {
        let begin = self.starts[self.starts.len() - 1];
        let strength: f64 = self.weights[begin..].iter().sum();
        self.strengths.push(strength + loops);
        self.sizes.push(size);
        self.starts.push(self.neighbors.len());
    }
}

fn check_rows(starts: &[usize], neighbors: &[u32], weights: &[f64]) -> Result<(), Error> {
    let n = starts.len().saturating_sub(1);
    if starts.first() != Some(&0)
        || starts.last() != Some(&neighbors.len())
        || !starts.is_sorted()
        || weights.len() != neighbors.len()
        || n > u32::MAX as usize
    {
        return Err(Error::Shape(format!(
            "{} row starts, {} neighbors and {} weights do not make rows",
            starts.len(),
            neighbors.len(),
            weights.len()
        )));
    }
    // The rows are visited in ascending order, so node u must find itself at the next unvisited place of each row it lists.
    let mut next: Vec<usize> = starts[..n].to_vec();
    for row in 0..n {
        let mut last = None;
        for at in starts[row]..starts[row + 1] {
            let (to, weight) = (neighbors[at] as usize, weights[at]);
            if to >= n {
                return Err(Error::Node { from: row, to, n });
            }
            if !(weight >= 0.0 && weight.is_finite()) {
                let from = row;
                return Err(Error::Weight { from, to, weight });
            }
            if to == row || last.is_some_and(|last| last >= to) {
                return Err(Error::Order { row, found: to });
            }
            last = Some(to);
            let back = next[to];
            if back == starts[to + 1]
                || neighbors[back] as usize != row
                || weights[back].to_bits() != weight.to_bits()
            {
                return Err(Error::Asymmetric { from: row, to });
            }
            next[to] += 1;
        }
    }
    Ok(())
}
