//! The forward pass on packed batches.

use std::sync::Arc;

use rayon::prelude::*;

use crate::attention::{AttentionScratch, DistanceBias, attend};
use crate::calibration::Calibration;
use crate::gated::gate;
use crate::linear::Linear;
use crate::pooling::{normalize, pool};
use crate::rotary::{Rotation, rotate};
use crate::rows::{QuantizedRows, activate, layer_norm};
use crate::weights::{Embeddings, Layer as WeightsLayer, LinearWeights, Norm};
use crate::window::attend_within;
use crate::{Error, Kernel, Pooling, Precision, Weights, config::Activation};

/// Tokens of a batch, unless a sequence is longer. Vectors do not depend on it.
const BATCH_TOKENS: usize = 512;

/// Rows that pass through the feed-forward network together: their wide rows fit in the second-level cache, in int8 with
/// room for a panel of weights, and a long sequence does not need the wide rows of all its tokens.
const FFN_ROWS: usize = 128;

/// A transformer encoder, ready to encode sequences of token ids.
#[derive(Debug)]
pub struct Encoder {
    kernel: Kernel,
    precision: Precision,
    hidden: usize,
    heads: usize,
    activation: Activation,
    embeddings: Embeddings,
    layers: Vec<Layer>,
    distance_bias: Option<DistanceBias>,
    is_gated: bool,
    final_norm: Option<Norm>,
}

#[derive(Debug)]
struct Layer {
    qkv: Linear,
    attention_out: Linear,
    attention_norm: Option<Norm>,
    ffn_in: Linear,
    ffn_out: Linear,
    ffn_norm: Norm,
    rotation: Option<Arc<Rotation>>,
    window: Option<usize>,
}

impl Layer {
    fn maps(&self) -> [&Linear; 4] {
        [&self.qkv, &self.attention_out, &self.ffn_in, &self.ffn_out]
    }
}

/// Buffers that a thread reuses for all batches.
#[derive(Debug, Default)]
struct Scratch {
    hidden: Vec<f32>,
    qkv: Vec<f32>,
    context: Vec<f32>,
    inner: Vec<f32>,
    update: Vec<f32>,
    normed: Vec<f32>,
    quantized: QuantizedRows,
    attention: AttentionScratch,
}

/// Called with the number of a linear map, its number of inputs, and rows of inputs.
type Observer<'a> = &'a mut dyn FnMut(usize, usize, &[f32]);

impl Encoder {
    /// Prepares the weights for the kernel that `SKERRY_KERNEL` names, else for the fastest of this machine.
    pub fn new(weights: Weights, precision: Precision) -> Result<Self, Error> {
        Self::build(weights, precision, None, None)
    }

    /// As [`Encoder::new`] in int8, with activations smoothed as `calibration` says.
    ///
    /// An error if the calibration is of a model of another shape.
    pub fn calibrated(weights: Weights, calibration: &Calibration) -> Result<Self, Error> {
        Self::build(weights, Precision::Int8, Some(calibration), None)
    }

    /// This encoder in int8, as [`Encoder::calibrated`] makes it of the weights: for a model that first runs in
    /// [`Precision::Fp32`]. An encoder in int8 stays as it is.
    ///
    /// An error if the calibration is of a model of another shape.
    pub fn quantized(self, calibration: &Calibration) -> Result<Self, Error> {
        let maps = self.layers.iter().flat_map(Layer::maps);
        calibration.check(maps.map(Linear::n_in))?;
        let kernel = self.kernel;
        let quantize = |at, map: Linear| map.quantized(kernel, Some(calibration.map(at)));
        // One map after the other, so that no more than one is in memory twice.
        let layers = self
            .layers
            .into_iter()
            .enumerate()
            .map(|(at, layer)| Layer {
                qkv: quantize(4 * at, layer.qkv),
                attention_out: quantize(4 * at + 1, layer.attention_out),
                ffn_in: quantize(4 * at + 2, layer.ffn_in),
                ffn_out: quantize(4 * at + 3, layer.ffn_out),
                ..layer
            });
        Ok(Encoder {
            precision: Precision::Int8,
            layers: layers.collect(),
            ..self
        })
    }

