//! Neighbors of points on a line by brute force, then the components of the graph for several k.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use knn_graph::KnnGraph;

fn main() -> Result<(), knn_graph::Error> {
    let at: [f32; 8] = [0.0, 0.1, 0.3, 4.0, 4.1, 4.5, 9.0, 9.2];
    let k = 4;
    let (mut ids, mut distances) = (Vec::new(), Vec::new());
    for (i, x) in at.iter().enumerate() {
        let mut row: Vec<(f32, u32)> = (0..)
            .zip(at)
            .filter(|&(j, _)| j as usize != i)
            .map(|(j, y)| ((x - y).abs(), j))
            .collect();
        row.sort_by(|a, b| a.0.total_cmp(&b.0));
        ids.extend(row[..k].iter().map(|entry| entry.1));
        distances.extend(row[..k].iter().map(|entry| entry.0));
    }
    let graph = KnnGraph::new(ids, distances, k)?;
    for k in 1..=k {
        let components = graph.view().first(k).components();
        println!("k = {k}: {:?}", components.members());
    }
    Ok(())
}
