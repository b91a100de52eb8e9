//! One suite for all backends: the contract of `knn::Backend`. A new backend is one line at the end.

use exact_knn::{Knn, Metric};
use knn::{BackendKind, open};
use proptest::prelude::*;
use test_support::uniform;

use crate::data::{options, search, topics};
use crate::reference;

/// The least recall that an approximate backend may have on data of topics, with its default options.
const RECALL_FLOOR: f64 = 0.95;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::InnerProduct];

/// One list per row of k distinct valid ids, nearest first in `f64`, without the row itself, ties by id, with distances equal
/// to `exact_knn::distance`.
fn satisfies_the_contract(knn: &Knn, values: &[f32], d: usize, metric: Metric, k: usize) {
    let n = values.len() / d;
    assert_eq!((knn.ids.len(), knn.distances.len()), (n * k, n * k));
    for i in 0..n {
        let ids = &knn.ids[i * k..(i + 1) * k];
        let distances = &knn.distances[i * k..(i + 1) * k];
        let mut distinct = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), k, "row {i} lists {ids:?}");
        assert!(
            ids.iter().all(|&id| (id as usize) < n && id as usize != i),
            "row {i} lists {ids:?}"
        );
        for (at, (&id, &distance)) in ids.iter().zip(distances).enumerate() {
            let row = |i: usize| &values[i * d..(i + 1) * d];
            assert_eq!(
                distance,
                exact_knn::distance(row(i), row(id as usize), metric),
                "row {i}, neighbor {id}"
            );
            if at > 0 {
                let of = |id: u32| exact_knn::reduced_distance(row(i), row(id as usize), metric);
                let (before, here) = (ids[at - 1], id);
                assert!(
                    (of(before), before) < (of(here), here),
                    "row {i}: {before} is before {here}"
                );
                assert!(distances[at - 1] <= distance, "row {i}");
            }
        }
    }
}

/// Share of the reference's neighbors that are listed or tied with what is listed.
fn recall(knn: &Knn, values: &[f32], d: usize, metric: Metric, k: usize) -> f64 {
    let n = values.len() / d;
    let hits: usize = (0..n)
        .map(|i| {
            let farthest = reference::nearest(values, d, metric, i, k)[k - 1].0;
            let limit = farthest + 1e-6 * (1.0 + farthest.abs());
            knn.distances[i * k..(i + 1) * k]
                .iter()
                .filter(|&&distance| f64::from(distance) <= limit)
                .count()
        })
        .sum();
    hits as f64 / (n * k) as f64
}

fn topics_under_every_metric(kind: BackendKind) {
    let (n, d, k) = (1200, 24, 10);
    let values = topics(n, d, 12, 3);
    for metric in METRICS {
        let output = search(&values, d, &options(kind, metric, k)).unwrap();
        satisfies_the_contract(&output.knn, &values, d, metric, k);
        let found = recall(&output.knn, &values, d, metric, k);
        if open(kind).unwrap().exact() {
            assert!(output.certified);
            assert_eq!(found, 1.0, "{metric}");
        } else if metric == Metric::InnerProduct {
            // Inner products are no metric: graphs and inverted lists find fewer neighbors.
            assert!(found > 0.5, "{metric}: {found}");
        } else {
            assert!(found >= RECALL_FLOOR, "{metric}: {found}");
        }
    }
}

/// The smallest tables, with the smallest and the largest k.
fn small_sizes(kind: BackendKind) {
    for n in [2, 3, 31, 32, 33, 65] {
        let values = uniform(n * 5, n as u64);
        for k in [1, n / 2, n - 1] {
            let k = k.max(1);
            let output = search(&values, 5, &options(kind, Metric::L2, k)).unwrap();
            satisfies_the_contract(&output.knn, &values, 5, Metric::L2, k);
        }
    }
}

/// Copies: more of them than places in a list, and rows that are all equal.
fn copies(kind: BackendKind) {
    let (d, k) = (8, 5);
    let mut values = uniform(40 * d, 1);
    let first = values[..d].to_vec();
    for _ in 0..20 {
        values.extend(&first);
    }
    let output = search(&values, d, &options(kind, Metric::Cosine, k)).unwrap();
    satisfies_the_contract(&output.knn, &values, d, Metric::Cosine, k);
    let same = [1.0f32, 2.0, 3.0].repeat(50);
    let output = search(&same, 3, &options(kind, Metric::L2, k)).unwrap();
    satisfies_the_contract(&output.knn, &same, 3, Metric::L2, k);
    assert!(output.knn.distances.iter().all(|&distance| distance == 0.0));
}