    /// As [`Encoder::new`] or, with a calibration, [`Encoder::calibrated`], for the given kernel.
    pub fn with_kernel(
        weights: Weights,
        precision: Precision,
        calibration: Option<&Calibration>,
        kernel: Kernel,
    ) -> Result<Self, Error> {
        Self::build(weights, precision, calibration, Some(kernel))
    }

    fn build(
        weights: Weights,
        precision: Precision,
        calibration: Option<&Calibration>,
        kernel: Option<Kernel>,
    ) -> Result<Self, Error> {
        let kernel = Kernel::choose(kernel)?;
        if let Some(calibration) = calibration {
            let maps = weights.layers.iter().flat_map(WeightsLayer::maps);
            calibration.check(maps.map(LinearWeights::n_in))?;
        }
        let limit = weights.max_tokens();
        let linear = |at: usize, weights: LinearWeights| match precision {
            Precision::Fp32 => Linear::float(&weights),
            Precision::Int8 => Linear::int8(
                kernel,
                weights,
                calibration.map(|calibration| calibration.map(at)),
            ),
        };
        let Weights {
            hidden,
            heads,
            activation,
            embeddings,
            layers,
            relative_bias,
            is_gated,
            final_norm,
        } = weights;
        // One layer after the other, so that no more than one is in memory twice.
        let layers = layers
            .into_iter()
            .enumerate()
            .map(|(at, layer)| Layer {
                qkv: linear(4 * at, layer.qkv),
                attention_out: linear(4 * at + 1, layer.attention_out),
                attention_norm: layer.attention_norm,
                ffn_in: linear(4 * at + 2, layer.ffn_in),
                ffn_out: linear(4 * at + 3, layer.ffn_out),
                ffn_norm: layer.ffn_norm,
                rotation: layer.rotation,
                window: layer.window,
            })
            .collect();
        Ok(Encoder {
            kernel,
            precision,
            hidden,
            heads,
            activation,
            embeddings,
            layers,
            distance_bias: (!relative_bias.is_empty())
                .then(|| DistanceBias::new(&relative_bias, heads, limit)),
            is_gated,
            final_norm,
        })
    }

    /// Dimensions of the vectors.
    pub fn dimensions(&self) -> usize {
        self.hidden
    }

