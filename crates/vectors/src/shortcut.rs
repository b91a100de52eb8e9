//! The pairs that a spanning tree has overlooked: what turns an approximate minimum spanning tree into the exact one in
//! a single pass.
//!
//! By the cycle property an edge belongs to no minimum spanning tree if it is the heaviest on some cycle. Given any
//! spanning tree, a pair that is not lighter than the heaviest edge on the tree's path between its ends closes such a
//! cycle. So the minimum spanning tree of all n (n - 1) / 2 pairs is that of the given tree's edges and its
//! [shortcuts](crate::Index::shortcuts) alone. The nearer the given tree is to the minimum, the fewer there are.
//!
//! The heaviest edge on a path is a range maximum once the rows stand in the order of the leaves of the tree's single
//! linkage dendrogram: where `height[p]` is the weight at which the leaves `p` and `p + 1` were merged, the heaviest
//! edge between the leaves `p < q` is the maximum of `height[p..q]`.

/// A spanning tree, written as the leaves of its single linkage dendrogram.
#[derive(Clone, Copy, Debug)]
pub struct Leaves<'a> {
    /// All rows, in the order of the dendrogram's leaves.
    pub order: &'a [u32],
    /// The weight at which leaf `p` and leaf `p + 1` were merged; one less than there are rows. Infinity is allowed,
    /// where the rows on both sides are not yet joined, but every pair across it is then a shortcut.
    pub height: &'a [f32],
    /// The core distance of each row, by row; `None` means plain distances.
    pub core: Option<&'a [f32]>,
}
