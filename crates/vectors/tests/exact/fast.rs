//! The fast margin against the proven one.

use test_support::noise;
use vectors::{Margin, Metric, Points, Search, knn};

use crate::METRICS;

fn fast() -> Search {
    Search {
        margin: Margin::Fast,
        ..Search::default()
    }
}

/// Makes of every 64th row, from its values and those of one direction, a row along it.
fn align(values: &mut [f32], d: usize, made: impl Fn(f32, f32) -> f32) {
    let direction = noise(d, 80);
    for row in values.chunks_exact_mut(d).skip(1).step_by(64) {
        for (value, &along) in row.iter_mut().zip(&direction) {
            *value = made(*value, along);
        }
    }
}

/// The fast margin says that it proves nothing, and misses next to nothing.
#[test]
fn fast_margin() {
    let (n, d, k) = (2000, 96, 10);
    let values = noise(n * d, 77);
    let points = Points::new(&values, d).unwrap();
    for metric in METRICS {
        let (found, report) = knn(points, metric, k, &fast(), &|_| true).unwrap();
        let (exact, proven) = knn(points, metric, k, &Search::default(), &|_| true).unwrap();
        assert_eq!(
            (report.certified, report.fallen_back),
            (false, 0),
            "{metric}"
        );
        assert!(report.reranked < proven.reranked);
        let same = found
            .ids
            .iter()
            .zip(&exact.ids)
            .filter(|(a, b)| a == b)
            .count();
        assert!(same as f64 >= 0.999 * (n * k) as f64, "{metric}: {same}");
    }
}

/// Lengths so different that one step cannot serve all: the errors are larger than the fast margin expects of a
/// typical row, or the rows are lost in rounding; either way the answer must not suffer unnoticed.
#[test]
fn fast_margin_on_hard_rows() {
    let (n, d, k) = (600, 16, 5);
    let mut values = noise(n * d, 78);
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        for value in row.iter_mut() {
            *value *= 4f32.powi(i as i32 % 9);
        }
    }
    let points = Points::new(&values, d).unwrap();
    let (found, report) = knn(points, Metric::L2, k, &fast(), &|_| true).unwrap();
    let (exact, _) = knn(points, Metric::L2, k, &Search::default(), &|_| true).unwrap();
    assert!(!report.certified || found == exact);
}

/// Long rows of one direction that the sample behind the step does not hold: all are clipped, and all in the same
/// direction, so that their scores among themselves are far too low and none of their pairs would be met.
#[test]
fn the_fast_margin_loses_no_clipped_rows() {
    let (n, d, k) = (4096, 256, 10);
    let mut values = noise(n * d, 79);
    align(&mut values, d, |value, along| 20.0 * along + 0.1 * value);
    let points = Points::new(&values, d).unwrap();
    let (found, report) = knn(points, Metric::L2, k, &fast(), &|_| true).unwrap();
    let (exact, _) = knn(points, Metric::L2, k, &Search::default(), &|_| true).unwrap();
    assert!(!report.certified);
    assert_eq!(found, exact);
}

/// Short rows of one direction, all of which is lost in rounding. The cells among themselves show it, and the rest is not
/// searched twice.
#[test]
fn doubt_of_the_fast_margin_comes_early() {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    let (n, d, k) = (4096, 1024, 10);
    let mut values = noise(n * d, 79);
    align(&mut values, d, |value, along| 0.006 * (along + 0.1 * value));
    let points = Points::new(&values, d).unwrap();
    let told = AtomicU64::new(0);
    let watch = |rows| {
        told.fetch_add(rows, Relaxed);
        true
    };
    let (found, report) = knn(points, Metric::L2, k, &fast(), &watch).unwrap();
    let (exact, _) = knn(points, Metric::L2, k, &Search::default(), &|_| true).unwrap();
    assert!(report.certified);
    assert_eq!(report.fallen_back, n as u64);
    assert_eq!(found, exact);
    let told = told.into_inner();
    assert!((n as u64..n as u64 * 3 / 2).contains(&told), "{told}");
}
