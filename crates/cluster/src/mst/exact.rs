//! The minimum spanning tree of the full mutual reachability graph, from neighbor lists.
//!
//! The lists certify most of it: an edge is final when no point of one of its ends' components could
//! have a nearer neighbor that its list leaves out. The rest is searched for, exactly.

use graph::{Lists, UnionFind};
use vectors::{Index, Watch};

use super::Edge;
use super::boruvka::{Grown, Growth};

/// The tree that the full distance matrix gives, with memory for the lists alone.
///
/// Arguments as for [`super::bridge`]. Equal to the full matrix edge by edge, unless a point that a list leaves
/// out is exactly as far away as the last one in it; then the weights are equal still.
pub fn exact_tree(
    lists: &Lists<'_>,
    core: &[f32],
    forest: Vec<Edge>,
    copy_of: &[u32],
    index: &Index<'_>,
    watch: Watch<'_>,
) -> Result<Grown, vectors::Error> {
    let n = lists.n();
    if lists.complete() {
        return Ok(Grown {
            tree: forest,
            searched: 0,
            added: 0,
            rounds: 0,
        });
    }
    // A point left out of a list is farther than the last one in it, exact ties apart.
    let seen = (0..n)
        .map(|i| lists.radius(i).max(core[i]).next_up())
        .collect();
    Growth {
        core,
        seen,
        forest,
        copy_of,
    }
    .grow(UnionFind::new(n), Vec::with_capacity(n - 1), index, watch)
}
