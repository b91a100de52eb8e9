//! Layout engines of other authors, for comparison.

use exact_knn::Points;
use knn_graph::KnnView;
use stage::{Progress, Seed};
use umap_layout::Layout;

use crate::Error;
use crate::options::Options;

/// The crate umap-rs, with our initialization and our a and b.
///
/// Its limits in version 0.4.5: the denominator of the gradient has a surplus factor d^2, so that attraction vanishes at
/// large distances; it takes no seed and has data races, so that results differ from run to run; and it panics if a
/// neighborhood holds all points.
#[cfg(feature = "umap-rs")]
pub(crate) fn umap_rs(
    graph: &KnnView<'_>,
    points: Option<Points<'_>>,
    options: &Options,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Layout, Error> {
    use ::umap_rs::{GraphParams, ManifoldParams, OptimizationParams, Umap, UmapConfig};
    use ndarray::Array2;
    use umap_layout::{Curve, FuzzyGraph, Start, initialize};

    let curve = Curve::fit(options.min_dist, options.spread).ok_or(Error::Curve {
        min_dist: options.min_dist,
        spread: options.spread,
    })?;
    let fuzzy = FuzzyGraph::new(graph);
    let (n, k) = (graph.n(), graph.k());
    if n <= k + 1 {
        return Err(Error::EnginePoints {
            engine: "umap-rs",
            n,
            n_neighbors: k + 1,
        });
    }
    let Start {
        positions,
        connected_components,
        residual,
    } = initialize(&fuzzy, points, &options.layout(), seed)?;
    // umap-rs expects the point itself first. Inner products may be negative; only differences of distances matter.
    let columns = k + 1;
    let zero = graph.min_distance().min(0.0);
    let ids = Array2::from_shape_fn((n, columns), |(i, at)| match at {
        0 => i as u32,
        _ => graph.row(i).0[at - 1],
    });
    let distances = Array2::from_shape_fn((n, columns), |(i, at)| match at {
        0 => 0.0,
        _ => graph.row(i).1[at - 1] - zero,
    });
    let start =
        Array2::from_shape_vec((n, options.components), positions).expect("n rows of components");
    let epochs = options.layout().epochs_for(n);
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
            // umap-rs moves both ends of an edge at once, as umap-learn does.
            learning_rate: options.learning_rate.unwrap_or(1.0) as f32,
            negative_sample_rate: options.negative_samples,
            repulsion_strength: options.repulsion as f32,
        },
    };
    progress.begin("laying out with umap-rs", None, "epochs");
    // umap-rs uses only the shape of the data.
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
        edges: fuzzy.edges(),
        connected_components,
        residual,
        curve,
    })
}

/// Returns an error, because the build lacks the cargo feature; no other engine replaces it.
#[cfg(not(feature = "umap-rs"))]
pub(crate) fn umap_rs(
    _: &KnnView<'_>,
    _: Option<Points<'_>>,
    _: &Options,
    _: Seed,
    _: &dyn Progress,
) -> Result<Layout, Error> {
    Err(Error::NotCompiledIn { engine: "umap-rs" })
}
