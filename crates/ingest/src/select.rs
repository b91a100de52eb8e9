//! Deduplication and sampling of rows.

use std::collections::HashMap;

use stage::Seed;

/// For each text the index of the first text with the same bytes. Linear in the total length.
pub fn first_of_equals<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> Vec<usize> {
    let mut first = HashMap::with_capacity(texts.len());
    texts
        .enumerate()
        .map(|(place, text)| *first.entry(text).or_insert(place))
        .collect()
}

/// A random subset of `count` of the indices 0..n, ascending. Each row has its own random number, which does not depend on the
/// other rows.
pub fn sample(source_row: &[i64], count: usize, seed: Seed) -> Vec<usize> {
    let mut drawn: Vec<(u64, usize)> = source_row
        .iter()
        .enumerate()
        .map(|(place, &row)| (seed.stream("ingest/sample", row as u64).next_u64(), place))
        .collect();
    drawn.sort_unstable();
    let mut places: Vec<usize> = drawn
        .into_iter()
        .take(count)
        .map(|(_, place)| place)
        .collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_texts_represents_them() {
        assert_eq!(
            first_of_equals(["a", "b", "a", "B", "b"].into_iter()),
            [0, 1, 0, 3, 1]
        );
    }

    #[test]
    fn a_sample_is_seeded_and_in_order() {
        let rows: Vec<i64> = (0..1_000).collect();
        let drawn = sample(&rows, 100, Seed(1));
        assert_eq!(drawn, sample(&rows, 100, Seed(1)));
        assert_ne!(drawn, sample(&rows, 100, Seed(2)));
        assert_eq!(drawn.len(), 100);
        assert!(drawn.is_sorted());
        assert_eq!(sample(&rows, 5_000, Seed(1)).len(), 1_000);
        // Half of a larger table holds the sample of a smaller one, where its rows are drawn at all.
        let (small, large) = (
            sample(&rows[..500], 250, Seed(1)),
            sample(&rows, 500, Seed(1)),
        );
        assert!(small.iter().filter(|place| large.contains(place)).count() > 200);
    }
}
