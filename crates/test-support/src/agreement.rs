//! Agreement of two partitions.

use std::collections::BTreeMap;

/// The adjusted Rand index of two labelings of the same rows (Hubert and Arabie 1985): 1 for the same partition, 0 on
/// average for chance. Every label is a class, -1 too.
///
/// 1 if both have at most one row, only one class, or only single rows. Takes O(n log n).
///
/// # Panics
///
/// If the two are of different lengths.
pub fn adjusted_rand_index(a: &[i32], b: &[i32]) -> f64 {
    assert_eq!(a.len(), b.len(), "two labelings of the same rows");
    let (in_a, in_b) = (pairs(a.iter()), pairs(b.iter()));
    let (in_both, all) = (pairs(a.iter().zip(b)), pairs(a.iter().map(|_| ())));
    let expected = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let most = f64::midpoint(in_a, in_b);
    if most == expected {
        1.0
    } else {
        (in_both - expected) / (most - expected)
    }
}

/// The number of pairs of rows with the same label.
fn pairs<L: Ord>(labels: impl Iterator<Item = L>) -> f64 {
    let mut sizes = BTreeMap::new();
    for label in labels {
        *sizes.entry(label).or_insert(0.0) += 1.0;
    }
    sizes.values().map(|n| n * (n - 1.0) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use super::adjusted_rand_index as ari;

    /// Scores from the definition, worked with exact fractions.
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn the_same_partition_with_other_numbers_scores_one() {
        near(ari(&[0, 0, 1, 1, 2], &[7, 7, -1, -1, 3]), 1.0);
    }

    #[test]
    fn known_scores() {
        // Pairs together in both: 1; in a: 2, in b: 2; expected 2 x 2 / 6.
        near(
            ari(&[0, 0, 1, 1], &[0, 0, 1, 2]),
            (1.0 - 2.0 / 6.0) / (1.5 - 2.0 / 6.0),
        );
        near(ari(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5);
        near(
            ari(&[0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 2, 2]),
            0.242_424_242_424_242_42,
        );
    }

    #[test]
    fn one_class_against_many_scores_zero() {
        near(ari(&[0, 0, 0, 0], &[0, 1, 2, 3]), 0.0);
    }

    #[test]
    fn the_order_of_the_two_does_not_matter() {
        let (a, b) = ([0, 0, 1, 1, 2, 2, 2, 0], [1, 1, 1, 0, 0, 2, 2, 2]);
        near(ari(&a, &b), ari(&b, &a));
    }

    #[test]
    fn empty_and_single_row_partitions_agree() {
        near(ari(&[], &[]), 1.0);
        near(ari(&[3], &[5]), 1.0);
    }
}
