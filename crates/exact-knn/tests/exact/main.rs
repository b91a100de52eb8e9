//! Every search against a naive reference in `f64`.

#![expect(clippy::unwrap_used, reason = "tests")]

mod digits;

use std::collections::BTreeMap;

use exact_knn::{
    BoruvkaQuery, DendrogramOrder, Edge, Error, Index, Kernel, Metric, Points, check, distance,
    knn, reduced_distance,
};
use proptest::prelude::*;
use test_support::noise;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::InnerProduct];

/// The distance by its definition, in `f64`.
fn reference(a: &[f32], b: &[f32], metric: Metric) -> f64 {
    match metric {
        Metric::Cosine => test_support::cosine_distance(a, b),
        Metric::L2 => test_support::euclidean(a, b),
        Metric::InnerProduct => test_support::inner_product_distance(a, b),
    }
}

/// Every list by sorting all pairs by reduced distance, then by id.
fn naive(
    points: Points<'_>,
    queries: &[u32],
    among: &[u32],
    metric: Metric,
    k: usize,
) -> (Vec<u32>, Vec<f32>) {
    let mut answer = (Vec::new(), Vec::new());
    for &i in queries {
        let row = |i: u32| points.row(i as usize);
        let among = among.iter().copied();
        let nearest =
            test_support::nearest(i, among, k, |i, j| reduced_distance(row(i), row(j), metric));
        assert_eq!(nearest.len(), k);
        for (_, j) in nearest {
            answer.0.push(j);
            answer.1.push(distance(row(i), row(j), metric));
        }
    }
    answer
}

fn all(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}

fn assert_exact(values: &[f32], d: usize, k: usize) {
    let points = Points::new(values, d).unwrap();
    for metric in METRICS {
        let (ids, distances) = naive(points, &all(points.n()), &all(points.n()), metric, k);
        for kernel in Kernel::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available())
        {
            // An index of few rows is not quantized by itself.
            let index = Index::with_kernel(points, metric, kernel).unwrap();
            let quantized = Index::with_kernel(points, metric, kernel).unwrap();
            for index in [index, quantized.quantized()] {
                let (found, stats) = index.knn(k, &|_| ()).unwrap();
                assert_eq!(stats.kernel, kernel);
                assert_eq!(found.ids, ids, "{kernel} {metric} n={} d={d}", points.n());
                assert_eq!(
                    found.distances,
                    distances,
                    "{kernel} {metric} n={} d={d}",
                    points.n()
                );
            }
        }
    }
}

#[test]
fn distances_are_right() {
    for d in [1, 2, 3, 31, 32, 33, 64, 100, 384] {
        let values = noise(20 * d, d as u64);
        let points = Points::new(&values, d).unwrap();
        for metric in METRICS {
            for i in 0..20 {
                for j in 0..20 {
                    let (found, expected) = (
                        distance(points.row(i), points.row(j), metric),
                        reference(points.row(i), points.row(j), metric),
                    );
                    let allowed = 6e-8 * expected.abs() + 1e-14;
                    let error = (f64::from(found) - expected).abs();
                    assert!(
                        error <= allowed,
                        "{metric} d={d}: {found:e} for {expected:e}"
                    );
                }
            }
        }
    }
}

#[test]
fn odd_sizes() {
    for n in [2, 3, 31, 32, 33, 64, 65, 200, 255, 256, 257, 511, 512, 513] {
        for d in [1, 2, 5, 63, 64, 65, 130] {
            assert_exact(&noise(n * d, (n * d) as u64), d, 7.min(n - 1));
        }
    }
}

#[test]
fn several_cells() {
    for (n, d, k) in [
        (511, 20, 3),
        (513, 20, 30),
        (1500, 40, 50),
        (1300, 3, 8),
        (1100, 384, 600),
    ] {
        assert_exact(&noise(n * d, n as u64), d, k);
    }
}

/// Tight groups far apart: most pairs of blocks are excluded by their bounding balls.
#[test]
fn clusters() {
    let (n, d) = (1400, 16);
    let (centers, mut values) = (noise(20 * d, 40), noise(n * d, 41));
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        let center = &centers[i * 7 % 20 * d..][..d];
        row.iter_mut()
            .zip(center)
            .for_each(|(value, center)| *value = 0.01 * *value + center);
    }
    assert_exact(&values, d, 15);
}

#[test]
fn long_rows() {
    for d in [384, 1023, 1024, 4096] {
        assert_exact(&noise(150 * d, d as u64), d, 10);
    }
}

#[test]
fn duplicates_are_sorted_by_id() {
    let d = 48;
    let distinct = noise(5 * d, 3);
    let values: Vec<f32> = (0..300)
        .flat_map(|i| distinct[(i % 5) * d..(i % 5 + 1) * d].to_vec())
        .collect();
    assert_exact(&values, d, 20);
}

