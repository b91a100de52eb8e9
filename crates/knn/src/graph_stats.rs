//! Statistics of the neighbor graph: hubness, components, duplicates.
//!
//! The k-occurrence of a row is the number of lists that it is in. In high dimension a few rows (hubs) are in very many
//! lists, and others (anti-hubs) in none; the skewness of the k-occurrence is the usual measure (Radovanović, Nanopoulos and
//! Ivanović, JMLR 2010). Rows above the mean by more than two standard deviations are hubs. Cost: O(n k).

use exact_knn::{Knn, Metric};
use knn_graph::{Components, UnionFind};
use serde::Serialize;

/// Statistics of a neighbor graph.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GraphStats {
    /// Number of connected components, with edges in both directions. More than one is usual with a small k.
    pub components: usize,
    /// Number of rows in the largest component.
    pub largest_component: usize,
    /// Number of rows that are in no list.
    pub anti_hubs: usize,
    /// Number of rows whose k-occurrence is above the mean by more than two standard deviations.
    pub hubs: usize,
    /// The largest k-occurrence of a row; the mean is k.
    pub max_k_occurrence: usize,
    /// Skewness of the k-occurrence: 0 is symmetric, above 1 is marked.
    pub k_occurrence_skewness: f64,
    /// Number of rows whose nearest neighbor is at distance 0. `None` under inner products, where a distance of 0 does not
    /// mean a copy.
    pub duplicates: Option<usize>,
    /// Number of rows whose whole list is at distance 0: they have at least k copies, so the list shows nothing else.
    pub saturated_by_duplicates: Option<usize>,
}

/// The statistics of a neighbor graph.
///
/// # Panics
///
/// If an id is no row.
pub fn graph_stats(knn: &Knn, metric: Metric) -> GraphStats {
    let (n, k) = (knn.len(), knn.k);
    let mut occurrences = vec![0u32; n];
    let mut sets = UnionFind::new(n);
    for (i, row) in knn.ids.chunks_exact(k).enumerate() {
        for &j in row {
            occurrences[j as usize] += 1;
            sets.union(i as u32, j);
        }
    }
    let mean = k as f64;
    let moment = |power| {
        occurrences
            .iter()
            .map(|&times| (f64::from(times) - mean).powi(power))
            .sum::<f64>()
            / n as f64
    };
    let deviation = moment(2).sqrt();
    let components = Components::from_roots(sets.roots());
    let zero_at = |place: usize| {
        (metric != Metric::InnerProduct).then(|| {
            knn.distances
                .chunks_exact(k)
                .filter(|row| row[place] == 0.0)
                .count()
        })
    };
    GraphStats {
        components: components.count,
        largest_component: components.largest,
        anti_hubs: occurrences.iter().filter(|&&times| times == 0).count(),
        hubs: occurrences
            .iter()
            .filter(|&&times| f64::from(times) > mean + 2.0 * deviation)
            .count(),
        max_k_occurrence: occurrences.iter().copied().max().unwrap_or(0) as usize,
        k_occurrence_skewness: if deviation > 0.0 {
            moment(3) / deviation.powi(3)
        } else {
            0.0
        },
        duplicates: zero_at(0),
        saturated_by_duplicates: zero_at(k - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pairs_and_a_star() {
        // 0 and 1 are copies; 2, 3, 4 list 5, and 5 lists 2.
        let knn = Knn {
            k: 1,
            ids: vec![1, 0, 5, 5, 5, 2],
            distances: vec![0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
        };
        let stats = graph_stats(&knn, Metric::L2);
        assert_eq!((stats.components, stats.largest_component), (2, 4));
        assert_eq!((stats.anti_hubs, stats.max_k_occurrence), (2, 3));
        assert_eq!(
            (stats.duplicates, stats.saturated_by_duplicates),
            (Some(2), Some(2))
        );
        // An inner product of 1 does not show a copy.
        let stats = graph_stats(&knn, Metric::InnerProduct);
        assert_eq!(
            (stats.duplicates, stats.saturated_by_duplicates),
            (None, None)
        );
        assert!(stats.k_occurrence_skewness > 0.5);
    }

    #[test]
    fn an_even_ring_has_no_hubs() {
        let knn = Knn {
            k: 1,
            ids: (0..10).map(|i| (i + 1) % 10).collect(),
            distances: vec![1.0; 10],
        };
        let stats = graph_stats(&knn, Metric::Cosine);
        assert_eq!(
            (
                stats.components,
                stats.hubs,
                stats.anti_hubs,
                stats.duplicates
            ),
            (1, 0, 0, Some(0))
        );
        assert_eq!(stats.k_occurrence_skewness, 0.0);
    }
}
