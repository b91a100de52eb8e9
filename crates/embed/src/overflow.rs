//! Texts that are longer than the model takes, as the mean of their chunks (`--overflow chunk-mean`).
//!
//! A text is split by its tokens into chunks as long as the model takes, each with the special tokens and the prefix. The model
//! runs on the chunks as on texts; the vector of the text is the mean of their vectors, weighted by the number of tokens of the
//! text in each, in 64 bits and in the order of the text, and scaled to length 1 if the model does so with its vectors.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use crate::cache::{Key, key};
use crate::error::Error;
use crate::tokenizer::Chunk;
use crate::vectors::TemporaryTokens;
use crate::work::{Done, Runner, Take};

/// Long texts whose chunks run together.
const WINDOW: usize = 64;

/// Under which key the mean of the chunks of a text is cached, whose truncated vector has the key `of_text`.
pub(crate) fn mean_key(of_text: &Key) -> Key {
    let digits: Vec<String> = of_text.iter().map(|byte| format!("{byte:02x}")).collect();
    key(&format!("mean of the chunks of {}", digits.concat()))
}

/// The chunks of the long texts.
pub(crate) struct LongTexts {
    tokens: TemporaryTokens,
    /// For each text the numbers of its chunks.
    chunks: HashMap<u32, Range<u32>>,
    /// For each chunk its number of tokens of the text.
    weights: Vec<usize>,
    /// Whether means are scaled to length 1.
    normalize: bool,
}

impl LongTexts {
    /// No texts yet; tokens are kept in a temporary file in `directory`.
    pub(crate) fn new(directory: &Path, normalize: bool) -> Result<Self, Error> {
        Ok(Self {
            tokens: TemporaryTokens::create(directory)?,
            chunks: HashMap::new(),
            weights: Vec::new(),
            normalize,
        })
    }

    /// Adds the text `id`.
    pub(crate) fn add(&mut self, id: u32, chunks: &[Chunk]) -> Result<(), Error> {
        let first = self.weights.len() as u32;
        self.weights.extend(chunks.iter().map(|chunk| chunk.tokens));
        self.chunks.insert(id, first..self.weights.len() as u32);
        let numbered = (first..).zip(chunks);
        self.tokens
            .append(numbered.map(|(number, chunk)| (number, &chunk.ids[..])))
    }

    /// Runs the model on the texts `ids`: the long ones in chunks, the others by their `tokens`.
    pub(crate) fn run(
        &self,
        runner: &mut impl Runner,
        ids: &[u32],
        tokens: &TemporaryTokens,
        take: Take<'_>,
    ) -> Result<(), Error> {
        let (long, short): (Vec<u32>, Vec<u32>) =
            ids.iter().partition(|&id| self.chunks.contains_key(id));
        if !short.is_empty() {
            runner.run(&short, tokens, take)?;
        }
        for ids in long.chunks(WINDOW) {
            let ranges = ids.iter().map(|id| self.chunks[id].clone());
            let numbers: Vec<u32> = ranges.flatten().collect();
            let mut found: HashMap<u32, Vec<f32>> = HashMap::new();
            let ran = runner.run(&numbers, &self.tokens, &mut |done: Done| {
                let d = done.vectors.len() / done.ids.len();
                let vectors = done.vectors.chunks_exact(d).map(<[f32]>::to_vec);
                found.extend(done.ids.iter().copied().zip(vectors));
                Ok(())
            });
            // What is wrong with a chunk is said of its text.
            ran.map_err(|error| {
                error.at_row(|number| {
                    let of = ids
                        .iter()
                        .find(|id| self.chunks[id].contains(&(number as u32)));
                    of.map_or(0, |&id| id as usize)
                })
            })?;
            let mean = |id: &u32| {
                let chunks = self.chunks[id].clone();
                let parts =
                    chunks.map(|number| (self.weights[number as usize], &found[&number][..]));
                self.mean(parts)
            };
            take(Done {
                ids: ids.to_vec(),
                vectors: ids.iter().flat_map(mean).collect(),
                truncated: Vec::new(),
            })?;
        }
        Ok(())
    }

    /// The mean of vectors, each with its weight.
    fn mean<'a>(&self, parts: impl Iterator<Item = (usize, &'a [f32])>) -> Vec<f32> {
        let (mut sum, mut weights) = (Vec::new(), 0.0);
        for (weight, vector) in parts {
            let weight = weight as f64;
            sum.resize(vector.len(), 0.0);
            for (sum, &value) in sum.iter_mut().zip(vector) {
                *sum += weight * f64::from(value);
            }
            weights += weight;
        }
        let mut mean: Vec<f32> = sum.iter().map(|sum| (sum / weights) as f32).collect();
        if self.normalize {
            text_encoder::normalize(&mut mean);
        }
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(parts: &[(usize, &[f32])], normalize: bool) -> Vec<f32> {
        let dir = tempfile::tempdir().unwrap();
        let long = LongTexts::new(dir.path(), normalize).unwrap();
        long.mean(parts.iter().copied())
    }

    #[test]
    fn means_are_weighted_by_tokens() {
        let parts: [(usize, &[f32]); 2] = [(3, &[1.0, 0.0]), (1, &[0.0, 2.0])];
        assert_eq!(mean(&parts, false), [0.75, 0.5]);
        let unit = mean(&parts, true);
        assert!((unit[0] - 0.75 / 0.8125_f32.sqrt()).abs() < 1e-6);
        // Equal chunks give exactly their vector.
        let vector: &[f32] = &[0.1, -0.7, 1e-30, 3.3e7];
        assert_eq!(
            mean(&[(510, vector), (510, vector), (7, vector)], false),
            vector
        );
        assert_eq!(mean(&[(9, vector)], false), vector);
    }

    #[test]
    fn keys_of_means_differ_from_those_of_texts() {
        let one = key("a text");
        assert_ne!(mean_key(&one), one);
        assert_ne!(mean_key(&one), mean_key(&key("another")));
    }
}