#[test]
fn constant_data() {
    assert_exact(&vec![0.25; 100 * 33], 33, 9);
}

#[test]
fn one_huge_dimension() {
    let d = 40;
    let mut values = noise(300 * d, 8);
    for row in values.chunks_exact_mut(d) {
        row[7] *= 1e4;
    }
    assert_exact(&values, d, 12);
    for row in values.chunks_exact_mut(d) {
        row[7] = 1e6;
    }
    assert_exact(&values, d, 12);
}

#[test]
fn lengths_of_many_magnitudes() {
    let d = 24;
    let mut values = noise(300 * d, 9);
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        for value in row.iter_mut() {
            *value *= 10f32.powi(i as i32 % 21 - 10);
        }
    }
    assert_exact(&values, d, 12);
}

#[test]
fn extreme_scales() {
    for scale in [1e-38, 1e-20, 1e17] {
        let values: Vec<f32> = noise(100 * 16, 4)
            .iter()
            .map(|value| value * scale)
            .collect();
        assert_exact(&values, 16, 5);
    }
}

/// Groups on a line, each a subblock, so tight that the squares of distances within one underflow; the nearest rows of the
/// next group come before the others of it.
#[test]
fn tight_groups_of_short_rows() {
    let offsets = noise(64 * 20, 31);
    let mut values: Vec<f32> = (0..)
        .zip(&offsets)
        .map(|(i, offset)| (i / 64) as f32 * 1e-20 + offset * 1e-23)
        .collect();
    values[64 * 20 - 1] = 2e-15;
    let points = Points::new(&values, 1).unwrap();
    let n = points.n();
    let (found, _) = knn(points, Metric::L2, 70, &|_| ()).unwrap();
    assert_eq!(
        (found.ids, found.distances),
        naive(points, &all(n), &all(n), Metric::L2, 70)
    );
}

/// A common offset of all rows does not change their neighbors, and costs nothing under L2.
#[test]
fn a_common_offset() {
    let (n, d, k) = (1200, 40, 10);
    let near = noise(n * d, 32);
    let mut far = near.clone();
    far.iter_mut()
        .skip(7)
        .step_by(d)
        .for_each(|value| *value = 1e6);
    assert_exact(&far, d, k);
    let reranked = |values: &[f32]| {
        let points = Points::new(values, d).unwrap();
        knn(points, Metric::L2, k, &|_| ()).unwrap().1.reranked
    };
    assert!(2 * reranked(&far) < 3 * reranked(&near));
}

/// A query that is no member may be out of the range of the codes of the members.
#[test]
fn queries_far_from_the_members() {
    let (n, d, k) = (700, 24, 5);
    let mut values: Vec<f32> = noise(n * d, 33).iter().map(|value| value + 3.0).collect();
    for (row, scale) in values
        .chunks_exact_mut(d)
        .zip([1e-33f32, 1e17, 1e9, 1e-9, 1e4])
    {
        for value in row {
            *value *= scale;
        }
    }
    let points = Points::new(&values, d).unwrap();
    let members: Vec<u32> = (5..n as u32).collect();
    let queries = [0, 1, 2, 3, 4, 5];
    for metric in METRICS {
        let index = Index::of_members(points, &members, metric).unwrap();
        let (found, _) = index.knn_of(&queries, k, &|_| ()).unwrap();
        let expected = naive(points, &queries, &members, metric, k);
        assert_eq!((found.ids, found.distances), expected, "{metric}");
    }
}

#[test]
fn some_rows_and_members() {
    let (n, d, k) = (1400, 32, 6);
    let values = noise(n * d, 12);
    let points = Points::new(&values, d).unwrap();
    let some = [7, 7, 1399, 0, 123];
    let members: Vec<u32> = (0..n as u32).filter(|i| i % 3 == 0).rev().collect();
    for metric in METRICS {
        let (found, _) = Index::new(points, metric)
            .unwrap()
            .knn_of(&some, k, &|_| ())
            .unwrap();
        assert_eq!(
            (found.ids, found.distances),
            naive(points, &some, &all(n), metric, k)
        );
        let (found, _) = Index::of_members(points, &members, metric)
            .unwrap()
            .knn(k, &|_| ())
            .unwrap();
        assert_eq!(
            (found.ids, found.distances),
            naive(points, &members, &members, metric, k)
        );
    }
}

#[test]
fn nearest_rows_of_other_components() {
    boruvka_query_is_exact(&noise(1150 * 20, 5), 20);
}

/// Near copies in small components: the edges between them are shorter than the rounding of an `f32` coordinate.
#[test]
fn nearest_rows_of_other_components_among_near_copies() {
    boruvka_query_is_exact(&digits::near_copies(620, 12, 1e-6, 5), 12);
}

