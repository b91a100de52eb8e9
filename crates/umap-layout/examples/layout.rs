//! Lays out ten groups of points from 20 dimensions in 2, and prints how far the result can be trusted.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use exact_knn::{Metric, Points};
use knn_graph::KnnGraph;
use random_streams::Seed;
use umap_layout::{Init, Kernel, Options, layout, quality};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (n, d, groups) = (2_000, 20, 10);
    let seed = Seed(42);
    let value = |step: &str, at: usize| seed.stream(step, at as u64).next_f32() - 0.5;
    let values: Vec<f32> = (0..n * d)
        .map(|at| {
            let (i, column) = (at / d, at % d);
            3.0 * value("centers", i % groups * d + column) + value("points", at)
        })
        .collect();
    let points = Points::new(&values, d)?;
    let (knn, _) = exact_knn::knn(points, Metric::L2, 15, &|_| ())?;
    let graph = KnnGraph::new(knn.ids, knn.distances, knn.k)?;

    for init in [Init::Spectral, Init::Pca, Init::Random] {
        let options = Options {
            init,
            ..Options::default()
        };
        // umap-learn's n_neighbors = 15 counts the point itself.
        let neighbors = graph.view().first(14);
        let kernel = Kernel::best();
        let found = layout(&neighbors, Some(points), &options, seed, kernel, &|| {})?;
        let measured = Some((points, Metric::L2));
        let (figures, _) = quality(&found.positions, 2, &graph.view(), measured, seed);
        println!(
            "{init:?}: {} edges, trustworthiness {:.3?}, {:.1} % of the neighbors kept, first point at {:.2?}",
            found.edges,
            figures.trustworthiness,
            100.0 * figures.preserved,
            &found.positions[..2],
        );
    }
    Ok(())
}
