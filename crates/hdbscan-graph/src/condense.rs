//! The condensed tree: the dendrogram with every split below `min_cluster_size` read as points falling out.
//!
//! Campello, Moulavi and Sander (2013); rows are in hdbscan's order. There is one difference, at copies of a point, whose
//! distance is 0: in hdbscan their lambda is infinite and the copies are split on. Here a group of copies is one heavy point:
//! it is never split, and it leaves its cluster at [`lambda_cap`], the largest lambda that two different points have. So every
//! lambda is finite.

use crate::linkage::Linkage;

/// A condensed tree; row by row, `child` leaves `parent` at `lambda`.
///
/// Points are 0..n; clusters are n.., the root is n, and a cluster's number is larger than its parent's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CondensedTree {
    /// The number of points.
    pub points: usize,
    /// The cluster that is left.
    pub parent: Vec<u32>,
    /// The point or cluster that leaves it.
    pub child: Vec<u32>,
    /// 1 / distance.
    pub lambda: Vec<f64>,
    /// The number of points of the child.
    pub size: Vec<u32>,
}

impl CondensedTree {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there are no rows, as for a single point.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// The number of clusters, the root included.
    pub fn clusters(&self) -> usize {
        // Clusters are numbered in the order of their rows, in pairs.
        self.child
            .iter()
            .filter(|&&child| child as usize >= self.points)
            .count()
            + 1
    }

    /// For each point the cluster that it leaves, counted from 0 for the root, and the lambda at which it does.
    pub fn departures(&self) -> Vec<(u32, f64)> {
        let mut left = vec![(0, 0.0); self.points];
        for row in 0..self.len() {
            if let Some(left) = left.get_mut(self.child[row] as usize) {
                *left = (self.parent[row] - self.points as u32, self.lambda[row]);
            }
        }
        left
    }

    fn push(&mut self, parent: u32, child: u32, lambda: f64, size: u32) {
        self.parent.push(parent);
        self.child.push(child);
        self.lambda.push(lambda);
        self.size.push(size);
    }
}

/// The lambda of copies: 1 over the smallest distance above 0, or 1 where all distances are 0.
pub fn lambda_cap(linkage: &Linkage) -> f64 {
    let copies = linkage
        .distance
        .partition_point(|&distance| distance <= 0.0);
    // A subnormal distance has no finite inverse.
    linkage
        .distance
        .get(copies)
        .map_or(1.0, |&distance| (1.0 / distance).min(f64::MAX))
}

/// The condensed tree of a dendrogram; `min_cluster_size` at least 2. Takes O(n).
pub fn condense(linkage: &Linkage, min_cluster_size: usize) -> CondensedTree {
    let n = linkage.points();
    let least = min_cluster_size.max(2) as u32;
    let cap = lambda_cap(linkage);
    let mut tree = CondensedTree {
        points: n,
        ..CondensedTree::default()
    };
    if n < 2 {
        return tree;
    }
    let rows = n + n / 8;
    tree.parent.reserve(rows);
    tree.child.reserve(rows);
    tree.lambda.reserve(rows);
    tree.size.reserve(rows);
    let mut next = n as u32 + 1;
    // Nodes of at least `least` points that have not been read yet, level by level, with their clusters.
    let mut queue = vec![(2 * n as u32 - 2, n as u32)];
    let mut fallen = Vec::new();
    let mut at = 0;
    while at < queue.len() {
        let (node, cluster) = queue[at];
        at += 1;
        let merge = node as usize - n;
        let (left, right, distance) = (
            linkage.left[merge],
            linkage.right[merge],
            linkage.distance[merge],
        );
        if distance <= 0.0 {
            fall_out(linkage, node, cluster, cap, &mut fallen, &mut tree);
            continue;
        }
        let lambda = (1.0 / distance).min(cap);
        let (left_size, right_size) = (linkage.size_of(left), linkage.size_of(right));
        match (left_size >= least, right_size >= least) {
            (true, true) => {
                for (child, size) in [(left, left_size), (right, right_size)] {
                    tree.push(cluster, next, lambda, size);
                    queue.push((child, next));
                    next += 1;
                }
            }
            (true, false) => {
                fall_out(linkage, right, cluster, lambda, &mut fallen, &mut tree);
                queue.push((left, cluster));
            }
            (false, true) => {
                fall_out(linkage, left, cluster, lambda, &mut fallen, &mut tree);
                queue.push((right, cluster));
            }
            (false, false) => {
                fall_out(linkage, left, cluster, lambda, &mut fallen, &mut tree);
                fall_out(linkage, right, cluster, lambda, &mut fallen, &mut tree);
            }
        }
    }
    tree
}

/// All points below `node` leave `cluster` at `lambda`, nearest the node first.
fn fall_out(
    linkage: &Linkage,
    node: u32,
    cluster: u32,
    lambda: f64,
    queue: &mut Vec<u32>,
    tree: &mut CondensedTree,
) {
    let n = linkage.points() as u32;
    queue.clear();
    queue.push(node);
    let mut at = 0;
    while at < queue.len() {
        let node = queue[at];
        at += 1;
        if node < n {
            tree.push(cluster, node, lambda, 1);
        } else {
            let merge = (node - n) as usize;
            queue.extend([linkage.left[merge], linkage.right[merge]]);
        }
    }
}
