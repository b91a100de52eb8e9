//! One suite for all backends: what `knn::Backend` promises, asked of each. A new backend is one line at the end.

use knn::{Answer, BackendKind, Error, open};
use proptest::prelude::*;
use test_support::uniform;
use vectors::Metric;

use crate::data::{Impatient, ask, ask_with, options, topics};
use crate::reference;

/// The least recall that an approximate backend may have on data of topics, with its default options.
const RECALL_FLOOR: f64 = 0.95;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::InnerProduct];

/// Rows in = rows out, k distinct known ids a row, nearest first in 64 bits, the row itself left out, ties by id, distances
/// of `vectors::distance` to the bit.
fn keeps_the_form(answer: &Answer, values: &[f32], d: usize, metric: Metric, k: usize) {
    let n = values.len() / d;
    assert_eq!((answer.ids.len(), answer.distances.len()), (n * k, n * k));
    for i in 0..n {
        let ids = &answer.ids[i * k..(i + 1) * k];
        let distances = &answer.distances[i * k..(i + 1) * k];
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
                vectors::distance(row(i), row(id as usize), metric),
                "row {i}, neighbor {id}"
            );
            if at > 0 {
                let of = |id: u32| vectors::reduced_distance(row(i), row(id as usize), metric);
                let (before, here) = (ids[at - 1], id);
                assert!(
                    (of(before), before) < (of(here), here),
                    "row {i}: {before} stands before {here}"
                );
                assert!(distances[at - 1] <= distance, "row {i}");
            }
        }
    }
}

