//! Rows that look into some cells: what they list, and what is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use test_support::noise;
use vectors::{Cells, Error, Kernel, Knn, Metric, Points, Search, distance, reduced_distance};

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::InnerProduct];

/// Row `i` stands in cell `i % count`.
fn striped(n: u32, count: u32) -> Vec<Vec<u32>> {
    (0..count)
        .map(|cell| (cell..n).step_by(count as usize).collect())
        .collect()
}

/// The rows in the cells `members`.
fn cells<'a>(
    points: Points<'a>,
    members: &[Vec<u32>],
    metric: Metric,
    search: Search,
) -> Result<Cells<'a>, Error> {
    Cells::new(points, metric, &search)?.regroup(members.to_vec())
}

/// The nearest of `among` to row `i`, as far as there are k.
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
    all.resize(k, (f32::INFINITY, u32::MAX));
    all
}

fn listed(knn: &Knn, at: usize) -> Vec<(f32, u32)> {
    let (ids, distances) = knn.row(at);
    distances.iter().copied().zip(ids.iter().copied()).collect()
}

/// Every row looks into its own cell and, if its number is even, into cell 0.
fn visitors(members: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut visitors = members.to_vec();
    visitors[0] = (0..).take(members.iter().map(Vec::len).sum()).collect();
    visitors[0].retain(|id| id % 2 == 0 || members[0].contains(id));
    visitors
}

#[test]
fn rows_list_the_nearest_of_what_they_looked_at_and_who_looked_at_them() {
    // Cells below, at and above what a kernel takes at once; the last scale is beyond int8.
    for (n, d, count, scale) in [(90, 7, 9, 1.0), (1400, 33, 2, 1.0), (60, 5, 4, 1e17)] {
        let values: Vec<f32> = noise(n * d, 5).iter().map(|x| scale * x).collect();
        let points = Points::new(&values, d).unwrap();
        for metric in METRICS {
            let members = striped(n as u32, count);
            let cells = cells(points, &members, metric, Search::default()).unwrap();
            let mut candidates = cells.candidates(12).unwrap();
            let visitors = visitors(&members);
            let looked = cells.look(&visitors, &mut candidates, &|_| true).unwrap();
            assert_eq!(looked.changed.len(), n);
            let all: Vec<u32> = (0..n as u32).rev().collect();
            let knn = cells.nearest(&all, &candidates).unwrap();
            for (at, &i) in all.iter().enumerate() {
                // What it looked at, and who looked at it.
                let mut seen = std::collections::BTreeSet::new();
                for (members, visitors) in members.iter().zip(&visitors) {
                    if visitors.contains(&i) {
                        seen.extend(members.iter().copied());
                    }
                    if members.contains(&i) {
                        seen.extend(visitors.iter().copied());
                    }
                }
                let seen = seen.into_iter();
                let expected = nearest(points, i, seen, metric, 12);
                assert_eq!(listed(&knn, at), expected, "{metric} n={n} row {i}");
            }
            // Nothing new is to be found there.
            let again = cells.look(&visitors, &mut candidates, &|_| true).unwrap();
            assert_eq!(
                (again.changed, again.compared),
                (Vec::new(), looked.compared)
            );
            assert_eq!(cells.nearest(&all, &candidates).unwrap(), knn);
        }
    }
}

/// Near copies and short rows, all of them candidates: what is measured decides, and not what an `f32` can hold of it.
#[test]
fn candidates_are_put_in_their_true_order() {
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
            let cells = Cells::new(points, metric, &Search::default()).unwrap();
            let mut candidates = cells.candidates(k).unwrap();
            cells
                .look(std::slice::from_ref(&all), &mut candidates, &|_| true)
                .unwrap();
            let knn = cells.nearest(&all, &candidates).unwrap();
            for (at, &i) in all.iter().enumerate() {
                let expected = nearest(points, i, 0..n as u32, metric, k);
                assert_eq!(listed(&knn, at), expected, "{metric} {spread} {length}");
            }
        }
    }
}

