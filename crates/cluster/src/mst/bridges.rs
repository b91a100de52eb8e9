//! Joining the components of a graph by their true nearest pairs.
//!
//! Other programs join components at infinity. That makes each component a child of the root that
//! is born at lambda 0 and so stable that it beats everything below it.

use graph::{Lists, UnionFind};
use vectors::{Index, Watch};

use super::Edge;
use super::boruvka::{Grown, Growth};

/// A spanning forest made into a spanning tree by the lightest edges between its trees.
///
/// `forest` is the minimum spanning forest of the graph of `lists`, `core` the core distances,
/// `copy_of` the first copy of each point, `index` holds the points themselves. Each tree but the
/// largest is searched from, round by round.
pub fn bridge(
    lists: &Lists<'_>,
    core: &[f32],
    forest: Vec<Edge>,
    copy_of: &[u32],
    index: &Index<'_>,
    watch: Watch<'_>,
) -> Result<Grown, vectors::Error> {
    let mut sets = UnionFind::new(lists.n());
    for edge in &forest {
        sets.union(edge.a, edge.b);
    }
    let seen = (0..lists.n())
        .map(|i| lists.radius(i).max(core[i]))
        .collect();
    Growth {
        core,
        seen,
        forest: Vec::new(),
        copy_of,
    }
    .grow(sets, forest, index, watch)
}
