//! How often the tokens of a vocabulary occur in a corpus.

use crate::Error;

/// Frequencies of the tokens of a vocabulary in the texts of a corpus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFrequencies {
    texts: u64,
    occurrences: Vec<u64>,
    documents: Vec<u64>,
}

impl TokenFrequencies {
    /// Counts the tokens of `sequences`, one for each text, from a vocabulary of `vocabulary` tokens. O(tokens).
    ///
    /// # Errors
    ///
    /// If a token id is not in the vocabulary.
    pub fn count<'a>(
        sequences: impl Iterator<Item = &'a [u32]>,
        vocabulary: usize,
    ) -> Result<Self, Error> {
        let mut found = Self {
            texts: 0,
            occurrences: vec![0; vocabulary],
            documents: vec![0; vocabulary],
        };
        // For each token the last text that had it, counted from 1.
        let mut last = vec![0_u64; vocabulary];
        for (sequence, tokens) in sequences.enumerate() {
            found.texts += 1;
            for (position, &id) in tokens.iter().enumerate() {
                let Some(last) = last.get_mut(id as usize) else {
                    return Err(Error::TokenId {
                        sequence,
                        position,
                        id,
                        vocabulary,
                    });
                };
                found.occurrences[id as usize] += 1;
                found.documents[id as usize] += u64::from(*last != found.texts);
                *last = found.texts;
            }
        }
        Ok(found)
    }

    /// For each token the number of texts that have it.
    pub fn documents(&self) -> &[u64] {
        &self.documents
    }

    /// For each token its number of occurrences.
    pub fn occurrences(&self) -> &[u64] {
        &self.occurrences
    }

    /// The inverse document frequency of each token, ln((1 + n) / (1 + df)) + 1 for n texts of which df have the token: greater
    /// than 0, and largest for tokens that no text has (scikit-learn's `smooth_idf`).
    pub fn idf(&self) -> Vec<f32> {
        let n = 1.0 + self.texts as f64;
        let idf = |&df: &u64| (ln(n / (1.0 + df as f64)) + 1.0) as f32;
        self.documents.iter().map(idf).collect()
    }
}

/// The natural logarithm of a normal `x` > 0, to 1e-15: the same bits on every machine.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if m > std::f64::consts::SQRT_2 {
        (m, exponent) = (0.5 * m, exponent + 1);
    }
    // ln m = 2 artanh((m - 1) / (m + 1)), whose argument is at most 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let series = (0..12).rev();
    let sum = series.fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_occurrences_are_counted() {
        let sequences: [&[u32]; 3] = [&[1, 2, 2], &[], &[2, 0]];
        let found = TokenFrequencies::count(sequences.into_iter(), 4).unwrap();
        assert_eq!(found.documents(), [1, 1, 2, 0]);
        assert_eq!(found.occurrences(), [1, 1, 3, 0]);
        // ln(4 / 2) + 1, ln(4 / 3) + 1, ln 4 + 1.
        let expected = [1.693_147_2, 1.693_147_2, 1.287_682, 2.386_294_4];
        assert_eq!(found.idf(), expected);
        let fault = TokenFrequencies::count(sequences.into_iter(), 2).unwrap_err();
        assert!(
            fault
                .to_string()
                .contains("sequence 0 has token id 2 at position 1")
        );
    }

    #[test]
    fn the_logarithm_is_that_of_the_library() {
        for x in (1..4000).map(|i| f64::from(i) * 0.37) {
            assert!((ln(x) - x.ln()).abs() < 3e-15, "{x}");
        }
        assert_eq!((ln(1.0), ln(2.0)), (0.0, std::f64::consts::LN_2));
    }
}
