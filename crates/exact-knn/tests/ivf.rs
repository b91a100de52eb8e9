//! Inverted lists: what probing finds, and which arguments are errors.

#![expect(clippy::unwrap_used, reason = "tests")]

use exact_knn::{Error, InvertedLists, Kernel, Knn, Metric, Points, distance, reduced_distance};
use test_support::noise;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::InnerProduct];

/// Row `i` is in list `i % count`.
fn striped(n: u32, count: u32) -> Vec<Vec<u32>> {
    (0..count)
        .map(|list| (list..n).step_by(count as usize).collect())
        .collect()
}

/// The rows in the lists `members`.
fn inverted_lists<'a>(
    points: Points<'a>,
    members: &[Vec<u32>],
    metric: Metric,
) -> Result<InvertedLists<'a>, Error> {
    InvertedLists::new(points, metric)?.with_lists(members.to_vec())
}

/// The k nearest of `among` to row `i`, padded with empty places.
fn nearest(
    points: Points<'_>,
    i: u32,
    among: impl Iterator<Item = u32>,
    metric: Metric,
    k: usize,
) -> Vec<(f32, u32)> {
    let row = |i: u32| points.row(i as usize);
    let mut all: Vec<(f32, u32)> =
        test_support::nearest(i, among, k, |i, j| reduced_distance(row(i), row(j), metric))
            .into_iter()
            .map(|(_, j)| (distance(row(i), row(j), metric), j))
            .collect();
    all.resize(k, (f32::INFINITY, Knn::NO_NEIGHBOR));
    all
}

fn listed(knn: &Knn, at: usize) -> Vec<(f32, u32)> {
    let (ids, distances) = knn.row(at);
    distances.iter().copied().zip(ids.iter().copied()).collect()
}

/// Every row probes its own list and, if its number is even, list 0.
fn queries_by_list(members: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut queries = members.to_vec();
    queries[0] = (0..).take(members.iter().map(Vec::len).sum()).collect();
    queries[0].retain(|id| id % 2 == 0 || members[0].contains(id));
    queries
}

#[test]
fn rows_list_the_nearest_of_the_lists_they_probed_and_of_the_rows_that_probed_theirs() {
    // Lists below, at and above the size of a block; the last scale is out of the range of int8.
    for (n, d, count, scale) in [(90, 7, 9, 1.0), (1400, 33, 2, 1.0), (60, 5, 4, 1e17)] {
        let values: Vec<f32> = noise(n * d, 5).iter().map(|x| scale * x).collect();
        let points = Points::new(&values, d).unwrap();
        for metric in METRICS {
            let members = striped(n as u32, count);
            let lists = inverted_lists(points, &members, metric).unwrap();
            let mut candidates = lists.candidates(12).unwrap();
            let queries = queries_by_list(&members);
            let stats = lists.probe(&queries, &mut candidates, &|_| ()).unwrap();
            assert_eq!(stats.changed.len(), n);
            let all: Vec<u32> = (0..n as u32).rev().collect();
            let knn = lists.nearest(&all, &candidates).unwrap();
            for (at, &i) in all.iter().enumerate() {
                // The lists that the row probed, and the rows that probed its list.
                let mut seen = std::collections::BTreeSet::new();
                for (members, queries) in members.iter().zip(&queries) {
                    if queries.contains(&i) {
                        seen.extend(members.iter().copied());
                    }
                    if members.contains(&i) {
                        seen.extend(queries.iter().copied());
                    }
                }
                let seen = seen.into_iter();
                let expected = nearest(points, i, seen, metric, 12);
                assert_eq!(listed(&knn, at), expected, "{metric} n={n} row {i}");
            }
            // Probing again finds nothing new.
            let again = lists.probe(&queries, &mut candidates, &|_| ()).unwrap();
            assert_eq!(
                (again.changed, again.compared),
                (Vec::new(), stats.compared)
            );
            assert_eq!(lists.nearest(&all, &candidates).unwrap(), knn);
        }
    }
}

/// Near copies and short rows, all of them candidates: the order is that of the distances in `f64`, not in `f32`.
#[test]
fn candidates_are_sorted_in_their_true_order() {
    let (n, d, k) = (24, 16, 14);
    for (spread, length) in [(1e-6, 1.0), (1.0, 2e-4), (1.0, 1e-20)] {
        let middle = noise(d, 8);
        let values: Vec<f32> = noise(n * d, 9)
            .iter()
            .enumerate()
            .map(|(at, x)| length * (middle[at % d] + spread * x))
            .collect();
        let points = Points::new(&values, d).unwrap();
        let all: Vec<u32> = (0..n as u32).collect();
        for metric in METRICS {
            let lists = InvertedLists::new(points, metric).unwrap();
            let mut candidates = lists.candidates(k).unwrap();
            lists
                .probe(std::slice::from_ref(&all), &mut candidates, &|_| ())
                .unwrap();
            let knn = lists.nearest(&all, &candidates).unwrap();
            for (at, &i) in all.iter().enumerate() {
                let expected = nearest(points, i, 0..n as u32, metric, k);
                assert_eq!(listed(&knn, at), expected, "{metric} {spread} {length}");
            }
        }
    }
}

