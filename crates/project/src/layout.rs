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
    let (mut positions, components, residual) = start(&graph, rows, options, seed)?;
    let forces = Forces {
        a: curve.a as f32,
        b: curve.b as f32,
        repulsion: options.repulsion as f32,
        negatives: options.negative_samples,
    };
    let descent = Descent {
        epochs: options.epochs_for(n),
        learning_rate: options.learning_rate as f32,
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

/// The start that the options name, within 0..10; the graph's components and the residual where it is spectral.
pub(crate) fn start(
    graph: &Fuzzy,
    rows: Option<Rows<'_>>,
    options: &Options,
    seed: Seed,
) -> Result<(Vec<f32>, Option<usize>, Option<f64>), Error> {
    let columns = options.components;
    let noise = |i: usize, column: usize| {
        seed.stream("project/start", (i * 128 + column) as u64)
            .next_f32()
    };
    let jitter = |i: usize, column: usize| {
        seed.stream("project/jitter", (i * 128 + column) as u64)
            .next_f32()
    };
    let (mut positions, components, residual) = match options.init {
        Init::Spectral => {
            let start = init::spectral(graph, columns, &noise);
            (
                start.positions,
                Some(start.components),
                Some(start.residual),
            )
        }
        Init::Pca => {
            let rows = rows.ok_or(Error::NoEmbeddings)?;
            (init::pca(rows.values, rows.d, columns, &noise), None, None)
        }
        Init::Random => (init::random(graph.len(), columns, &noise), None, None),
    };
    init::fit(&mut positions, columns, &jitter);
    Ok((positions, components, residual))
}
