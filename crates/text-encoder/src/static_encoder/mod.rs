//! Static encoders: one vector per token of the vocabulary, and the mean of them for a text.
//!
//! A text needs a table look-up per token instead of a pass through a transformer: a thousandth of the time, and a preview of
//! its vectors. A static encoder is read from a file of model2vec (Tulkens, van Dongen 2024), or made of a transformer: each
//! token is encoded as a text of its own, once; its vector is centered, projected onto principal components of the corpus
//! ([`TokenProjection`]) and weighted by its inverse document frequency ([`TokenFrequencies::idf`]).

mod eigen;
mod frequencies;
mod projection;

use rayon::prelude::*;

pub use self::frequencies::TokenFrequencies;
pub use self::projection::TokenProjection;
use crate::weights::{has_tensor, ids, tensor};
use crate::{Error, normalize};

/// The row of a token without a vector.
const NONE: u32 = u32::MAX;

/// A vector for each token.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticEncoder {
    dimensions: usize,
    /// For each token its row of `vectors`, or [`NONE`].
    rows: Vec<u32>,
    vectors: Vec<f32>,
    /// For each token a factor of its vector; 1 without any.
    weights: Option<Vec<f32>>,
    normalized: bool,
}

impl StaticEncoder {
    /// The encoder whose token `tokens[i]`, of a vocabulary of `vocabulary` tokens, has the vector `vectors[i]` (rows of
    /// `projection.inputs()` values), projected and times `weights[i]`. Other tokens have no vector. Vectors of texts have
    /// length 1 and `projection.components()` dimensions.
    ///
    /// # Panics
    ///
    /// If there are not as many vectors and weights as tokens, or a token is not in the vocabulary.
    pub fn projected(
        vocabulary: usize,
        tokens: &[u32],
        vectors: &[f32],
        weights: &[f32],
        projection: &TokenProjection,
    ) -> Self {
        let (d, k) = (projection.inputs(), projection.components());
        assert_eq!(vectors.len(), tokens.len() * d, "a vector for each token");
        assert_eq!(weights.len(), tokens.len(), "a weight for each token");
        let mut rows = vec![NONE; vocabulary];
        for (row, &token) in tokens.iter().enumerate() {
            rows[token as usize] = row as u32;
        }
        let mut projected = vec![0.0; tokens.len() * k];
        projected
            .par_chunks_exact_mut(k)
            .zip(vectors.par_chunks_exact(d))
            .zip(weights)
            .for_each(|((into, vector), &weight)| projection.apply(vector, weight, into));
        Self {
            dimensions: k,
            rows,
            vectors: projected,
            weights: None,
            normalized: true,
        }
    }

    /// Reads a file of model2vec: the tensor `embeddings` (rows of d values), and where the file has them `weights`, a factor
    /// for each token, and `mapping`, for each token its row. With `normalized`, vectors of texts have length 1.
    ///
    /// # Errors
    ///
    /// If the file is not in the format of safetensors, or a tensor is missing, of another shape or not finite.
    pub fn from_safetensors(file: &[u8], normalized: bool) -> Result<Self, Error> {
        let fault = |name: &str, message: String| Error::Tensor {
            name: name.to_owned(),
            message,
        };
        let (vectors, shape) = finite(file, "embeddings")?;
        let &[count, dimensions] = &shape[..] else {
            let message = format!("it has the shape {shape:?} instead of two dimensions");
            return Err(fault("embeddings", message));
        };
        if count == 0 || dimensions == 0 {
            return Err(fault("embeddings", format!("it has the shape {shape:?}")));
        }
        let mapped = ids(file, "mapping")?;
        let rows = mapped.unwrap_or_else(|| (0..count as u32).collect());
        if let Some(row) = rows.iter().find(|&&row| row as usize >= count) {
            let message = format!("it maps a token to row {row} of {count}");
            return Err(fault("mapping", message));
        }
        let weights = if has_tensor(file, "weights")? {
            let (weights, shape) = finite(file, "weights")?;
            if shape != [rows.len()] {
                let message = format!("it has the shape {shape:?} for {} tokens", rows.len());
                return Err(fault("weights", message));
            }
            Some(weights)
        } else {
            None
        };
        Ok(Self {
            dimensions,
            rows,
            vectors,
            weights,
            normalized,
        })
    }

    /// Leaves the token `id` out of all texts, as model2vec does with unknown tokens.
    #[must_use]
    pub fn without(mut self, id: u32) -> Self {
        if let Some(row) = self.rows.get_mut(id as usize) {
            *row = NONE;
        }
        self
    }

    /// Dimensions of the vectors.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Number of tokens in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.rows.len()
    }

    /// Writes the vector of a text with these `tokens`, the mean of their vectors, into `into`. A text without a token that has
    /// a vector gets 0. O(tokens x dimensions).
    ///
    /// # Errors
    ///
    /// If a token is not in the vocabulary; `sequence` names the text then.
    ///
    /// # Panics
    ///
    /// If `into` does not have [`dimensions`](Self::dimensions) values.
    pub fn encode(&self, sequence: usize, tokens: &[u32], into: &mut [f32]) -> Result<(), Error> {
        let d = self.dimensions;
        assert_eq!(into.len(), d, "a value for each dimension");
        into.fill(0.0);
        let mut count = 0;
        for (position, &id) in tokens.iter().enumerate() {
            let row = *self.rows.get(id as usize).ok_or(Error::TokenId {
                sequence,
                position,
                id,
                vocabulary: self.vocabulary(),
            })?;
            if row == NONE {
                continue;
            }
            count += 1;
            let vector = &self.vectors[row as usize * d..][..d];
            match &self.weights {
                None => {
                    for (sum, value) in into.iter_mut().zip(vector) {
                        *sum += value;
                    }
                }
                Some(weights) => {
                    let weight = weights[id as usize];
                    for (sum, value) in into.iter_mut().zip(vector) {
                        *sum += weight * value;
                    }
                }
            }
        }
        if self.normalized {
            normalize(into);
        } else if count > 0 {
            for sum in into {
                *sum /= count as f32;
            }
        }
        Ok(())
    }
}

