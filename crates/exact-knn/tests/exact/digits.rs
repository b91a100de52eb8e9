//! Rows that an `f32` can hardly distinguish, against formulas that lose no digit on them.

use exact_knn::{Index, Kernel, Metric, Points, knn, reduced_distance};
use test_support::noise;

use crate::{METRICS, all, assert_exact};

const DIMENSIONS: [usize; 4] = [2, 3, 64, 384];

/// Rows around a few centers of about unit length, as far from them as `spread` says.
pub(crate) fn near_copies(n: usize, d: usize, spread: f32, seed: u64) -> Vec<f32> {
    let middle = noise(5 * d, seed);
    let mut values = noise(n * d, seed + 1);
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        let middle = &middle[i % 5 * d..][..d];
        let length = middle.iter().map(|x| x * x).sum::<f32>().sqrt();
        for (value, middle) in row.iter_mut().zip(middle) {
            *value = middle / length + spread * *value / (d as f32).sqrt();
        }
    }
    values
}

/// Each row multiplied by a number of its own between `least` and `most`.
fn stretched(mut values: Vec<f32>, d: usize, least: f32, most: f32) -> Vec<f32> {
    let rows = values.len() / d;
    for (row, share) in values.chunks_exact_mut(d).zip(noise(rows, 77)) {
        let factor = least * (most / least).powf((share / 6.0 + 0.5).clamp(0.0, 1.0));
        for value in row {
            *value *= factor;
        }
    }
    values
}

/// The sum of terms and of its rounding errors (Neumaier 1974).
fn compensated(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0f64);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() {
            (sum - next) + term
        } else {
            (term - next) + sum
        };
        sum = next;
    }
    sum + lost
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    compensated(a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)))
}

/// What pairs are ordered by. The cosine comes from the sine by Lagrange's identity, `|a|^2 |b|^2 - <a, b>^2` as the sum
/// of the squares of `a_i b_j - a_j b_i`, of which every product is exact.
fn oracle(a: &[f32], b: &[f32], metric: Metric) -> f64 {
    match metric {
        Metric::Cosine => {
            let (a_length, b_length) = (product(a, a).sqrt(), product(b, b).sqrt());
            let cosine = product(a, b) / a_length / b_length;
            if cosine < 0.5 {
                return 1.0 - cosine;
            }
            let wide = |row: &[f32]| -> Vec<f64> { row.iter().map(|&x| f64::from(x)).collect() };
            let (x, y) = (wide(a), wide(b));
            let unit = 1.0 / (a_length * b_length);
            let mut squared = 0.0;
            for i in 0..x.len() {
                for j in i + 1..x.len() {
                    let sine = (x[i] * y[j] - x[j] * y[i]) * unit;
                    squared += sine * sine;
                }
            }
            squared / (1.0 + cosine)
        }
        Metric::L2 => {
            let difference = |(&x, &y)| f64::from(x) - f64::from(y);
            0.5 * compensated(a.iter().zip(b).map(difference).map(|x: f64| x * x))
        }
        Metric::InnerProduct => -product(a, b),
    }
}

/// Every kernel, by codes and by brute force, lists what the oracle lists, except among pairs that are equal even in
/// `f64`; distances are within one unit in the last place of an `f32`; copies are sorted by id.
fn assert_right(name: &str, values: &[f32], d: usize, k: usize) {
    let points = Points::new(values, d).unwrap();
    let n = points.n();
    for metric in METRICS {
        let queries: Vec<u32> = (0..n as u32)
            .step_by(if d > 100 { 23 } else { 1 })
            .collect();
        let truth: Vec<Vec<(f64, u32)>> = queries
            .iter()
            .map(|&i| {
                let row = |i: u32| points.row(i as usize);
                test_support::nearest(i, 0..n as u32, n, |i, j| oracle(row(i), row(j), metric))
            })
            .collect();
        let mut first = None;
        for kernel in Kernel::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available())
        {
            let index = Index::with_kernel(points, metric, kernel).unwrap();
            let quantized = Index::with_kernel(points, metric, kernel).unwrap();
            for index in [index, quantized.quantized()] {
                let (found, _) = index.knn(k, &|_| ()).unwrap();
                let first = first.get_or_insert_with(|| found.clone());
                assert_eq!(&found, first, "{name} {metric} d={d} {kernel}");
            }
        }
        let found = first.unwrap();
        for (&i, truth) in queries.iter().zip(&truth) {
            let row = points.row(i as usize);
            let (ids, distances) = found.row(i as usize);
            for (at, (&id, &distance)) in ids.iter().zip(distances).enumerate() {
                let place = || format!("{name} {metric} d={d} row {i} place {at}");
                let (expected, expected_id) = truth[at];
                let other = points.row(id as usize);
                let own = oracle(row, other, metric);
                let (allowed, value) = match metric {
                    Metric::Cosine => (1e-8 * expected, own),
                    Metric::L2 => (1e-13 * expected, (2.0 * own).sqrt()),
                    // One unit in the last place, and what is left where nearly all of the terms cancel.
                    Metric::InnerProduct => (
                        2.3e-16 * expected.abs()
                            + 1e-28 * (product(row, row) * product(other, other)).sqrt(),
                        1.0 + own,
                    ),
                };
                assert!(
                    own - expected <= allowed,
                    "{}: {own:e} for {expected:e}",
                    place()
                );
                if expected == 0.0 && metric != Metric::InnerProduct {
                    assert_eq!((id, distance), (expected_id, 0.0), "{}", place());
                }
                let error = (f64::from(distance) - value).abs();
                let digit = 2f64.powi(-24) * 1.02 * value.abs() + 1e-45;
                assert!(
                    error <= digit + allowed,
                    "{}: {distance:e} for {value:e}",
                    place()
                );
            }
        }
    }
}

