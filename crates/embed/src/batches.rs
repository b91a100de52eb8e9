//! Batches of texts with the same number of tokens, up to a token budget.

use std::collections::{BTreeMap, HashMap};

use crate::encoder::Batch;

/// The distinct texts by their first row, and for every row the index of its distinct text.
pub(crate) fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> (Vec<u32>, Vec<u32>) {
    let (mut first, mut of) = (Vec::new(), Vec::new());
    let mut known = HashMap::new();
    for (row, text) in texts.enumerate() {
        let id = *known.entry(text).or_insert_with(|| {
            first.push(row as u32);
            first.len() as u32 - 1
        });
        of.push(id);
    }
    (first, of)
}

/// Batches of `texts` (id and tokens) with at most `budget` tokens, but at least one text; one text each if `alone`.
///
/// Batches of long and short texts alternate, which makes the estimate of the remaining time reliable.
pub(crate) fn batches(texts: Vec<(u32, Vec<u32>)>, budget: usize, alone: bool) -> Vec<Batch> {
    let mut by_length: BTreeMap<usize, Vec<(u32, Vec<u32>)>> = BTreeMap::new();
    for text in texts {
        by_length.entry(text.1.len()).or_default().push(text);
    }
    let mut sorted = Vec::new();
    for (tokens, texts) in by_length {
        let most = if alone {
            1
        } else {
            (budget / tokens.max(1)).max(1)
        };
        for group in texts.chunks(most) {
            sorted.push(Batch {
                rows: group.iter().map(|(id, _)| *id).collect(),
                tokens,
                ids: group
                    .iter()
                    .flat_map(|(_, tokens)| tokens)
                    .copied()
                    .collect(),
            });
        }
    }
    let half = sorted.len() / 2;
    let long = sorted.split_off(half);
    let mut short = sorted.into_iter();
    long.into_iter()
        .rev()
        .flat_map(|batch| [Some(batch), short.next()])
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_embedded_once() {
        assert_eq!(
            distinct(["a", "b", "a", "c", "b"].into_iter()),
            (vec![0, 1, 3], vec![0, 1, 0, 2, 1])
        );
    }

    #[test]
    fn batches_have_equal_lengths_and_contain_every_text() {
        let texts = |lengths: &[usize]| -> Vec<(u32, Vec<u32>)> {
            let tokens = |(id, &n): (usize, &usize)| (id as u32, vec![id as u32; n]);
            lengths.iter().enumerate().map(tokens).collect()
        };
        let lengths = [3, 9, 3, 3, 9, 2, 40, 3, 3];
        let made = batches(texts(&lengths), 12, false);
        let mut rows: Vec<u32> = made.iter().flat_map(|batch| batch.rows.clone()).collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..9).collect::<Vec<_>>());
        for batch in &made {
            assert!(batch.rows.len() == 1 || batch.ids.len() <= 12, "{batch:?}");
            for (row, ids) in batch.rows.iter().zip(batch.ids.chunks_exact(batch.tokens)) {
                assert_eq!(ids, vec![*row; lengths[*row as usize]]);
            }
        }
        assert_eq!(made.iter().map(|batch| batch.rows.len()).max(), Some(4));
        assert_eq!(batches(texts(&lengths), 12, true).len(), 9);
    }
}
