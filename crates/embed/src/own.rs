//! Skerry's own encoder: BERT-like models without ONNX Runtime.
//!
//! The crate `text-encoder` computes in f32 or int8. Its vectors depend on the text alone and are the same on all processors, so that neither the
//! library nor the processor is part of the cache's key.

use stage::Progress;
use text_encoder::{Calibration, Encoder};

use crate::calibrate::Calibrated;
use crate::dense::DenseLayers;
use crate::encoder::Batch;
use crate::error::Error;
use crate::model::Model;
use crate::options::{Pooling, Precision};
use crate::own_weights::{self, SCHEME};
use crate::tokenizer::TextTokenizer;
use crate::vectors::TemporaryTokens;
use crate::work::{Done, Runner, Take};

/// Texts that are sorted by length together, for each thread.
const WINDOW: usize = 512;

/// A model, read and with its precision decided.
pub(crate) struct OwnEncoder {
    /// In f32 until it is [`quantized`](Self::quantized).
    encoder: Encoder,
    /// How to quantize it, if it is to run in int8.
    calibration: Option<Calibration>,
    pooling: text_encoder::Pooling,
    /// The linear layers after pooling.
    dense: DenseLayers,
    normalize: bool,
}

impl OwnEncoder {
    /// Reads the weights of `model`. For int8, and to decide between int8 and f32, the model is calibrated first, unless it was
    /// before.
    pub(crate) fn open(
        model: &Model,
        precision: Precision,
        tokenizer: &TextTokenizer,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let pooling = pooling(model)?;
        let mut exact = own_weights::read(model)?;
        let mut calibration = None;
        if precision != Precision::Fp32 {
            let calibrated;
            (calibrated, exact) = Calibrated::of(model, exact, pooling, tokenizer, progress)?;
            match calibrated.precision(precision) {
                text_encoder::Precision::Fp32 => progress.note(&format!(
                    "int8 vectors of this model are too far from the exact ones (cosine {:.3} at the first percentile of {} texts): --precision fp32 is used",
                    calibrated.cosines.low, calibrated.cosines.texts
                )),
                text_encoder::Precision::Int8 => calibration = Some(calibrated.calibration),
            }
        }
        Ok(Self {
            dense: DenseLayers::read(model, exact.dimensions())?,
            encoder: exact,
            calibration,
            pooling,
            normalize: model.settings.normalize,
        })
    }

    /// This encoder in the precision that was decided.
    pub(crate) fn quantized(self, model: &Model) -> Result<Self, Error> {
        let Some(calibration) = &self.calibration else {
            return Ok(self);
        };
        let encoder = self.encoder.quantized(calibration);
        Ok(Self {
            encoder: encoder.map_err(Error::own_encoder(&model.graph))?,
            ..self
        })
    }

    /// Dimensions of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        let width = self.encoder.dimensions();
        self.dense.outputs().unwrap_or(width)
    }

    /// The largest number of tokens of a text.
    pub(crate) fn max_tokens(&self) -> usize {
        self.encoder.max_tokens()
    }

    /// Whether the matrix products are to be in int8.
    pub(crate) fn is_int8(&self) -> bool {
        self.calibration.is_some()
    }

    /// The precision that was decided.
    fn precision(&self) -> text_encoder::Precision {
        if self.is_int8() {
            text_encoder::Precision::Int8
        } else {
            text_encoder::Precision::Fp32
        }
    }

    /// Everything besides model and settings that can change a vector, as text.
    pub(crate) fn identity(&self) -> String {
        format!("skerry {SCHEME} {}", self.precision())
    }

    /// The engine and its precision.
    pub(crate) fn name(&self) -> String {
        format!("skerry {}", self.precision())
    }

    /// Bytes that `threads` threads need beside the weights, for texts of at most `longest` tokens.
    pub(crate) fn scratch(&self, longest: usize, threads: usize) -> u64 {
        (threads * self.encoder.estimate_scratch(longest)) as u64
    }

    /// The vectors of the texts `ids`, row-major, in the precision that the encoder has now.
    pub(crate) fn encode(&self, ids: &[u32], tokens: &TemporaryTokens) -> Result<Vec<f32>, Error> {
        let tokens = ids
            .iter()
            .map(|&id| tokens.read(id))
            .collect::<Result<Vec<_>, Error>>()?;
        let width = self.encoder.dimensions();
        let by_encoder = self.normalize && self.dense.is_empty();
        let mut vectors = vec![0.0; ids.len() * width];
        self.encoder
            .encode(&tokens, self.pooling, by_encoder, &mut vectors)
            .map_err(|source| Batch::of(ids, &tokens).failed(&source))?;
        vectors = self.dense.apply(vectors, width);
        if self.normalize && !by_encoder {
            let rows = vectors.chunks_exact_mut(self.dimensions());
            rows.for_each(text_encoder::normalize);
        }
        Ok(vectors)
    }
}

/// The pooling of `model`; an error if this encoder cannot do what its files say.
fn pooling(model: &Model) -> Result<text_encoder::Pooling, Error> {
    let settings = &model.settings;
    let Some(pooling) = settings.pooling else {
        return Err(Error::NoPooling {
            dir: model.dir.clone(),
        });
    };
    if !settings.prefix_pooled && !settings.prefix.is_empty() {
        return Err(Error::Prompt {
            dir: model.dir.clone(),
        });
    }
    if let Some(module) = &settings.unknown_module {
        return Err(Error::Module {
            module: module.clone(),
        });
    }
    Ok(pooling.into())
}

impl Runner for OwnEncoder {
    fn run(&mut self, ids: &[u32], tokens: &TemporaryTokens, take: Take<'_>) -> Result<(), Error> {
        for ids in ids.chunks(WINDOW * rayon::current_num_threads()) {
            take(Done {
                ids: ids.to_vec(),
                vectors: self.encode(ids, tokens)?,
                truncated: Vec::new(),
            })?;
        }
        Ok(())
    }
}

impl From<Pooling> for text_encoder::Pooling {
    fn from(pooling: Pooling) -> Self {
        match pooling {
            Pooling::Mean => Self::Mean,
            Pooling::Cls => Self::Cls,
            Pooling::Last => Self::Last,
            Pooling::Max => Self::Max,
        }
    }
}