/// Near copies and short rows: the order is that of the distances in `f64`, not in `f32`.
fn distances_that_are_equal_in_f32(kind: BackendKind) {
    let (n, d, k) = (400, 12, 8);
    let middle = uniform(d, 21);
    let rows = uniform(n * d, 22);
    let near: Vec<f32> = (0..n * d)
        .map(|at| middle[at % d] + 1e-6 * rows[at])
        .collect();
    let short: Vec<f32> = rows.iter().map(|x| 4e-4 * x).collect();
    for values in [near, short] {
        for metric in METRICS {
            let output = search(&values, d, &options(kind, metric, k)).unwrap();
            satisfies_the_contract(&output.knn, &values, d, metric, k);
            if !open(kind).unwrap().exact() {
                continue;
            }
            for i in 0..n {
                let row = |i: usize| &values[i * d..(i + 1) * d];
                let of = |j: u32| {
                    (
                        exact_knn::reduced_distance(row(i), row(j as usize), metric),
                        j,
                    )
                };
                let mut all: Vec<_> = (0..n as u32).filter(|&j| j as usize != i).map(of).collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let expected: Vec<u32> = all[..k].iter().map(|&(_, j)| j).collect();
                assert_eq!(output.knn.ids[i * k..][..k], expected, "{metric} row {i}");
            }
        }
    }
}

/// More copies than a list of an inverted file may have rows: no backend may lose rows or leave places empty.
fn many_copies(kind: BackendKind) {
    let (n, d, k) = (2000, 4, 6);
    let mut values = uniform(n * d, 5);
    for row in values.chunks_exact_mut(d).take(1500) {
        row.copy_from_slice(&[0.5, 0.25, -0.5, 1.0]);
    }
    let output = search(&values, d, &options(kind, Metric::L2, k)).unwrap();
    satisfies_the_contract(&output.knn, &values, d, Metric::L2, k);
    assert!(
        output.knn.distances[..1500 * k]
            .iter()
            .all(|&distance| distance == 0.0)
    );
}

/// The same input gives the same result, also on one thread, where the backend is reproducible.
fn is_reproducible(kind: BackendKind) {
    let values = topics(900, 16, 9, 11);
    let options = options(kind, Metric::Cosine, 7);
    let first = search(&values, 16, &options).unwrap();
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let again = alone.install(|| search(&values, 16, &options)).unwrap();
    if open(kind).unwrap().reproducible(&options) {
        assert_eq!(first.knn, again.knn);
    }
}

/// The memory estimate grows with the size and is never less than the result.
fn estimates_memory(kind: BackendKind) {
    let backend = open(kind).unwrap();
    let options = options(kind, Metric::Cosine, 10);
    let small = knn::Size {
        n: 1000,
        d: 32,
        k: 10,
    };
    let large = knn::Size {
        n: 100_000,
        ..small
    };
    assert!(backend.memory(small, &options) >= small.result());
    assert!(backend.memory(large, &options) > backend.memory(small, &options));
}

/// Small integers are exact in 32 bits: an exact backend must equal the reference id by id.
fn equals_the_reference(
    kind: BackendKind,
    grid: &[i8],
    d: usize,
    k: usize,
) -> Result<(), TestCaseError> {
    let values: Vec<f32> = grid.iter().map(|&x| f32::from(x)).collect();
    let n = values.len() / d;
    let values = &values[..n * d];
    let output = search(values, d, &options(kind, Metric::L2, k)).unwrap();
    if open(kind).unwrap().exact() {
        for i in 0..n {
            let truth: Vec<u32> = reference::nearest(values, d, Metric::L2, i, k)
                .into_iter()
                .map(|(_, id)| id)
                .collect();
            prop_assert_eq!(&output.knn.ids[i * k..(i + 1) * k], &truth[..]);
        }
    } else {
        satisfies_the_contract(&output.knn, values, d, Metric::L2, k);
    }
    Ok(())
}

macro_rules! contract {
    ($name:ident, $kind:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn topics_under_every_metric() {
                super::topics_under_every_metric(BackendKind::$kind);
            }
            #[test]
            fn small_sizes() {
                super::small_sizes(BackendKind::$kind);
            }
            #[test]
            fn copies() {
                super::copies(BackendKind::$kind);
            }
            #[test]
            fn distances_that_are_equal_in_f32() {
                super::distances_that_are_equal_in_f32(BackendKind::$kind);
            }
            #[test]
            fn many_copies() {
                super::many_copies(BackendKind::$kind);
            }
            #[test]
            fn is_reproducible() {
                super::is_reproducible(BackendKind::$kind);
            }
            #[test]
            fn estimates_memory() {
                super::estimates_memory(BackendKind::$kind);
            }
            proptest! {
                #![proptest_config(ProptestConfig::with_cases(24))]
                #[test]
                fn equals_the_reference(grid in proptest::collection::vec(-9i8..9, 24..240), d in 1usize..4, k in 1usize..6) {
                    super::equals_the_reference(BackendKind::$kind, &grid, d, k)?;
                }
            }
        }
    };
}

contract!(brute_force, BruteForce);
contract!(ivf, Ivf);
#[cfg(feature = "hnsw")]
contract!(hnsw, Hnsw);
#[cfg(feature = "faiss")]
contract!(faiss, Faiss);
#[cfg(feature = "milvus")]
contract!(milvus, Milvus);

#[test]
fn a_missing_backend_is_an_error() {
    use clap::ValueEnum;
    use stage::Hint;
    for kind in BackendKind::ALL {
        match open(kind) {
            Ok(backend) => {
                let value = kind.to_possible_value().unwrap();
                assert_eq!(value.get_name(), backend.name());
            }
            Err(error) => assert!(
                error.hint().is_some_and(|hint| hint.contains("--backend")),
                "{error}"
            ),
        }
    }
}
