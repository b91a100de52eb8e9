//! How far two clusterings agree.

use std::collections::BTreeMap;

/// The adjusted Rand index of two labelings of the same points (Hubert and Arabie 1985): 1 for the same partition, about 0
/// for unrelated ones. Noise counts as a cluster of its own. Takes O(n log n).
///
/// # Panics
///
/// If the two are of different lengths.
pub fn adjusted_rand_index(a: &[i32], b: &[i32]) -> f64 {
    assert_eq!(a.len(), b.len(), "two labelings of the same points");
    let (mut both, mut left, mut right) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (&x, &y) in a.iter().zip(b) {
        *both.entry((x, y)).or_insert(0_u64) += 1;
        *left.entry(x).or_insert(0_u64) += 1;
        *right.entry(y).or_insert(0_u64) += 1;
    }
    let pairs = |count: u64| count as f64 * (count as f64 - 1.0) / 2.0;
    let sum = |counts: Vec<u64>| counts.into_iter().map(pairs).sum::<f64>();
    let together = sum(both.into_values().collect());
    let (of_a, of_b) = (
        sum(left.into_values().collect()),
        sum(right.into_values().collect()),
    );
    let expected = if a.len() < 2 {
        0.0
    } else {
        of_a * of_b / pairs(a.len() as u64)
    };
    let most = f64::midpoint(of_a, of_b);
    if most == expected {
        1.0
    } else {
        (together - expected) / (most - expected)
    }
}