fn boruvka_query_is_exact(values: &[f32], d: usize) {
    let points = Points::new(values, d).unwrap();
    let n = points.n();
    let of_four: Vec<u32> = (0..n as u32).map(|i| i * 7 % 4).collect();
    // Where each row is a component, every query has a result of its own.
    let alone: Vec<u32> = (0..n as u32).collect();
    let core: Vec<f32> = (0..n).map(|i| 0.1 + (i % 11) as f32 * 0.3).collect();
    let queries: Vec<u32> = (0..n as u32).filter(|i| i % 5 != 1).collect();
    for metric in METRICS {
        let index = Index::new(points, metric).unwrap();
        for (component, core) in [
            (&of_four, None),
            (&of_four, Some(&core[..])),
            (&alone, None),
            (&alone, Some(&core[..])),
        ] {
            let edge = |i: u32| {
                (0..n as u32)
                    .filter(|&j| component[i as usize] != component[j as usize])
                    .map(|j| {
                        let plain =
                            distance(points.row(i as usize), points.row(j as usize), metric);
                        let weight = core.map_or(plain, |core| {
                            plain.max(core[i as usize]).max(core[j as usize])
                        });
                        Edge {
                            from: i,
                            to: j,
                            weight,
                        }
                    })
                    .min_by(Edge::order)
            };
            let expected: Vec<Option<Edge>> = queries.iter().map(|&i| edge(i)).collect();
            let tight: Vec<f32> = expected.iter().map(|edge| edge.unwrap().weight).collect();
            let below: Vec<f32> = tight.iter().map(|weight| weight.next_down()).collect();
            let loose = vec![f32::INFINITY; queries.len()];
            for bound in [&loose, &tight] {
                let query = BoruvkaQuery {
                    component,
                    core,
                    queries: &queries,
                    bound,
                };
                let (lightest, _) = index.nearest_in_other_component(&query, &|_| ()).unwrap();
                let mut best: BTreeMap<u32, Edge> = BTreeMap::new();
                for edge in expected.iter().flatten() {
                    let best = best.entry(component[edge.from as usize]).or_insert(*edge);
                    if edge.order(best).is_lt() {
                        *best = *edge;
                    }
                }
                assert_eq!(lightest, Vec::from_iter(best), "{metric}");
            }
            let query = BoruvkaQuery {
                component,
                core,
                queries: &queries,
                bound: &below,
            };
            let (lightest, _) = index.nearest_in_other_component(&query, &|_| ()).unwrap();
            assert!(lightest.is_empty(), "{metric}");
        }
    }
}

#[test]
fn undercutting_edges_of_a_tree() {
    undercutting_edges_are_exact(&noise(1180 * 12, 6), 12);
}

#[test]
fn undercutting_edges_among_near_copies() {
    undercutting_edges_are_exact(&digits::near_copies(600, 12, 1e-6, 6), 12);
}

/// The single linkage of a chain: leaves in the order of the chain, merged at the given heights.
fn undercutting_edges_are_exact(values: &[f32], d: usize) {
    let points = Points::new(values, d).unwrap();
    let n = points.n();
    let order: Vec<u32> = (0..n as u32).map(|i| i * 77 % n as u32).collect();
    let core: Vec<f32> = (0..n).map(|i| 0.1 + (i % 13) as f32 * 0.05).collect();
    for metric in METRICS {
        for core in [None, Some(&core[..])] {
            let weight = |i: u32, j: u32| {
                let plain = distance(points.row(i as usize), points.row(j as usize), metric);
                core.map_or(plain, |core| {
                    plain.max(core[i as usize]).max(core[j as usize])
                })
            };
            let mut height: Vec<f32> = order
                .windows(2)
                .map(|pair| weight(pair[0], pair[1]) * 0.6)
                .collect();
            height[100] = f32::INFINITY;
            let mut expected = Vec::new();
            for p in 0..n {
                let mut highest = f32::NEG_INFINITY;
                for q in p + 1..n {
                    highest = highest.max(height[q - 1]);
                    let (i, j) = (order[p].min(order[q]), order[p].max(order[q]));
                    if weight(i, j) < highest {
                        expected.push(Edge {
                            from: i,
                            to: j,
                            weight: weight(i, j),
                        });
                    }
                }
            }
            expected.sort_by(Edge::order);
            let index = Index::new(points, metric).unwrap();
            let tree = DendrogramOrder {
                order: &order,
                height: &height,
                core,
            };
            assert_eq!(
                index.undercutting_edges(&tree, &|_| ()).unwrap().0,
                expected,
                "{metric}"
            );
        }
    }
}

