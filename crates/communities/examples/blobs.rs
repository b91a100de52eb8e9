//! Themes and topics of Gaussian groups within groups, and of points without structure.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use communities::{find, neighbors};
use exact_knn::{Metric, Points};
use knn_graph::KnnGraph;
use random_streams::{Seed, Stream};

/// Dimensions.
const D: usize = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Four groups, each of five nearby ones.
    let mut groups = Vec::new();
    for point in 0..2_000 {
        let mut random = Seed(1).stream("groups", point);
        for axis in 0..D as u64 {
            let outer = if axis == point % 4 { 9.0 } else { 0.0 };
            let inner = if axis == 4 + point / 4 % 5 { 3.0 } else { 0.0 };
            groups.push(outer + inner + normal(&mut random));
        }
    }
    let mut random = Seed(2).stream("noise", 0);
    let noise: Vec<f32> = (0..2_000 * D).map(|_| normal(&mut random)).collect();
    for (name, values) in [("groups in groups", groups), ("no structure", noise)] {
        let points = Points::new(&values, D)?;
        let k = 2 * neighbors(points.n());
        let (knn, _) = exact_knn::knn(points, Metric::L2, k, &|_| ())?;
        let graph = KnnGraph::new(knn.ids, knn.distances, knn.k)?;
        let found = find(&graph.view(), Some((points, Metric::L2)), Seed(42))?;
        println!("{name}");
        for (at, layer) in found.layers.iter().enumerate() {
            let note = match (at == found.themes, at == found.topics) {
                (true, true) => " (themes and topics)",
                (true, false) => " (themes)",
                (false, true) => " (topics)",
                (false, false) => "",
            };
            println!(
                "  resolution {:.2}: {} communities{note}",
                layer.resolution,
                layer.partition.count()
            );
        }
    }
    Ok(())
}

/// Nearly normal: the sum of 12 uniform numbers, less 6.
fn normal(random: &mut Stream) -> f32 {
    (0..12).map(|_| random.next_f32()).sum::<f32>() - 6.0
}
