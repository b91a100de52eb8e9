//! From neighbor lists to the dendrogram.

use graph::Lists;
use vectors::Watch;

use crate::Error;
use crate::core_distance::core_distances;
use crate::duplicates::copies;
use crate::linkage::{Linkage, single_linkage};
use crate::mst::{Edge, Grown, Searchable, bridge, exact_tree, spanning_forest};
use crate::options::Tree;

/// The way to what the lists leave out.
#[derive(Clone, Copy)]
pub struct Beyond<'a, 'p> {
    /// Gives the points; called with the reason why they are needed, and only then.
    pub points: &'a dyn Fn(&str) -> Result<&'p Searchable<'p>, Error>,
    /// How many points have no direction. Their lists are made up, and would join what nothing joins.
    pub isolated: usize,
    /// Told of progress.
    pub watch: Watch<'a>,
}

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
/// Looks `beyond` the lists only if not all pairs are in them, and the graph falls apart or the exact tree is asked for.
///
/// # Panics
///
/// If `min_samples` is more than the lists hold.
pub fn hierarchy(
    lists: &Lists<'_>,
    min_samples: usize,
    kind: Tree,
    beyond: &Beyond<'_, '_>,
) -> Result<Hierarchy, Error> {
    let n = lists.n();
    let core = core_distances(lists, min_samples);
    let forest = spanning_forest(lists, &core);
    let (copy_of, copies) = copies(lists);
    let components = n - forest.len();
    let isolated = beyond.isolated;
    let grown = if lists.complete() {
        in_the_graph(forest)
    } else if kind == Tree::Exact {
        let points = (beyond.points)("the exact tree looks beyond the lists")?;
        exact_tree(&core, &forest, &copy_of, points, beyond.watch)?
    } else if components > 1 {
        let points = (beyond.points)(&format!("the graph falls into {components} components"))?;
        bridge(&core, &forest, &copy_of, points, beyond.watch)?
    } else if isolated > 0 {
        let points = (beyond.points)(&format!("the graph leans on {isolated} rows of zeros"))?;
        bridge(&core, &forest, &copy_of, points, beyond.watch)?
    } else {
        in_the_graph(forest)
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

/// A tree that the graph itself has.
fn in_the_graph(tree: Vec<Edge>) -> Grown {
    Grown {
        tree,
        searched: 0,
        added: 0,
        rounds: 0,
    }
}