    /// Number of tokens in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.embeddings.words.rows()
    }

    /// The largest number of tokens of a sequence.
    pub fn max_tokens(&self) -> usize {
        self.embeddings.max_tokens
    }

    /// The kernel in use.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The precision of the matrix products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Encodes sequences of token ids, special tokens included, into one vector each.
    ///
    /// `vectors` has a row of [`dimensions`](Self::dimensions) values per sequence, in the order of the sequences; with
    /// `normalized` they have length 1. Sequences are sorted by length and packed without padding in batches of some 512
    /// tokens, which run in parallel on the current rayon thread pool. A sequence's vector does not depend on the
    /// others, on the number of threads or on the kernel.
    ///
    /// Errors: a sequence without tokens or with more than [`max_tokens`](Self::max_tokens), an id outside the vocabulary,
    /// `vectors` of another length. Nothing is written then.
    pub fn encode<S: AsRef<[u32]> + Sync>(
        &self,
        sequences: &[S],
        pooling: Pooling,
        normalized: bool,
        vectors: &mut [f32],
    ) -> Result<(), Error> {
        let d = self.hidden;
        if vectors.len() != sequences.len() * d {
            return Err(Error::OutputLength {
                found: vectors.len(),
                expected: sequences.len() * d,
            });
        }
        for (at, sequence) in sequences.iter().enumerate() {
            self.check(at, sequence.as_ref())?;
        }
        let lengths: Vec<usize> = sequences
            .iter()
            .map(|sequence| sequence.as_ref().len())
            .collect();
        let batches = batches(&lengths, BATCH_TOKENS);
        let encoded: Vec<Vec<f32>> = batches
            .par_iter()
            .map_init(Scratch::default, |scratch, batch| {
                let members: Vec<&[u32]> = batch.iter().map(|&at| sequences[at].as_ref()).collect();
                self.forward(&members, scratch, None);
                let mut pooled = vec![0.0; batch.len() * d];
                let mut start = 0;
                for (member, vector) in members.iter().zip(pooled.chunks_exact_mut(d)) {
                    let end = start + member.len() * d;
                    pool(&scratch.hidden[start..end], pooling, vector);
                    if normalized {
                        normalize(vector);
                    }
                    start = end;
                }
                pooled
            })
            .collect();
        for (batch, pooled) in batches.iter().zip(encoded) {
            for (&at, vector) in batch.iter().zip(pooled.chunks_exact(d)) {
                vectors[at * d..][..d].copy_from_slice(vector);
            }
        }
        Ok(())
    }

    /// The last hidden states of one sequence: a row of [`dimensions`](Self::dimensions) values per token.
    ///
    /// Errors as those of [`encode`](Self::encode).
    pub fn hidden_states(&self, sequence: &[u32]) -> Result<Vec<f32>, Error> {
        self.check(0, sequence)?;
        let mut scratch = Scratch::default();
        self.forward(&[sequence], &mut scratch, None);
        Ok(scratch.hidden)
    }

    /// The memory in bytes that a thread needs for batches whose longest sequence has `longest` tokens.
    ///
    /// The weights, which all threads share, come in addition.
    pub fn estimate_scratch(&self, longest: usize) -> usize {
        let rows = longest.max(BATCH_TOKENS);
        let inner = self
            .layers
            .iter()
            .map(|layer| layer.ffn_in.n_out())
            .max()
            .unwrap_or(0);
        let widest = inner.max(self.hidden);
        // Hidden states, context, update, normalized states, query, key, value; keys, values and scores of one head; rows of the feed-forward
        // network with their codes.
        4 * rows * (7 * self.hidden + 2 * (self.hidden / self.heads).next_multiple_of(16) + 24)
            + FFN_ROWS * 4 * inner
            + rows * widest.min(self.hidden)
            + FFN_ROWS * widest
    }

    /// The last hidden states of a valid sequence; calls `observe` with the number of each linear map and its inputs.
    pub(crate) fn observe(&self, sequence: &[u32], observe: Observer<'_>) -> Vec<f32> {
        let mut scratch = Scratch::default();
        self.forward(&[sequence], &mut scratch, Some(observe));
        scratch.hidden
    }

    /// Checks one sequence.
    pub(crate) fn check(&self, sequence: usize, ids: &[u32]) -> Result<(), Error> {
        if ids.is_empty() {
            return Err(Error::EmptySequence { sequence });
        }
        if ids.len() > self.max_tokens() {
            return Err(Error::TooLong {
                sequence,
                tokens: ids.len(),
                limit: self.max_tokens(),
            });
        }
        let vocabulary = self.vocabulary();
        match ids.iter().position(|&id| id as usize >= vocabulary) {
            None => Ok(()),
            Some(position) => Err(Error::TokenId {
                sequence,
                position,
                id: ids[position],
                vocabulary,
            }),
        }
    }

    /// Leaves the last hidden states of the sequences, one after the other, in `scratch.hidden`.
    fn forward(
        &self,
        sequences: &[&[u32]],
        scratch: &mut Scratch,
        mut observe: Option<Observer<'_>>,
    ) {
        let (kernel, h) = (self.kernel, self.hidden);
        let Scratch {
            hidden,
            qkv,
            context,
            inner,
            update,
            normed,
            quantized,
            attention,
        } = scratch;
        let norm_first = self.final_norm.is_some();
        let mut apply = |at: usize, map: &Linear, input: &[f32], output: &mut Vec<f32>| {
            if let Some(observe) = &mut observe {
                observe(at, map.n_in(), input);
            }
            map.apply(kernel, input, output, quantized);
        };
        self.embed(sequences, hidden);
        context.resize(hidden.len(), 0.0);
        for (at, layer) in self.layers.iter().enumerate() {
            let norm = layer.attention_norm.as_ref();
            let input = match norm {
                Some(norm) if norm_first => normalized(kernel, hidden, norm, normed),
                _ => &hidden[..],
            };
            apply(4 * at, &layer.qkv, input, qkv);
            let mut start = 0;
            for sequence in sequences {
                let end = start + sequence.len();
                let qkv = &mut qkv[3 * h * start..3 * h * end];
                if let Some(rotation) = &layer.rotation {
                    rotate(kernel, qkv, h, self.heads, rotation);
                }
                let shape = (h, self.heads);
                let context = &mut context[h * start..h * end];
                if let Some(window) = layer.window {
                    attend_within(kernel, qkv, shape, window, attention, context);
                } else {
                    let bias = self.distance_bias.as_ref();
                    attend(kernel, qkv, shape, bias, attention, context);
                }
                start = end;
            }
            apply(4 * at + 1, &layer.attention_out, context, update);
            match norm {
                Some(norm) if !norm_first => layer_norm(kernel, hidden, update, norm),
                _ => add(hidden, update),
            }
            for block in hidden.chunks_mut(FFN_ROWS * h) {
                let input = if norm_first {
                    normalized(kernel, block, &layer.ffn_norm, normed)
                } else {
                    &block[..]
                };
                apply(4 * at + 2, &layer.ffn_in, input, inner);
                if self.is_gated {
                    gate(kernel, inner, layer.ffn_out.n_in(), self.activation);
                } else {
                    activate(kernel, inner, self.activation);
                }
                apply(4 * at + 3, &layer.ffn_out, inner, update);
                if norm_first {
                    add(block, update);
                } else {
                    layer_norm(kernel, block, update, &layer.ffn_norm);
                }
            }
        }
        if let Some(norm) = &self.final_norm {
            layer_norm(kernel, hidden, &[], norm);
        }
    }

    /// The sums of the embeddings of each token, normalized.
    fn embed(&self, sequences: &[&[u32]], hidden: &mut Vec<f32>) {
        let h = self.hidden;
        hidden.clear();
        for sequence in sequences {
            for (position, &id) in sequence.iter().enumerate() {
                let start = hidden.len();
                hidden.resize(start + h, 0.0);
                self.embeddings.row(id, position, &mut hidden[start..]);
            }
        }
        layer_norm(self.kernel, hidden, &[], &self.embeddings.norm);
    }
}

/// The rows of `values` normalized, in `normed`.
fn normalized<'a>(
    kernel: Kernel,
    values: &[f32],
    norm: &Norm,
    normed: &'a mut Vec<f32>,
) -> &'a [f32] {
    normed.clear();
    normed.extend_from_slice(values);
    layer_norm(kernel, normed, &[], norm);
    normed
}

/// Adds `update` to `values`.
fn add(values: &mut [f32], update: &[f32]) {
    for (value, update) in values.iter_mut().zip(update) {
        *value += update;
    }
}

/// The sequences sorted by length, ties in their order, in batches of at most `budget` tokens, but of at least one sequence.
/// The longest come first, so that threads end at about the same time.
fn batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(lengths[at]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for at in order {
        match batches.last_mut() {
            Some(batch) if tokens + lengths[at] <= budget => batch.push(at),
            _ => {
                batches.push(vec![at]);
                tokens = 0;
            }
        }
        tokens += lengths[at];
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_sorted_and_within_the_budget() {
        assert_eq!(
            batches(&[3, 9, 4, 20, 1, 3], 10),
            [vec![3], vec![1], vec![2, 0, 5], vec![4]].map(|batch| batch)
        );
        assert!(batches(&[], 10).is_empty());
    }
}
