//! A partition of the nodes into communities.

/// A partition: each node belongs to one community, 0, 1, 2 ... without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    labels: Vec<u32>,
    count: usize,
}

impl Partition {
    /// The partition in which nodes with the same number are together; communities are renumbered in the order of their
    /// first nodes. O(n) time for numbers below n, O(n log n) else.
    pub fn new(numbers: &[u32]) -> Self {
        let mut seen = std::collections::BTreeMap::new();
        let labels = numbers
            .iter()
            .map(|&number| {
                let next = seen.len() as u32;
                *seen.entry(number).or_insert(next)
            })
            .collect();
        Self {
            labels,
            count: seen.len(),
        }
    }

    /// Every node in a community of its own.
    pub fn singletons(n: usize) -> Self {
        Self {
            labels: (0..n as u32).collect(),
            count: n,
        }
    }

    /// All nodes in one community.
    pub fn whole(n: usize) -> Self {
        Self {
            labels: vec![0; n],
            count: n.min(1),
        }
    }

    /// Numbers below `labels.len()`, renumbered in the order of their first nodes.
    pub(crate) fn compact(mut labels: Vec<u32>) -> Self {
        let mut new = vec![u32::MAX; labels.len()];
        let mut count = 0;
        for label in &mut labels {
            let slot = &mut new[*label as usize];
            if *slot == u32::MAX {
                *slot = count;
                count += 1;
            }
            *label = *slot;
        }
        Self {
            labels,
            count: count as usize,
        }
    }

    /// The community of each node.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The number of communities.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The nodes of each community, ascending.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut counts = vec![0; self.count];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        let mut members: Vec<Vec<u32>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (node, &label) in self.labels.iter().enumerate() {
            members[label as usize].push(node as u32);
        }
        members
    }

    /// The sum of `sizes`, one per node, in each community.
    ///
    /// # Panics
    ///
    /// If there is not one size per node.
    pub fn sizes(&self, sizes: &[f64]) -> Vec<f64> {
        assert_eq!(sizes.len(), self.labels.len(), "one size per node");
        let mut sums = vec![0.0; self.count];
        for (&label, size) in self.labels.iter().zip(sizes) {
            sums[label as usize] += size;
        }
        sums
    }

    /// The same communities, largest first by `sizes`, equal ones in the order of their first nodes.
    #[must_use]
    pub fn by_size(&self, sizes: &[f64]) -> Self {
        let sums = self.sizes(sizes);
        let mut first = vec![usize::MAX; self.count];
        for (node, &label) in self.labels.iter().enumerate().rev() {
            first[label as usize] = node;
        }
        let mut order: Vec<usize> = (0..self.count).collect();
        order.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]).then(first[a].cmp(&first[b])));
        let mut new = vec![0; self.count];
        for (rank, &label) in order.iter().enumerate() {
            new[label] = rank as u32;
        }
        Self {
            labels: self
                .labels
                .iter()
                .map(|&label| new[label as usize])
                .collect(),
            count: self.count,
        }
    }

    /// The partition of the nodes of the original graph, where `coarse` is one of its aggregate ([`crate::Graph::aggregate`]).
    ///
    /// # Panics
    ///
    /// If `coarse` has not one node per community.
    #[must_use]
    pub fn then(&self, coarse: &Self) -> Self {
        assert_eq!(coarse.labels.len(), self.count, "one node per community");
        let of = |&label: &u32| coarse.labels[label as usize];
        Self {
            labels: self.labels.iter().map(of).collect(),
            count: coarse.count,
        }
    }

    /// Whether each community lies inside one of `coarse`.
    pub fn refines(&self, coarse: &Self) -> bool {
        let mut parent = vec![None; self.count];
        self.labels.len() == coarse.labels.len()
            && self
                .labels
                .iter()
                .zip(&coarse.labels)
                .all(|(&label, &of)| *parent[label as usize].get_or_insert(of) == of)
    }
}
