//! What a neighbor graph looks like: how evenly rows are listed, whether it hangs together, how many rows are copies.
//!
//! In high dimension a few rows come to stand in very many lists (hubs) and others in none; the skewness of the number
//! of lists a row stands in is the usual measure (Radovanović, Nanopoulos and Ivanović, JMLR 2010), and rows beyond two
//! standard deviations over the mean are hubs. Cost: O(n k).

use knn_graph::{Components, UnionFind};
use serde::Serialize;
use vectors::Metric;

/// The figures of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Shape {
    /// Parts that no link joins, links taken in both directions. More than one is usual with a small k.
    pub components: usize,
    /// Rows in the largest part.
    pub largest_component: usize,
    /// Rows that stand in no list.
    pub unlisted: usize,
    /// Rows that stand in more lists than the mean and two standard deviations.
    pub hubs: usize,
    /// The largest number of lists that one row stands in; the mean is k.
    pub most_listed: usize,
    /// Skewness of that number over the rows: 0 is even, above 1 is marked.
    pub listing_skew: f64,
    /// Rows that have a copy: their nearest is at distance 0. Nothing is known of that under inner products, where copies
    /// are at no certain distance and need not be near.
    pub duplicates: Option<usize>,
    /// Rows whose whole list is at distance 0: there are more copies than places, and nothing else is seen of them.
    pub drowned: Option<usize>,
}

/// The figures of the graph with `k` neighbors a row.
///
/// # Panics
///
/// If `k` is 0 or an id is no row.
pub fn shape(ids: &[u32], distances: &[f32], metric: Metric, k: usize) -> Shape {
    let n = ids.len() / k;
    let mut listed = vec![0u32; n];
    let mut parts = UnionFind::new(n);
    for (i, row) in ids.chunks_exact(k).enumerate() {
        for &j in row {
            listed[j as usize] += 1;
            parts.union(i as u32, j);
        }
    }
    let mean = k as f64;
    let moment = |power| {
        listed
            .iter()
            .map(|&times| (f64::from(times) - mean).powi(power))
            .sum::<f64>()
            / n as f64
    };
    let deviation = moment(2).sqrt();
    // The graph's own count reads lists without negative distances, which inner products have.
    let parts = Components::from_roots(parts.roots());
    let copies = |at: usize| {
        (metric != Metric::InnerProduct).then(|| {
            distances
                .chunks_exact(k)
                .filter(|row| row[at] == 0.0)
                .count()
        })
    };
    Shape {
        components: parts.count,
        largest_component: parts.largest,
        unlisted: listed.iter().filter(|&&times| times == 0).count(),
        hubs: listed
            .iter()
            .filter(|&&times| f64::from(times) > mean + 2.0 * deviation)
            .count(),
        most_listed: listed.iter().copied().max().unwrap_or(0) as usize,
        listing_skew: if deviation > 0.0 {
            moment(3) / deviation.powi(3)
        } else {
            0.0
        },
        duplicates: copies(0),
        drowned: copies(k - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pairs_and_a_star() {
        // 0 and 1 are copies; 2, 3, 4 list 5, and 5 lists 2.
        let (ids, distances) = ([1, 0, 5, 5, 5, 2], [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        let of = |metric| super::shape(&ids, &distances, metric, 1);
        let shape = of(Metric::L2);
        assert_eq!((shape.components, shape.largest_component), (2, 4));
        assert_eq!((shape.unlisted, shape.most_listed), (2, 3));
        assert_eq!((shape.duplicates, shape.drowned), (Some(2), Some(2)));
        // An inner product of 1 is no sign of a copy.
        let shape = of(Metric::InnerProduct);
        assert_eq!((shape.duplicates, shape.drowned), (None, None));
        assert!(shape.listing_skew > 0.5);
    }

    #[test]
    fn an_even_ring_has_no_hubs() {
        let ids: Vec<u32> = (0..10).map(|i| (i + 1) % 10).collect();
        let shape = shape(&ids, &[1.0; 10], Metric::Cosine, 1);
        assert_eq!(
            (
                shape.components,
                shape.hubs,
                shape.unlisted,
                shape.duplicates
            ),
            (1, 0, 0, Some(0))
        );
        assert_eq!(shape.listing_skew, 0.0);
    }
}
