//! From neighbor lists to the dendrogram.

use graph::Lists;
use vectors::{Index, Watch};

use crate::Error;
use crate::core_distance::core_distances;
use crate::duplicates::copies;
use crate::linkage::{Linkage, single_linkage};
use crate::mst::{Edge, Grown, bridge, exact_tree, spanning_forest};
use crate::options::Tree;

/// A dendrogram and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    /// The core distance of each point.
    pub core: Vec<f32>,
    /// The spanning tree, ascending.
    pub tree: Vec<Edge>,
    /// The dendrogram.
    pub linkage: Linkage,
    /// Components of the graph.
    pub components: usize,
    /// Points that are copies of an earlier one.
    pub copies: usize,
    /// Points that were searched from beyond their lists, counted once a search.
    pub searched: u64,
    /// Edges of the tree that are not in the graph.
    pub added: usize,
    /// Rounds of search.
    pub rounds: usize,
    /// Equal neighbors in the order of edges: where another order would be as right.
    pub ties: usize,
}

/// Builds the dendrogram of `lists` with density measured over `min_samples` other points.
///
/// `index` gives the vectors; it is called only if the graph falls apart or the exact tree is asked for and
/// not all pairs are in the lists.
///
/// # Panics
///
/// If `min_samples` is more than the lists hold.
pub fn hierarchy<'i>(
    lists: &Lists<'_>,
    min_samples: usize,
    kind: Tree,
    index: &dyn Fn(&str) -> Result<&'i Index<'i>, Error>,
    watch: Watch<'_>,
) -> Result<Hierarchy, Error> {
    let n = lists.n();
    let core = core_distances(lists, min_samples);
    let forest = spanning_forest(lists, &core);
    let (copy_of, copies) = copies(lists);
    let components = n - forest.len();
    let grown = if lists.complete() {
        Grown {
            tree: forest,
            searched: 0,
            added: 0,
            rounds: 0,
        }
    } else if kind == Tree::Exact {
        let index = index("the exact tree looks beyond the lists")?;
        exact_tree(lists, &core, forest, &copy_of, index, watch)?
    } else if components > 1 {
        let index = index(&format!("the graph falls into {components} components"))?;
        bridge(lists, &core, forest, &copy_of, index, watch)?
    } else {
        Grown {
            tree: forest,
            searched: 0,
            added: 0,
            rounds: 0,
        }
    };
    let linkage = single_linkage(&grown.tree);
    let ties = grown
        .tree
        .windows(2)
        .filter(|pair| pair[0].weight == pair[1].weight)
        .count();
    Ok(Hierarchy {
        core,
        tree: grown.tree,
        linkage,
        components,
        copies,
        searched: grown.searched,
        added: grown.added,
        rounds: grown.rounds,
        ties,
    })
}
