//! The magnitudes of activations on sample texts, for smoothing.

use crate::config::config;
use crate::weights::LinearWeights;
use crate::{Encoder, Error, Weights};

/// The largest magnitude of each input of each linear map, over the tokens of a calibration set.
///
/// Where a model has dimensions with outliers, smoothing by these magnitudes brings int8 closer to `f32`. The
/// vectors of an encoder depend on its calibration: use one fixed set per model, not the texts to encode.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    maxima: Vec<Vec<f32>>,
}

impl Calibration {
    /// Runs an encoder, best in [`Precision::Fp32`](crate::Precision::Fp32), on sequences of token ids.
    ///
    /// Errors as those of [`Encoder::encode`].
    pub fn new<S: AsRef<[u32]>>(encoder: &Encoder, sequences: &[S]) -> Result<Self, Error> {
        let mut maxima: Vec<Vec<f32>> = Vec::new();
        for (at, sequence) in sequences.iter().enumerate() {
            encoder.check(at, sequence.as_ref())?;
            encoder.observe(sequence.as_ref(), &mut |map, count, inputs| {
                if maxima.len() <= map {
                    maxima.resize_with(map + 1, Vec::new);
                }
                let largest = &mut maxima[map];
                largest.resize(count, 0.0);
                for row in inputs.chunks_exact(count) {
                    for (largest, value) in largest.iter_mut().zip(row) {
                        *largest = largest.max(value.abs());
                    }
                }
            });
        }
        Ok(Calibration { maxima })
    }

    /// The largest magnitudes of the inputs of a map.
    pub(crate) fn maxima(&self, map: usize) -> &[f32] {
        &self.maxima[map]
    }

    /// Checks that it is of a model of the same shape as the weights.
    pub(crate) fn check(&self, weights: &Weights) -> Result<(), Error> {
        let expected: Vec<usize> = weights
            .layers
            .iter()
            .flat_map(|layer| {
                [
                    &layer.qkv,
                    &layer.attention_out,
                    &layer.ffn_in,
                    &layer.ffn_out,
                ]
            })
            .map(LinearWeights::n_in)
            .collect();
        let found: Vec<usize> = self.maxima.iter().map(Vec::len).collect();
        if found == expected {
            Ok(())
        } else {
            Err(config(
                "the calibration is of a model of another shape, or of no sequences",
            ))
        }
    }
}
