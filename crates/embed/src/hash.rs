//! Vectors without a model: hashed character n-grams.
//!
//! Each n-gram of 3 to 5 characters of the lower-cased text (white space as one blank, a blank at both ends) is hashed
//! to one dimension and a sign (feature hashing: Weinberger et al. 2009), weighted by the square root of its count, and
//! the vector is scaled to length 1. Texts with similar spelling have similar vectors, regardless of meaning. For tests and
//! trials of the pipeline. O(characters) per text.

use rayon::prelude::*;
use text_encoder::normalize;

const MIN_N: usize = 3;
const MAX_N: usize = 5;

/// One vector of `d` values per text, row-major.
pub(crate) fn encode(texts: &[&str], d: usize) -> Vec<f32> {
    let mut values = vec![0.0; texts.len() * d];
    values
        .par_chunks_mut(d)
        .zip(texts)
        .for_each(|(vector, text)| encode_one(text, vector));
    values
}

fn encode_one(text: &str, vector: &mut [f32]) {
    let mut grams = grams(text);
    // Sorting groups equal n-grams, and sums in the order of the hashes do not depend on the order in the text.
    grams.sort_unstable();
    for run in grams.chunk_by(|a, b| a == b) {
        let weight = (run.len() as f32).sqrt();
        let at = (run[0] % vector.len() as u64) as usize;
        vector[at] += if run[0] >> 63 == 0 { weight } else { -weight };
    }
    if vector.iter().all(|&value| value == 0.0) {
        // All n-grams cancel out: use the one with the smallest hash.
        vector[(grams[0] % vector.len() as u64) as usize] = 1.0;
    }
    normalize(vector);
}

/// The hashes of all n-grams of `text`; at least one.
fn grams(text: &str) -> Vec<u64> {
    let mut letters = vec![' '];
    for word in text.split_whitespace() {
        letters.extend(word.chars().flat_map(char::to_lowercase));
        letters.push(' ');
    }
    let mut hashes: Vec<u64> = (MIN_N..=MAX_N)
        .flat_map(|n| letters.windows(n).map(hash).collect::<Vec<_>>())
        .collect();
    if hashes.is_empty() {
        hashes.push(hash(&letters));
    }
    hashes
}

/// FNV-1a over the characters, then the finalizer of splitmix64, so that every bit depends on every character.
fn hash(letters: &[char]) -> u64 {
    let mut hash = letters
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &letter| {
            (hash ^ u64::from(u32::from(letter))).wrapping_mul(0x0100_0000_01b3)
        });
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        let values = encode(&[a, b], 256);
        values[..256]
            .iter()
            .zip(&values[256..])
            .map(|(a, b)| a * b)
            .sum()
    }

    #[test]
    fn similar_spelling_gives_similar_vectors() {
        assert!(
            cosine(
                "The ferry stayed in the harbor",
                "the  ferry stays in the harbor"
            ) > 0.8
        );
        assert!(cosine("The ferry stayed in the harbor", "Quarterly profits rose") < 0.3);
        assert!((cosine("same text", "SAME text") - 1.0).abs() < 1e-6);
    }

    #[test]
    fn every_vector_has_length_one() {
        for text in [
            "",
            " ",
            "a",
            "ab",
            "语言",
            "a longer text with several words",
        ] {
            for d in [1, 2, 7, 384] {
                let values = encode(&[text], d);
                let square: f32 = values.iter().map(|value| value * value).sum();
                assert!((square - 1.0).abs() < 1e-5, "{text:?} at {d}: {square}");
            }
        }
    }

    #[test]
    fn a_vector_does_not_depend_on_other_texts() {
        let together = encode(&["one text", "another"], 64);
        assert_eq!(together[64..], encode(&["another"], 64));
    }
}
