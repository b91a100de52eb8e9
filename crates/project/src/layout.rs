//! The method from neighbor lists to positions: memberships, fuzzy union, start, descent.

use graph::Fuzzy;
use stage::{Progress, Seed};

use crate::curve::Curve;
use crate::init;
use crate::optimize::{Descent, Forces, Kernel, optimize};
use crate::options::{Init, Options};
use crate::{Error, smooth};

/// The first neighbors of each point.
#[derive(Clone, Copy, Debug)]
pub struct Lists<'a> {
    /// Shape (n, k), row-major; nearest first, the point itself left out.
    pub ids: &'a [u32],
    /// The same shape; distances, 0 or more.
    pub distances: &'a [f32],
    /// Neighbors of a row.
    pub k: usize,
}

/// n rows of `d` values.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Row-major.
    pub values: &'a [f32],
    /// Values of a row.
    pub d: usize,
}

/// A layout and how it was come by.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Shape (n, columns), row-major.
    pub positions: Vec<f32>,
    /// Edges of the fuzzy graph.
    pub edges: usize,
    /// Its components, where the start needed them.
    pub components: Option<usize>,
    /// How far the spectral start is from eigenvectors (of length 1).
    pub residual: Option<f64>,
    /// The curve.
    pub curve: Curve,
}

/// Lays out points by their neighbors with our own optimizer.
///
/// `lists` is already cut to the neighbors of `options.n_neighbors`; `rows` is needed by the PCA start alone. The same bytes
/// at any number of threads and on every kernel; a, b and PCA coordinates go through the C library's powers
/// and logarithms once, which may differ between platforms in the last bit.
pub fn layout(
    lists: Lists<'_>,
    rows: Option<Rows<'_>>,
    options: &Options,
    seed: Seed,
    kernel: Kernel,
    progress: &dyn Progress,
) -> Result<Layout, Error> {
    let curve = Curve::fit(options.min_dist, options.spread).ok_or(Error::Curve {
        min_dist: options.min_dist,
        spread: options.spread,
    })?;
    let columns = options.components;
    let graph = fuzzy_graph(lists);
    let n = graph.len();
    let Start {
        mut positions,
        components,
        residual,
    } = start(&graph, rows, options, seed)?;
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
    progress.begin("laying out", Some(descent.epochs as u64), "epochs");
    optimize(
        kernel,
        &graph,
        &mut positions,
        columns,
        &forces,
        &descent,
        &|| progress.advance(1),
    );
    progress.end();
    Ok(Layout {
        positions,
        edges: graph.neighbors.len() / 2,
        components,
        residual,
        curve,
    })
}

/// The fuzzy union of the lists' memberships.
pub fn fuzzy_graph(lists: Lists<'_>) -> Fuzzy {
    Fuzzy::union(
        lists.ids,
        &smooth::memberships(lists.distances, lists.k),
        lists.k,
    )
}

/// Where a layout begins.
pub(crate) struct Start {
    /// Shape (n, columns), row-major.
    pub(crate) positions: Vec<f32>,
    /// Components of the graph, where the start is spectral.
    pub(crate) components: Option<usize>,
    /// How far it is from eigenvectors, where it is spectral.
    pub(crate) residual: Option<f64>,
}

/// The start that the options name, within 0..10.
pub(crate) fn start(
    graph: &Fuzzy,
    rows: Option<Rows<'_>>,
    options: &Options,
    seed: Seed,
) -> Result<Start, Error> {
    let columns = options.components;
    let noise = |i: usize, column: usize| {
        seed.stream("project/start", (i * 128 + column) as u64)
            .next_f32()
    };
    let jitter = |i: usize, column: usize| {
        seed.stream("project/jitter", (i * 128 + column) as u64)
            .next_f32()
    };
    let anywhere = |positions| Start {
        positions,
        components: None,
        residual: None,
    };
    let mut start = match options.init {
        Init::Spectral => {
            let found = init::spectral(graph, columns, &noise);
            Start {
                positions: found.positions,
                components: Some(found.components),
                residual: Some(found.residual),
            }
        }
        Init::Pca => {
            let rows = rows.ok_or(Error::NoEmbeddings)?;
            anywhere(init::pca(rows.values, rows.d, columns, &noise))
        }
        Init::Random => anywhere(init::random(graph.len(), columns, &noise)),
    };
    init::fit(&mut start.positions, columns, &jitter);
    Ok(start)
}
