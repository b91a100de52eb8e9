//! The method from the neighbor graph to positions: memberships, fuzzy union, initialization, optimization.

use exact_knn::Points;
use knn_graph::KnnView;
use random_streams::Seed;

use crate::curve::Curve;
use crate::fuzzy::FuzzyGraph;
use crate::init;
use crate::kernels::Kernel;
use crate::optimize::{Descent, Forces, optimize};
use crate::{Error, Init, Options};

/// A layout and how it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Shape (n, components), row-major.
    pub positions: Vec<f32>,
    /// Edges of the fuzzy graph.
    pub edges: usize,
    /// Number of connected components of the fuzzy graph, with the spectral initialization.
    pub connected_components: Option<usize>,
    /// The largest residual of the spectral initialization, against eigenvectors of length 1.
    pub residual: Option<f64>,
    /// The fitted curve.
    pub curve: Curve,
}

/// Lays out the points of `graph`, whose k should be one less than umap-learn's `n_neighbors`, which counts the point itself.
///
/// `points` are needed by the initialization by principal components only. `watch` is called after each of the
/// [`Options::epochs_for`] epochs. The result has the same bytes at any number of threads and on every kernel; the parameters
/// a and b and the principal components are computed with powers and logarithms of the C library, which may differ between
/// platforms in the last bit.
///
/// Takes O(n k log k) for the fuzzy graph, at most some 170 products of it with `components` + 2 vectors for the spectral
/// initialization, and O(epochs x edges x negative samples) for the optimization.
///
/// # Errors
///
/// [`Error::Option`] and [`Error::Curve`] for the options, [`Error::TooFewPoints`] below 3 points, [`Error::NoPoints`] and
/// [`Error::Rows`] where the points are needed.
pub fn layout(
    graph: &KnnView<'_>,
    points: Option<Points<'_>>,
    options: &Options,
    seed: Seed,
    kernel: Kernel,
    watch: &(dyn Fn() + Sync),
) -> Result<Layout, Error> {
    options.check()?;
    let n = graph.n();
    if n < 3 {
        return Err(Error::TooFewPoints { n });
    }
    let curve = Curve::of(options)?;
    let fuzzy = FuzzyGraph::new(graph);
    let Start {
        mut positions,
        connected_components,
        residual,
    } = initialize(&fuzzy, points, options, seed)?;
    let forces = Forces {
        a: curve.a as f32,
        b: curve.b as f32,
        repulsion: options.repulsion as f32,
        negatives: options.negative_samples,
    };
    let epochs = options.epochs_for(n);
    let descent = Descent {
        epochs,
        learning_rate: options.learning_rate_for(epochs, n) as f32,
        seed: seed.stream("project/negative", 0).next_u64(),
    };
    optimize(
        kernel,
        &fuzzy,
        &mut positions,
        options.components,
        &forces,
        &descent,
        watch,
    );
    Ok(Layout {
        positions,
        edges: fuzzy.edges(),
        connected_components,
        residual,
        curve,
    })
}

/// Initial positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Shape (n, components), row-major; in 0..10.
    pub positions: Vec<f32>,
    /// Number of connected components of the graph, with the spectral initialization.
    pub connected_components: Option<usize>,
    /// The largest residual against eigenvectors of length 1, with the spectral initialization.
    pub residual: Option<f64>,
}

/// The initial positions that `options` select, for use with another optimizer.
///
/// # Errors
///
/// [`Error::NoPoints`] and [`Error::Rows`] where the points are needed.
pub fn initialize(
    graph: &FuzzyGraph,
    points: Option<Points<'_>>,
    options: &Options,
    seed: Seed,
) -> Result<Start, Error> {
    let components = options.components;
    let noise = |i: usize, component: usize| {
        seed.stream("project/start", (i * 128 + component) as u64)
            .next_f32()
    };
    let jitter = |i: usize, component: usize| {
        seed.stream("project/jitter", (i * 128 + component) as u64)
            .next_f32()
    };
    let without_figures = |positions| Start {
        positions,
        connected_components: None,
        residual: None,
    };
    let mut start = match options.init {
        Init::Spectral => {
            let found = init::spectral(graph, components, &noise);
            Start {
                positions: found.positions,
                connected_components: Some(found.connected_components),
                residual: Some(found.residual),
            }
        }
        Init::Pca => {
            let points = points.ok_or(Error::NoPoints)?;
            if points.n() != graph.len() {
                return Err(Error::Rows {
                    points: points.n(),
                    n: graph.len(),
                });
            }
            without_figures(init::pca(points.values(), points.d(), components, &noise))
        }
        Init::Random => without_figures(init::random(graph.len(), components, &noise)),
    };
    init::fit(&mut start.positions, components, &jitter);
    Ok(start)
}

/// Moves copies, points at distance 0 in `graph`, to the position of the first of them; returns the number of moved points.
///
/// Repulsion would scatter them, and a clustering of the layout would not find them together. `positions` has shape
/// (n, components), row-major. Takes O(n) and the entries at distance 0. Under inner products distance 0 does not mean a copy.
pub fn gather_copies(positions: &mut [f32], components: usize, graph: &KnnView<'_>) -> usize {
    let mut gathered = 0;
    for (i, first) in graph.first_copies().into_iter().enumerate() {
        let first = first as usize;
        if first < i {
            positions.copy_within(first * components..(first + 1) * components, i * components);
            gathered += 1;
        }
    }
    gathered
}
