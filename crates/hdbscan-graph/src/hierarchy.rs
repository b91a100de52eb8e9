//! From the neighbor graph to the single linkage tree.

use exact_knn::ProgressCallback;
use knn_graph::KnnView;

use crate::core_distance::core_distances;
use crate::duplicates::join_copies;
use crate::error::{Error, Need};
use crate::lazy_index::LazyIndex;
use crate::linkage::{Linkage, single_linkage};
use crate::mst::{Edge, SpanningTree, bridge, exact_tree, spanning_forest};

/// Graph whose minimum spanning tree is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TreeKind {
    /// The neighbor graph, its components joined by their true nearest pairs.
    #[default]
    Graph,
    /// The complete graph: the full distance matrix.
    Exact,
}

/// How the single linkage tree is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HierarchyOptions {
    /// Neighbors used for the core distance; the point itself is not counted. 0 for plain single linkage.
    pub min_samples: usize,
    /// Graph whose minimum spanning tree is computed.
    pub tree: TreeKind,
    /// Number of points without a direction (rows of zeros under the cosine metric). Their lists are arbitrary, and would
    /// join clusters that nothing else joins; so edges at such points are ignored.
    pub isolated: usize,
}

impl Default for HierarchyOptions {
    fn default() -> Self {
        Self {
            min_samples: 5,
            tree: TreeKind::Graph,
            isolated: 0,
        }
    }
}

/// A single linkage tree and how it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    /// The core distance of each point.
    pub core: Vec<f32>,
    /// The spanning tree, ascending.
    pub tree: Vec<Edge>,
    /// The single linkage tree.
    pub linkage: Linkage,
    /// Components of the neighbor graph.
    pub components: usize,
    /// Points that are copies of an earlier one.
    pub copies: usize,
    /// Points whose neighbors outside their lists were searched, counted once per search.
    pub searched: u64,
    /// Edges of the tree that are not in the graph.
    pub added: usize,
    /// Points without a direction, ascending: they are in no cluster, whatever their lists hold.
    pub isolated: Vec<u32>,
    /// Edges of the same weight as the one before them, whose order is arbitrary.
    pub ties: usize,
}

/// The single linkage tree of `graph` under mutual reachability.
///
/// The points of `index` are used only if the graph lacks pairs, and either it is not connected or the exact tree is wanted;
/// or if some points have no direction. `watch` is called with the number of points searched since its last call.
///
/// Takes O(n k log n) at worst, and where points are searched the time of an exact search of those.
///
/// # Errors
///
/// [`Error::Graph`] if a distance is negative, [`Error::MinSamples`] if the lists are shorter than `min_samples`; the errors of
/// `index` and of the search.
pub fn hierarchy<E: From<Error>>(
    graph: &KnnView<'_>,
    options: &HierarchyOptions,
    index: &LazyIndex<'_, E>,
    watch: ProgressCallback<'_>,
) -> Result<Hierarchy, E> {
    let (n, k, min_samples) = (graph.n(), graph.k(), options.min_samples);
    if min_samples > k {
        return Err(Error::MinSamples { min_samples, k }.into());
    }
    graph.check_non_negative().map_err(Error::from)?;
    let core = core_distances(graph, min_samples);
    let forest = spanning_forest(graph, &core);
    let copy_of = graph.first_copies();
    let copies = (0..).zip(&copy_of).filter(|(i, first)| i != *first).count();
    let components = n - forest.len();
    let need = if options.isolated > 0 {
        Some(Need::IsolatedRows(options.isolated))
    } else if graph.is_complete() {
        None
    } else if options.tree == TreeKind::Exact {
        Some(Need::ExactTree)
    } else {
        (components > 1).then_some(Need::Components(components))
    };
    let mut isolated = Vec::new();
    let spanning = match need {
        Some(need) => {
            let points = index.get(need)?;
            isolated.clone_from(&points.isolated);
            let complete = match options.tree {
                TreeKind::Graph => bridge,
                TreeKind::Exact => exact_tree,
            };
            complete(&core, &forest, &copy_of, points, watch).map_err(Error::from)?
        }
        None => SpanningTree {
            edges: forest,
            searched: 0,
            added: 0,
        },
    };
    let tree = join_copies(spanning.edges, &copy_of, &core);
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
        searched: spanning.searched,
        added: spanning.added,
        isolated,
        ties,
    })
}
