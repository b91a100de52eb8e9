//! From neighbor lists to the dendrogram.

use exact_knn::ProgressCallback;
use graph::Lists;

use crate::Error;
use crate::core_distance::core_distances;
use crate::duplicates::{copies, together};
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
    pub watch: ProgressCallback<'a>,
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
    /// Points without a direction, ascending: they are in no cluster, whatever their lists say.
    pub isolated: Vec<u32>,
    /// Equal neighbors in the order of edges: where another order would be as right.
    pub ties: usize,
}

/// Builds the dendrogram of `lists` with density measured over `min_samples` other points.
///
/// Looks `beyond` the lists only if not all pairs are in them, and the graph falls apart or the exact tree is asked for;
/// or if some of the lists are made up.
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
    let mut isolated = Vec::new();
    let why = if beyond.isolated > 0 {
        Some(format!(
            "the graph leans on {} rows of zeros",
            beyond.isolated
        ))
    } else if lists.complete() {
        None
    } else if kind == Tree::Exact {
        Some("the exact tree looks beyond the lists".to_owned())
    } else {
        (components > 1).then(|| format!("the graph falls into {components} components"))
    };
    let grown = match why {
        Some(why) => {
            let points = (beyond.points)(&why)?;
            isolated.clone_from(&points.isolated);
            let grow = match kind {
                Tree::Graph => bridge,
                Tree::Exact => exact_tree,
            };
            grow(&core, &forest, &copy_of, points, beyond.watch)?
        }
        None => Grown {
            tree: forest,
            searched: 0,
            added: 0,
        },
    };
    let tree = together(grown.tree, &copy_of, &core);
    let linkage = single_linkage(&tree);
    let ties = tree
        .windows(2)
        .filter(|pair| pair[0].weight == pair[1].weight)
        .count();
    Ok(Hierarchy {
        core,
        tree,
        linkage,
        components,
        copies,
        searched: grown.searched,
        added: grown.added,
        isolated,
        ties,
    })
}
