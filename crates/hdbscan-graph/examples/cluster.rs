//! Three groups of points in the plane and some noise: clusters, their scores, and the labels of new points.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use exact_knn::{Metric, Points};
use hdbscan_graph::{
    FlatOptions, HierarchyOptions, LazyIndex, Predictor, cluster_sizes, flat_clustering, hierarchy,
    relative_validity,
};
use knn_graph::KnnGraph;
use random_streams::Seed;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Every tenth point is anywhere, the others belong to the groups at x = 0, 5 and 10.
    let mut values = Vec::new();
    for i in 0..600 {
        let mut stream = Seed(1).stream("points", i);
        let (x, y) = (stream.next_f32(), stream.next_f32());
        values.extend(if i % 10 == 9 {
            [12.0 * x, 6.0 * y - 3.0]
        } else {
            [5.0 * (i % 3) as f32 + x, y]
        });
    }
    let points = Points::new(&values, 2)?;
    let (knn, _) = exact_knn::knn(points, Metric::L2, 15, &|_| ())?;
    let graph = KnnGraph::new(knn.ids, knn.distances, knn.k)?;

    let index = LazyIndex::of_points(points, Metric::L2);
    let built = hierarchy(&graph.view(), &HierarchyOptions::default(), &index, &|_| {})?;
    println!(
        "{} components, {} edges added to the graph",
        built.components, built.added
    );
    for min_cluster_size in [5, 20, 80] {
        let options = FlatOptions {
            min_cluster_size,
            ..FlatOptions::default()
        };
        let found = flat_clustering(&built.linkage, &options);
        println!(
            "min_cluster_size {min_cluster_size}: sizes {:?}, {} noise, relative validity {:.2?}",
            cluster_sizes(&found.labels, found.count()),
            found.noise(),
            relative_validity(&built.tree, &found.labels, found.count()),
        );
    }

    // A new point at (5.5, 0.5), by its ten nearest old points.
    let options = FlatOptions {
        min_cluster_size: 20,
        ..FlatOptions::default()
    };
    let found = flat_clustering(&built.linkage, &options);
    let predictor = Predictor::new(
        &found.condensed,
        &found.tree,
        &found.selected,
        &options.selection,
        &built.core,
    );
    let mut near: Vec<(f32, u32)> = (0..)
        .zip(values.chunks_exact(2))
        .map(|(i, point)| (exact_knn::distance(&[5.5, 0.5], point, Metric::L2), i))
        .collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (distances, ids): (Vec<f32>, Vec<u32>) = near.into_iter().take(10).unzip();
    println!("{:?}", predictor.predict(&ids, &distances, 5));
    Ok(())
}