/// Queries need not be members.
#[test]
fn queries_that_are_no_members() {
    let (n, d, k) = (900, 24, 5);
    let mut values = noise(n * d, 21);
    values[1] = f32::NAN;
    let points = Points::new(&values, d).unwrap();
    let members: Vec<u32> = (1..n as u32).filter(|i| i % 3 != 1).collect();
    for metric in METRICS {
        let index = Index::of_members(points, &members, metric).unwrap();
        let queries = [4, 1, 7, 2];
        let (found, _) = index.knn_of(&queries, k, &|_| ()).unwrap();
        assert_eq!(
            (found.ids, found.distances),
            naive(points, &queries, &members, metric, k)
        );
        assert!(matches!(
            index.knn_of(&[0], k, &|_| ()),
            Err(Error::NotFinite { row: 0, .. })
        ));
    }
}

#[test]
fn a_missing_kernel_is_an_error() {
    let points = Points::new(&[0.0, 1.0, 3.0], 1).unwrap();
    for kernel in Kernel::ALL {
        let found = Index::with_kernel(points, Metric::L2, kernel);
        match found.and_then(|index| index.knn(1, &|_| ())) {
            Ok((knn, _)) => assert_eq!((knn.ids, kernel.is_available()), (vec![1, 0, 1], true)),
            Err(Error::KernelMissing { name, .. }) => {
                assert_eq!((name, kernel.is_available()), (kernel.name(), false));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// The same bytes from one thread and from several.
#[test]
fn threads_change_nothing() {
    let (n, d, k) = (3000, 48, 12);
    let values = noise(n * d, 90);
    let found = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            knn(Points::new(&values, d).unwrap(), Metric::Cosine, k, &|_| ())
                .unwrap()
                .0
        })
    };
    assert_eq!(found(1), found(3));
}

#[test]
fn invalid_arguments_are_errors() {
    assert_eq!(
        Points::new(&[1.0; 5], 2).unwrap_err(),
        Error::Shape { values: 5, d: 2 }
    );
    let one = Points::new(&[1.0, 2.0], 2).unwrap();
    assert_eq!(
        knn(one, Metric::L2, 1, &|_| ()).unwrap_err(),
        Error::K { k: 1, others: 0 }
    );
    let zero = Points::new(&[1.0, 2.0, 0.0, 0.0], 2).unwrap();
    assert_eq!(check(zero, Metric::Cosine), Err(Error::ZeroRow { row: 1 }));
    assert_eq!(check(zero, Metric::L2), Ok(()));
    let infinite = Points::new(&[1.0, 2.0, 0.0, f32::INFINITY], 2).unwrap();
    assert_eq!(
        check(infinite, Metric::L2),
        Err(Error::NotFinite {
            row: 1,
            column: 1,
            value: f32::INFINITY
        })
    );
    assert!(check(Points::new(&[f32::NAN], 1).unwrap(), Metric::L2).is_err());
    assert!(check(Points::new(&[1e30], 1).unwrap(), Metric::InnerProduct).is_err());
    let two = Points::new(&[0.0, 1.0], 1).unwrap();
    assert_eq!(
        knn(two, Metric::L2, 2, &|_| ()).unwrap_err(),
        Error::K { k: 2, others: 1 }
    );
    assert_eq!(
        Index::new(two, Metric::L2)
            .unwrap()
            .knn_of(&[2], 1, &|_| ())
            .unwrap_err(),
        Error::NoSuchRow { row: 2, n: 2 }
    );
    let twice = Index::of_members(two, &[1, 1], Metric::L2).unwrap_err();
    assert_eq!(twice, Error::RepeatedRow { row: 1 });
}

#[test]
fn progress_adds_up() {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    let values = noise(1000 * 8, 1);
    let done = AtomicU64::new(0);
    let progress = |rows| {
        done.fetch_add(rows, Relaxed);
    };
    knn(Points::new(&values, 8).unwrap(), Metric::L2, 3, &progress).unwrap();
    assert_eq!(done.into_inner(), 1000);
}

proptest! {
    /// Small integers are exact in `f32`, so many distances are tied and order must come from the ids.
    #[test]
    fn ties_on_a_grid(grid in prop::collection::vec(-3i8..=3, 24..240), d in 1usize..4) {
        let rows = grid.len() / d;
        // Cosine refuses zeros.
        let values: Vec<f32> = grid[..rows * d].iter().map(|&x| f32::from(x) + 0.5).collect();
        assert_exact(&values, d, 5.min(rows - 1));
    }

    #[test]
    fn any_shape(n in 2usize..140, d in 1usize..80, k in 1usize..12, seed in any::<u64>()) {
        assert_exact(&noise(n * d, seed), d, k.min(n - 1));
    }
}