#[test]
fn kernels_threads_and_the_order_of_probes_change_nothing() {
    let (n, d) = (1100, 40);
    let values = noise(n * d, 2);
    let points = Points::new(&values, d).unwrap();
    let members = striped(n as u32, 7);
    let all: Vec<u32> = (0..n as u32).collect();
    let search = |kernel, one_by_one: bool| {
        let lists = InvertedLists::with_kernel(points, Metric::Cosine, kernel).unwrap();
        let lists = lists.with_lists(members.clone()).unwrap();
        let mut candidates = lists.candidates(10).unwrap();
        for list in (0..7).rev() {
            let mut queries = vec![Vec::new(); 7];
            if one_by_one {
                queries[list].clone_from(&all);
            } else if list == 0 {
                queries.fill(all.clone());
            }
            lists.probe(&queries, &mut candidates, &|_| ()).unwrap();
        }
        lists.nearest(&all, &candidates).unwrap()
    };
    let expected = search(Kernel::Portable, false);
    for kernel in Kernel::ALL.into_iter().filter(|k| k.is_available()) {
        assert_eq!(search(kernel, true), expected, "{kernel}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let alone = pool.unwrap().install(|| search(kernel, false));
        assert_eq!(alone, expected, "{kernel}, one thread");
    }
}

#[test]
fn lists_hold_all_rows_each_once() {
    let values = noise(12, 1);
    let points = Points::new(&values, 2).unwrap();
    let made = |members: &[&[u32]]| {
        let members: Vec<Vec<u32>> = members.iter().map(|rows| rows.to_vec()).collect();
        inverted_lists(points, &members, Metric::L2)
    };
    assert_eq!(
        made(&[&[0, 1, 2], &[3, 4]]).unwrap_err(),
        Error::Length {
            what: "members of inverted lists",
            found: 5,
            expected: 6
        }
    );
    assert_eq!(
        made(&[&[0, 1, 2], &[3, 2, 4, 5]]).unwrap_err(),
        Error::RepeatedRow { row: 2 }
    );
    assert_eq!(
        made(&[&[0, 1, 2, 3, 4, 6]]).unwrap_err(),
        Error::NoSuchRow { row: 6, n: 6 }
    );
    let lists = made(&[&[0, 1, 2], &[3, 4, 5]]).unwrap();
    assert_eq!(
        lists.candidates(0).unwrap_err(),
        Error::K { k: 0, others: 5 }
    );
    let mut candidates = lists.candidates(2).unwrap();
    let mut probe = |queries: &[Vec<u32>]| lists.probe(queries, &mut candidates, &|_| ());
    assert!(matches!(probe(&[vec![0]]), Err(Error::Length { .. })));
    assert_eq!(
        probe(&[vec![0], vec![9]]),
        Err(Error::NoSuchRow { row: 9, n: 6 })
    );
}

/// By codes, by distances (the last scale is out of the range of int8), and after rows have moved to other lists.
#[test]
fn the_nearest_centers_of_rows() {
    // More centers than a block has rows, far apart compared with the error of 8 bits.
    let (n, d, count) = (1000, 24, 600);
    let middle = noise(count * d, 3);
    let near = noise(n * d, 4);
    let values: Vec<f32> = (0..n * d)
        .map(|at| middle[at % (count * d)] + 0.02 * near[at])
        .collect();
    for scale in [1.0, 1e17] {
        let scaled = |values: &[f32]| values.iter().map(|x| scale * x).collect::<Vec<f32>>();
        let (values, long) = (scaled(&values), scaled(&middle));
        let points = Points::new(&values, d).unwrap();
        for metric in METRICS {
            let mut middle = long.clone();
            if metric == Metric::Cosine {
                for row in middle.chunks_exact_mut(d) {
                    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
                    for x in row {
                        *x /= length;
                    }
                }
            }
            let centers = Points::new(&middle, d).unwrap();
            let lists = InvertedLists::new(points, metric).unwrap();
            let none = vec![0.0; count];
            let rows: Vec<u32> = (0..n as u32).rev().collect();
            let nearest = lists.nearest_centers(&rows, centers, &none, 3).unwrap();
            for (&row, found) in rows.iter().zip(nearest.chunks_exact(3)) {
                assert_eq!(found[0] as usize, row as usize % count, "{metric} {scale}");
                assert!(found[1] != found[0] && found[2] != found[1] && found[0] != found[2]);
            }
            let moved = lists.with_lists(striped(n as u32, 7)).unwrap();
            assert_eq!(
                moved.nearest_centers(&rows, centers, &none, 3).unwrap(),
                nearest
            );
            // A penalty so large that no row is near the center.
            let mut penalty = none;
            penalty[5] = 100.0 * scale * scale;
            let nearest = moved.nearest_centers(&rows, centers, &penalty, 1).unwrap();
            assert!(!nearest.contains(&5), "{metric} {scale}");
        }
    }
}

#[test]
fn centers_have_as_many_values_as_rows() {
    let values = noise(12, 1);
    let points = Points::new(&values, 2).unwrap();
    let lists = InvertedLists::new(points, Metric::L2).unwrap();
    let wide = Points::new(&values, 3).unwrap();
    let nearest =
        |rows: &[u32], centers, penalty: &[f32]| lists.nearest_centers(rows, centers, penalty, 2);
    assert!(matches!(
        nearest(&[0], wide, &[0.0; 4]),
        Err(Error::Length { .. })
    ));
    assert!(matches!(
        nearest(&[0], points, &[0.0; 4]),
        Err(Error::Length { .. })
    ));
    assert_eq!(
        nearest(&[6], points, &[0.0; 6]),
        Err(Error::NoSuchRow { row: 6, n: 6 })
    );
    assert_eq!(nearest(&[], points, &[0.0; 6]), Ok(Vec::new()));
}