#[test]
fn near_copies_of_unit_length() {
    for d in DIMENSIONS {
        for spread in [1e-5, 1e-6, 1e-7] {
            let values = near_copies(330, d, spread, 20 + d as u64);
            assert_right(&format!("spread {spread:e}"), &values, d, 9);
        }
    }
}

#[test]
fn near_copies_of_any_length() {
    for d in DIMENSIONS {
        for (least, most) in [
            (0.01, 100.0),
            (1e-12, 1e12),
            (8e-4, 8e-4),
            (1e-20, 1e-19),
            (1e15, 1e16),
        ] {
            let values = stretched(near_copies(290, d, 1e-6, 30), d, least, most);
            assert_right(&format!("{least:e} to {most:e}"), &values, d, 9);
        }
    }
}

#[test]
fn short_and_long_rows() {
    for d in DIMENSIONS {
        for length in [8e-4, 1e-20, 3e16] {
            let values = noise(300 * d, 40);
            let scale = length / (d as f32).sqrt();
            let values: Vec<f32> = values.iter().map(|x| x * scale).collect();
            assert_right(&format!("length {length:e}"), &values, d, 9);
        }
    }
}

#[test]
fn near_copies_among_others() {
    for d in DIMENSIONS {
        let mut values = noise(200 * d, 50);
        values.extend(near_copies(100, d, 1e-7, 51));
        values.extend(stretched(near_copies(60, d, 1e-6, 51), d, 1e-3, 10.0));
        // Rows on one ray, with few digits, so that the products are exact.
        let ray: Vec<f32> = noise(d, 52).iter().map(|x| (x * 64.0).round()).collect();
        for factor in [3.0, 5.0, 7.0, 9.0, 11.0, 13.0] {
            values.extend(ray.iter().map(|x| x * factor));
        }
        assert_right("mixed", &values, d, 12);
        assert_exact(&values, d, 12);
    }
}

/// More than two blocks, so that there are pairs of blocks.
#[test]
fn many_near_copies() {
    for values in [
        near_copies(1100, 8, 1e-6, 60),
        stretched(near_copies(1100, 8, 1e-7, 61), 8, 1e-3, 1e3),
    ] {
        assert_right("many", &values, 8, 10);
        assert_exact(&values, 8, 10);
    }
}

#[test]
fn the_nearest_of_three_near_copies() {
    let values = [
        0.903_470_16_f32,
        0.094_012_3,
        0.903_469_5,
        0.094_012_21,
        0.903_469_74,
        0.094_012_32,
    ];
    let points = Points::new(&values, 2).unwrap();
    let (found, _) = knn(points, Metric::Cosine, 2, &|_| ()).unwrap();
    assert_eq!(found.row(0).0, [1, 2]);
}

/// Rows in another order have the same neighbors: the distance of a pair is the same in both directions.
#[test]
fn the_order_of_rows_changes_nothing() {
    let (n, d, k) = (700, 16, 8);
    let values = near_copies(n, d, 1e-6, 70);
    let points = Points::new(&values, d).unwrap();
    let place = |i: usize| i * 37 % n;
    let mut moved = vec![0.0; n * d];
    for i in 0..n {
        moved[place(i) * d..][..d].copy_from_slice(points.row(i));
    }
    let moved = Points::new(&moved, d).unwrap();
    for metric in METRICS {
        for (&i, &j) in all(n).iter().zip(all(n).iter().rev()) {
            let (a, b) = (points.row(i as usize), points.row(j as usize));
            let both = [
                reduced_distance(a, b, metric),
                reduced_distance(b, a, metric),
            ];
            assert_eq!(both[0].to_bits(), both[1].to_bits(), "{metric}");
        }
        let (before, _) = knn(points, metric, k, &|_| ()).unwrap();
        let (after, _) = knn(moved, metric, k, &|_| ()).unwrap();
        for i in 0..n {
            let (ids, distances) = before.row(i);
            let ids: Vec<u32> = ids.iter().map(|&id| place(id as usize) as u32).collect();
            assert_eq!(
                (&ids[..], distances),
                after.row(place(i)),
                "{metric} row {i}"
            );
        }
    }
}

/// Rows of multiples of 2^-14 around 1000, which differ by less than the rounding error of a plain sum of their products.
/// In 64-bit integers the products are exact: lists must be in their order, but for products of equal `f64`.
#[test]
fn inner_products_around_a_common_offset() {
    const UNITS: f64 = 16_384.0;
    let (n, d, k) = (600, 384, 10);
    let rows: Vec<Vec<i64>> = noise(n * d, 71)
        .chunks_exact(d)
        .map(|row| row.iter().map(|x| 16_384_000 + (x * 2.0) as i64).collect())
        .collect();
    let values: Vec<f32> = rows
        .iter()
        .flatten()
        .map(|&x| (x as f64 / UNITS) as f32)
        .collect();
    let points = Points::new(&values, d).unwrap();
    let metric = Metric::InnerProduct;
    let index = Index::new(points, metric).unwrap();
    let products = |i: usize| -> Vec<i64> {
        rows.iter()
            .map(|row| row.iter().zip(&rows[i]).map(|(x, y)| x * y).sum())
            .collect()
    };
    let (found, _) = index.knn(k, &|_| ()).unwrap();
    for i in (0..n).step_by(7) {
        let products = products(i);
        let all = (0..n as u32).filter(|&j| j as usize != i);
        let mut expected: Vec<u32> = all.collect();
        expected.sort_by(|&a, &b| {
            let rounded = |j: u32| products[j as usize] as f64;
            rounded(b).total_cmp(&rounded(a)).then(a.cmp(&b))
        });
        assert_eq!(found.row(i).0, &expected[..k], "row {i}");
    }
}