/// A tensor of finite numbers, with its shape.
fn finite(file: &[u8], name: &str) -> Result<(Vec<f32>, Vec<usize>), Error> {
    let (values, shape) = tensor(file, name)?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err(Error::Tensor {
            name: name.to_owned(),
            message: "it has values that are not finite".to_owned(),
        });
    }
    Ok((values, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of tensors in `f32`, and one of `i64`.
    fn file(tensors: &[(&str, &[usize], &[f32])], mapping: Option<&[i64]>) -> Vec<u8> {
        use safetensors::{Dtype, tensor::TensorView};
        let floats = tensors.iter().map(|(name, shape, values)| {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (*name, Dtype::F32, shape.to_vec(), bytes)
        });
        let whole = mapping.iter().map(|values| {
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            ("mapping", Dtype::I64, vec![values.len()], bytes)
        });
        let all: Vec<_> = floats.chain(whole).collect();
        let views = all.iter().map(|(name, kind, shape, bytes)| {
            (*name, TensorView::new(*kind, shape.clone(), bytes).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn encode(encoder: &StaticEncoder, tokens: &[u32]) -> Vec<f32> {
        let mut into = vec![9.0; encoder.dimensions()];
        encoder.encode(0, tokens, &mut into).unwrap();
        into
    }

    const EMBEDDINGS: (&str, &[usize], &[f32]) =
        ("embeddings", &[3, 2], &[1.0, 0.0, 2.0, 4.0, 0.0, -3.0]);

    #[test]
    fn a_model_by_hand() {
        let bytes = file(&[EMBEDDINGS], None);
        let encoder = StaticEncoder::from_safetensors(&bytes, false).unwrap();
        assert_eq!((encoder.dimensions(), encoder.vocabulary()), (2, 3));
        assert_eq!(encode(&encoder, &[0, 1]), [1.5, 2.0]);
        assert_eq!(encode(&encoder, &[2, 2, 1]), [2.0 / 3.0, -2.0 / 3.0]);
        assert_eq!(encode(&encoder, &[]), [0.0, 0.0]);
        let normalized = StaticEncoder::from_safetensors(&bytes, true).unwrap();
        assert_eq!(encode(&normalized, &[0, 1]), [0.6, 0.8]);
        let without = encoder.without(1);
        assert_eq!(encode(&without, &[0, 1]), [1.0, 0.0]);
        let fault = without.encode(7, &[0, 3], &mut [0.0; 2]).unwrap_err();
        let message = "sequence 7 has token id 3 at position 1, but the vocabulary has 3 tokens";
        assert_eq!(fault.to_string(), message);
    }

    #[test]
    fn tokens_may_share_rows_and_have_weights() {
        let weights = ("weights", &[4][..], &[1.0, 0.5, 0.25, 2.0][..]);
        let bytes = file(&[EMBEDDINGS, weights], Some(&[0, 1, 1, 2]));
        let encoder = StaticEncoder::from_safetensors(&bytes, false).unwrap();
        assert_eq!(encoder.vocabulary(), 4);
        assert_eq!(encode(&encoder, &[1, 2]), [0.75, 1.5]);
        assert_eq!(encode(&encoder, &[3]), [0.0, -6.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fault = |bytes: &[u8]| {
            StaticEncoder::from_safetensors(bytes, true)
                .unwrap_err()
                .to_string()
        };
        assert!(fault(b"nothing").contains("safetensors"));
        assert!(fault(&file(&[], None)).contains("embeddings is missing"));
        let flat = file(&[("embeddings", &[2], &[1.0, 2.0])], None);
        assert!(fault(&flat).contains("[2] instead of two dimensions"));
        let endless = file(&[("embeddings", &[1, 1], &[f32::INFINITY])], None);
        assert!(fault(&endless).contains("not finite"));
        let beyond = file(&[EMBEDDINGS], Some(&[0, 3]));
        assert!(fault(&beyond).contains("row 3 of 3"));
        let below = file(&[EMBEDDINGS], Some(&[-1]));
        assert!(fault(&below).contains("-1"));
        let short = file(&[EMBEDDINGS, ("weights", &[2], &[1.0, 1.0])], None);
        assert!(fault(&short).contains("[2] for 3 tokens"));
    }

    #[test]
    fn projected_tokens_are_summed_and_normalized() {
        // The identity around (1, 1): tokens 4 and 2 are along the axes.
        let projection =
            TokenProjection::from_parts(vec![1.0, 1.0], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        let encoder =
            StaticEncoder::projected(5, &[4, 2], &[2.0, 1.0, 1.0, 2.0], &[3.0, 4.0], &projection);
        assert_eq!(encode(&encoder, &[4, 2]), [0.6, 0.8]);
        assert_eq!(encode(&encoder, &[2, 0]), [0.0, 1.0]);
        assert_eq!(encode(&encoder, &[0]), [0.0, 0.0]);
    }
}
