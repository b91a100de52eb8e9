//! Engines that others wrote, for comparison.

use stage::{Progress, Seed};

use crate::Error;
use crate::layout::{Layout, Lists, Rows};
use crate::options::Options;

/// The crate umap-rs, from our start and with our a and b.
///
/// Its limits in version 0.4.5: the gradient's denominator has a factor d^2 too many, so that pulls vanish at a distance;
/// it takes no seed and races, so that no two answers are equal; and it panics where a neighborhood holds all points.
#[cfg(feature = "umap-rs")]
pub(crate) fn umap_rs(
    lists: Lists<'_>,
    rows: Option<Rows<'_>>,
    options: &Options,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Layout, Error> {
    use crate::curve::Curve;
    use crate::layout::{Start, fuzzy_graph, start};
    use ::umap_rs::{GraphParams, ManifoldParams, OptimizationParams, Umap, UmapConfig};
    use ndarray::Array2;

    let curve = Curve::fit(options.min_dist, options.spread).ok_or(Error::Curve {
        min_dist: options.min_dist,
        spread: options.spread,
    })?;
    let graph = fuzzy_graph(lists);
    let n = graph.len();
    if n <= lists.k + 1 {
        return Err(Error::EnginePoints {
            engine: "umap-rs",
            n,
            n_neighbors: lists.k + 1,
        });
    }
    let Start {
        positions,
        components,
        residual,
    } = start(&graph, rows, options, seed)?;
    // Its lists hold the point itself first.
    let columns = lists.k + 1;
    let with_self = |i: usize, at: usize| (at > 0).then(|| i * lists.k + at - 1);
    let ids = Array2::from_shape_fn((n, columns), |(i, at)| {
        with_self(i, at).map_or(i as u32, |at| lists.ids[at])
    });
    let distances = Array2::from_shape_fn((n, columns), |(i, at)| {
        with_self(i, at).map_or(0.0, |at| lists.distances[at])
    });
    let start =
        Array2::from_shape_vec((n, options.components), positions).expect("n rows of components");
    let epochs = options.epochs_for(n);
    let config = UmapConfig {
        n_components: options.components,
        manifold: ManifoldParams {
            min_dist: options.min_dist as f32,
            spread: options.spread as f32,
            a: Some(curve.a as f32),
            b: Some(curve.b as f32),
        },
        graph: GraphParams {
            n_neighbors: columns,
            ..GraphParams::default()
        },
        optimization: OptimizationParams {
            n_epochs: Some(epochs),
            // It moves both ends of an edge at once, as umap-learn does.
            learning_rate: options.learning_rate.unwrap_or(1.0) as f32,
            negative_sample_rate: options.negative_samples,
            repulsion_strength: options.repulsion as f32,
        },
    };
    progress.begin("laying out with umap-rs", None, "epochs");
    // It takes only the shape of the data.
    let fitted = Umap::new(config).fit(
        Array2::zeros((n, 1)).view(),
        ids.view(),
        distances.view(),
        start.view(),
    );
    progress.end();
    let positions = fitted.into_embedding().into_iter().collect();
    Ok(Layout {
        positions,
        edges: graph.neighbors.len() / 2,
        components,
        residual,
        curve,
    })
}

/// Without the cargo feature there is no such engine, and none takes its place.
#[cfg(not(feature = "umap-rs"))]
pub(crate) fn umap_rs(
    _: Lists<'_>,
    _: Option<Rows<'_>>,
    _: &Options,
    _: Seed,
    _: &dyn Progress,
) -> Result<Layout, Error> {
    Err(Error::NotCompiledIn { engine: "umap-rs" })
}
