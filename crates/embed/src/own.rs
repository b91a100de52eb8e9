//! Skerry's own encoder: BERT-like models without ONNX Runtime.
//!
//! The crate `text-encoder` reads the weights out of the ONNX graph, or out of `model.safetensors` where there is no graph,
//! and computes in f32 or int8. Its vectors depend on the text alone and are the same on all processors, so that neither the
//! library nor the processor is part of the cache's key.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rayon::prelude::*;
use text_encoder::{Config, Encoder, Weights};

use crate::dense::DenseLayers;
use crate::encoder::Batch;
use crate::error::Error;
use crate::model::Model;
use crate::model_dir::{self, file_in};
use crate::options::{Pooling, Precision};
use crate::tokenizer::TextTokenizer;
use crate::work::{Done, Runner, WINDOW};

/// Changes when the same model gives other vectors.
const SCHEME: u32 = 1;

/// A model, ready to run.
pub(crate) struct OwnEncoder {
    encoder: Encoder,
    pooling: text_encoder::Pooling,
    /// The linear layers after pooling.
    dense: DenseLayers,
    normalize: bool,
}

impl OwnEncoder {
    /// Reads the weights of `model`.
    pub(crate) fn open(model: &Model, precision: Precision) -> Result<Self, Error> {
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
        let fault = |source| Error::OwnEncoder {
            path: model.graph.clone(),
            source,
        };
        let encoder = Encoder::new(weights(model)?, precision.into()).map_err(fault)?;
        let dense = DenseLayers::read(model, encoder.dimensions())?;
        Ok(Self {
            encoder,
            dense,
            pooling: pooling.into(),
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

    /// Everything besides model and settings that can change a vector, as text.
    pub(crate) fn identity(&self) -> String {
        format!("skerry {SCHEME} {}", self.encoder.precision())
    }

    /// Bytes that `threads` threads need beside the weights, for texts of at most `longest` tokens.
    pub(crate) fn scratch(&self, longest: usize, threads: usize) -> u64 {
        (threads * self.encoder.estimate_scratch(longest)) as u64
    }
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
        for ids in ids.chunks(WINDOW / 8) {
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

impl From<Precision> for text_encoder::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Fp32 => Self::Fp32,
            Precision::Int8 => Self::Int8,
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