#[test]
fn kernels_threads_and_the_order_of_looks_change_nothing() {
    let (n, d) = (1100, 40);
    let values = noise(n * d, 2);
    let points = Points::new(&values, d).unwrap();
    let members = striped(n as u32, 7);
    let all: Vec<u32> = (0..n as u32).collect();
    let lists = |kernel, one_by_one: bool| {
        let search = Search {
            kernel: Some(kernel),
            ..Search::default()
        };
        let cells = cells(points, &members, Metric::Cosine, search).unwrap();
        let mut candidates = cells.candidates(10).unwrap();
        for cell in (0..7).rev() {
            let mut visitors = vec![Vec::new(); 7];
            if one_by_one {
                visitors[cell].clone_from(&all);
            } else if cell == 0 {
                visitors.fill(all.clone());
            }
            cells.look(&visitors, &mut candidates, &|_| true).unwrap();
        }
        cells.nearest(&all, &candidates).unwrap()
    };
    let expected = lists(Kernel::Portable, false);
    for kernel in Kernel::ALL.into_iter().filter(|k| k.is_available()) {
        assert_eq!(lists(kernel, true), expected, "{kernel}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let alone = pool.unwrap().install(|| lists(kernel, false));
        assert_eq!(alone, expected, "{kernel}, one thread");
    }
}

#[test]
fn cells_are_all_rows_each_once() {
    let values = noise(12, 1);
    let points = Points::new(&values, 2).unwrap();
    let made = |members: &[&[u32]]| {
        let members: Vec<Vec<u32>> = members.iter().map(|rows| rows.to_vec()).collect();
        cells(points, &members, Metric::L2, Search::default())
    };
    assert_eq!(
        made(&[&[0, 1, 2], &[3, 4]]).unwrap_err(),
        Error::Length {
            what: "members of cells",
            found: 5,
            expected: 6
        }
    );
    assert_eq!(
        made(&[&[0, 1, 2], &[3, 2, 4, 5]]).unwrap_err(),
        Error::NamedTwice { row: 2 }
    );
    assert_eq!(
        made(&[&[0, 1, 2, 3, 4, 6]]).unwrap_err(),
        Error::NoSuchRow { row: 6, n: 6 }
    );
    let cells = made(&[&[0, 1, 2], &[3, 4, 5]]).unwrap();
    assert_eq!(
        cells.candidates(0).unwrap_err(),
        Error::K { k: 0, others: 5 }
    );
    let mut candidates = cells.candidates(2).unwrap();
    let mut look = |visitors: &[Vec<u32>], on| cells.look(visitors, &mut candidates, &|_| on);
    assert!(matches!(look(&[vec![0]], true), Err(Error::Length { .. })));
    assert_eq!(
        look(&[vec![0], vec![9]], true),
        Err(Error::NoSuchRow { row: 9, n: 6 })
    );
    assert_eq!(look(&[vec![0], vec![1]], false), Err(Error::Cancelled));
}

/// By the codes, by measuring (the last scale is beyond int8), and after rows have changed cells.
#[test]
fn rows_are_told_their_nearest_centers() {
    // More centers than a kernel takes at once, far apart against what 8 bits lose.
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
            let whole = Cells::new(points, metric, &Search::default()).unwrap();
            let flat = vec![0.0; count];
            let rows: Vec<u32> = (0..n as u32).rev().collect();
            let told = whole.nearest_centers(&rows, centers, &flat, 3).unwrap();
            for (&row, told) in rows.iter().zip(told.chunks_exact(3)) {
                assert_eq!(told[0] as usize, row as usize % count, "{metric} {scale}");
                assert!(told[1] != told[0] && told[2] != told[1] && told[0] != told[2]);
            }
            let regrouped = whole.regroup(striped(n as u32, 7)).unwrap();
            assert_eq!(
                regrouped.nearest_centers(&rows, centers, &flat, 3).unwrap(),
                told
            );
            // A center so wide that it is worth nobody's look.
            let mut wide = flat;
            wide[5] = 100.0 * scale * scale;
            let told = regrouped.nearest_centers(&rows, centers, &wide, 1).unwrap();
            assert!(!told.contains(&5), "{metric} {scale}");
        }
    }
}

#[test]
fn centers_are_as_wide_as_rows() {
    let values = noise(12, 1);
    let points = Points::new(&values, 2).unwrap();
    let whole = Cells::new(points, Metric::L2, &Search::default()).unwrap();
    let wide = Points::new(&values, 3).unwrap();
    let ask =
        |rows: &[u32], centers, spread: &[f32]| whole.nearest_centers(rows, centers, spread, 2);
    assert!(matches!(
        ask(&[0], wide, &[0.0; 4]),
        Err(Error::Length { .. })
    ));
    assert!(matches!(
        ask(&[0], points, &[0.0; 4]),
        Err(Error::Length { .. })
    ));
    assert_eq!(
        ask(&[6], points, &[0.0; 6]),
        Err(Error::NoSuchRow { row: 6, n: 6 })
    );
    assert_eq!(ask(&[], points, &[0.0; 6]), Ok(Vec::new()));
}
