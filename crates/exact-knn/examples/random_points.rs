//! The 10 nearest neighbors of random points, compared with brute force.
//!
//!     cargo run --release -p exact-knn --example random_points

use std::time::Instant;

use exact_knn::{Metric, Points, knn, reduced_distance};

const N: usize = 5_000;
const D: usize = 128;
const K: usize = 10;

fn main() -> Result<(), exact_knn::Error> {
    let values = random(N * D);
    let points = Points::new(&values, D)?;

    let start = Instant::now();
    let (neighbors, stats) = knn(points, Metric::Cosine, K, &|_| ())?;
    let scan = start.elapsed();

    let start = Instant::now();
    let wrong = (0..N)
        .filter(|&i| brute_force(points, i) != neighbors.row(i).0)
        .count();
    let brute_force = start.elapsed();

    #[expect(clippy::print_stdout, reason = "an example prints its result")]
    {
        let (ids, distances) = neighbors.row(0);
        println!("neighbors of row 0: {ids:?}");
        println!("distances of row 0: {distances:.4?}");
        println!(
            "kernel {}: {} of {} pairs re-ranked",
            stats.kernel,
            stats.reranked,
            N * (N - 1) / 2
        );
        println!("exact-knn {scan:.2?}, one thread of brute force {brute_force:.2?}");
        println!("rows with a wrong list: {wrong}");
    }
    assert_eq!(wrong, 0);
    Ok(())
}

/// The ids of the K nearest neighbors of row `i`, by sorting all distances.
fn brute_force(points: Points<'_>, i: usize) -> Vec<u32> {
    let mut others: Vec<(f64, u32)> = (0..points.n())
        .filter(|&j| j != i)
        .map(|j| {
            let reduced = reduced_distance(points.row(i), points.row(j), Metric::Cosine);
            (reduced, j as u32)
        })
        .collect();
    others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    others.into_iter().take(K).map(|(_, id)| id).collect()
}

/// Values between -1 and 1 (`SplitMix64`).
fn random(count: usize) -> Vec<f32> {
    let mut state = 0_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count)
        .map(|_| (next() >> 40) as f32 / 8_388_608.0 - 1.0)
        .collect()
}