/// Share of the reference's neighbors that are listed or tied with what is listed.
fn recall(answer: &Answer, values: &[f32], d: usize, metric: Metric, k: usize) -> f64 {
    let n = values.len() / d;
    let hits: usize = (0..n)
        .map(|i| {
            let farthest = reference::nearest(values, d, metric, i, k)[k - 1].0;
            let limit = farthest + 1e-6 * (1.0 + farthest.abs());
            answer.distances[i * k..(i + 1) * k]
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
        let answer = ask(&values, d, &options(kind, metric, k)).unwrap();
        keeps_the_form(&answer, &values, d, metric, k);
        let found = recall(&answer, &values, d, metric, k);
        if open(kind).unwrap().exact() {
            assert!(answer.certified);
            assert_eq!(found, 1.0, "{metric}");
        } else if metric == Metric::InnerProduct {
            // Inner products are no metric: graphs and cells have no hold on them.
            assert!(found > 0.5, "{metric}: {found}");
        } else {
            assert!(found >= RECALL_FLOOR, "{metric}: {found}");
        }
    }
}

/// The smallest questions, and every k that n allows.
fn small_sizes(kind: BackendKind) {
    for n in [2, 3, 31, 32, 33, 65] {
        let values = uniform(n * 5, n as u64);
        for k in [1, n / 2, n - 1] {
            let k = k.max(1);
            let answer = ask(&values, 5, &options(kind, Metric::L2, k)).unwrap();
            keeps_the_form(&answer, &values, 5, Metric::L2, k);
        }
    }
}

/// Copies: more of them than places in a list, and rows that are all the same.
fn copies(kind: BackendKind) {
    let (d, k) = (8, 5);
    let mut values = uniform(40 * d, 1);
    let first = values[..d].to_vec();
    for _ in 0..20 {
        values.extend(&first);
    }
    let answer = ask(&values, d, &options(kind, Metric::Cosine, k)).unwrap();
    keeps_the_form(&answer, &values, d, Metric::Cosine, k);
    let same = [1.0f32, 2.0, 3.0].repeat(50);
    let answer = ask(&same, 3, &options(kind, Metric::L2, k)).unwrap();
    keeps_the_form(&answer, &same, 3, Metric::L2, k);
    assert!(answer.distances.iter().all(|&distance| distance == 0.0));
}

/// Near copies and short rows: the order is that of the rows as they are, not of what an `f32` can hold of a distance.
fn what_an_f32_cannot_tell(kind: BackendKind) {
    let (n, d, k) = (400, 12, 8);
    let middle = uniform(d, 21);
    let rows = uniform(n * d, 22);
    let near: Vec<f32> = (0..n * d)
        .map(|at| middle[at % d] + 1e-6 * rows[at])
        .collect();
    let short: Vec<f32> = rows.iter().map(|x| 4e-4 * x).collect();
    for values in [near, short] {
        for metric in METRICS {
            let answer = ask(&values, d, &options(kind, metric, k)).unwrap();
            keeps_the_form(&answer, &values, d, metric, k);
            if !open(kind).unwrap().exact() {
                continue;
            }
            for i in 0..n {
                let row = |i: usize| &values[i * d..(i + 1) * d];
                let of = |j: u32| {
                    (
                        vectors::reduced_distance(row(i), row(j as usize), metric),
                        j,
                    )
                };
                let mut all: Vec<_> = (0..n as u32).filter(|&j| j as usize != i).map(of).collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let expected: Vec<u32> = all[..k].iter().map(|&(_, j)| j).collect();
                assert_eq!(answer.ids[i * k..][..k], expected, "{metric} row {i}");
            }
        }
    }
}

/// More copies than a cell may have rows: no backend may lose rows or fill lists with nothing.
fn many_copies(kind: BackendKind) {
    let (n, d, k) = (2000, 4, 6);
    let mut values = uniform(n * d, 5);
    for row in values.chunks_exact_mut(d).take(1500) {
        row.copy_from_slice(&[0.5, 0.25, -0.5, 1.0]);
    }
    let answer = ask(&values, d, &options(kind, Metric::L2, k)).unwrap();
    keeps_the_form(&answer, &values, d, Metric::L2, k);
    assert!(
        answer.distances[..1500 * k]
            .iter()
            .all(|&distance| distance == 0.0)
    );
}

/// The same question has the same answer, on one thread too, where that is promised.
fn repeats_itself(kind: BackendKind) {
    let values = topics(900, 16, 9, 11);
    let options = options(kind, Metric::Cosine, 7);
    let first = ask(&values, 16, &options).unwrap();
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let again = alone.install(|| ask(&values, 16, &options)).unwrap();
    if open(kind).unwrap().reproducible(&options) {
        assert_eq!((first.ids, first.distances), (again.ids, again.distances));
    }
}

/// Who listens can say stop, and then there is no answer.
fn gives_up(kind: BackendKind) {
    let values = topics(900, 16, 9, 11);
    let options = options(kind, Metric::Cosine, 7);
    let error = ask_with(&values, 16, &options, &Impatient).unwrap_err();
    assert!(
        matches!(error, Error::Search(vectors::Error::Cancelled)),
        "{error}"
    );
}

/// What is foreseen grows with the question and is never less than the answer.
fn foresees_memory(kind: BackendKind) {
    let backend = open(kind).unwrap();
    let options = options(kind, Metric::Cosine, 10);
    let small = knn::memory::Size {
        n: 1000,
        d: 32,
        k: 10,
    };
    let large = knn::memory::Size {
        n: 100_000,
        ..small
    };
    assert!(backend.memory(small, &options) >= small.answer());
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
    let answer = ask(values, d, &options(kind, Metric::L2, k)).unwrap();
    if open(kind).unwrap().exact() {
        for i in 0..n {
            let truth: Vec<u32> = reference::nearest(values, d, Metric::L2, i, k)
                .into_iter()
                .map(|(_, id)| id)
                .collect();
            prop_assert_eq!(&answer.ids[i * k..(i + 1) * k], &truth[..]);
        }
    } else {
        keeps_the_form(&answer, values, d, Metric::L2, k);
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
            fn what_an_f32_cannot_tell() {
                super::what_an_f32_cannot_tell(BackendKind::$kind);
            }
            #[test]
            fn many_copies() {
                super::many_copies(BackendKind::$kind);
            }
            #[test]
            fn repeats_itself() {
                super::repeats_itself(BackendKind::$kind);
            }
            #[test]
            fn gives_up() {
                super::gives_up(BackendKind::$kind);
            }
            #[test]
            fn foresees_memory() {
                super::foresees_memory(BackendKind::$kind);
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

contract!(flat, Flat);
contract!(partitioned, Partitioned);
#[cfg(feature = "hnsw")]
contract!(hnsw, Hnsw);
#[cfg(feature = "faiss")]
contract!(faiss, Faiss);

#[test]
fn no_backend_stands_in_for_another() {
    use stage::Hint;
    for kind in BackendKind::ALL {
        match open(kind) {
            Ok(backend) => assert_eq!(format!("{kind:?}").to_lowercase(), backend.name()),
            Err(error) => assert!(
                error.hint().is_some_and(|hint| hint.contains("--backend")),
                "{error}"
            ),
        }
    }
}
