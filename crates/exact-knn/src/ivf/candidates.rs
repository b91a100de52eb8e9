//! The candidate neighbors of each row of an inverted file, sorted by a 64-bit key.

use crate::scan::block::UNREACHABLE;

/// The best candidates that probing has found for each row.
#[derive(Clone, Debug)]
pub struct Candidates {
    pub(crate) k: usize,
    /// Places per row.
    pub(crate) capacity: usize,
    /// Ascending: best score first, ties by id. The upper half of a key decreases with the score, the lower is the id.
    pub(crate) keys: Vec<u64>,
}

impl Candidates {
    /// Empty lists for `n` rows.
    pub(crate) fn new(n: usize, k: usize) -> Self {
        let capacity = capacity(k);
        Candidates {
            k,
            capacity,
            keys: vec![EMPTY; n * capacity],
        }
    }

    /// The candidates of row `i`.
    pub(crate) fn of(&self, i: u32) -> impl Iterator<Item = u32> + '_ {
        self.keys[i as usize * self.capacity..][..self.capacity]
            .iter()
            .take_while(|&&key| key != EMPTY)
            .map(|&key| key as u32)
    }
}

/// The key of an empty place.
pub(crate) const EMPTY: u64 = u64::MAX;

/// The number of candidates kept for `k` neighbors: more than k, since quantized scores are not quite in the order of
/// distances.
pub(crate) fn capacity(k: usize) -> usize {
    k + k / 4 + 8
}

/// The key of a candidate by its quantized score: smaller is better.
pub(crate) fn score_key(score: i32, id: u32) -> u64 {
    u64::from(!(score as u32 ^ 1 << 31)) << 32 | u64::from(id)
}

/// The key of a candidate by a distance in `f64`. The upper half of an `f64` distinguishes numbers that differ by a
/// millionth, whatever their size.
pub(crate) fn distance_key(distance: f64, id: u32) -> u64 {
    let bits = distance.to_bits();
    let ascending = if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    };
    ascending & !u64::from(u32::MAX) | u64::from(id)
}

/// The score that a candidate has to reach to come before one with this key.
pub(crate) fn score_threshold(key: u64) -> i32 {
    if key == EMPTY {
        -UNREACHABLE
    } else {
        (!((key >> 32) as u32) ^ 1 << 31) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_with_the_score_and_rise_with_the_id() {
        let scores = [i32::MIN + 1, -5, 0, 7, 1 << 30];
        for pair in scores.windows(2) {
            assert!(score_key(pair[1], 9) < score_key(pair[0], 3), "{pair:?}");
        }
        assert!(score_key(7, 3) < score_key(7, 9));
        assert_eq!(
            scores.map(|score| score_threshold(score_key(score, 8))),
            scores
        );
        assert_eq!(score_threshold(EMPTY), -UNREACHABLE);
    }
}
