//! Models of model2vec, such as those called potion: a directory with `tokenizer.json`, `config.json` and the vectors of
//! the tokens in `model.safetensors`.
//!
//! As in that library, a text is tokenized without special tokens, unknown tokens are left out, and at most 512 tokens count
//! unless the model says otherwise. A text without any known token gets the vector 0.

use std::path::Path;

use rayon::prelude::*;
use text_encoder::StaticEncoder;

use crate::encoder::Batch;
use crate::error::Error;
use crate::model::Model;
use crate::model_dir;
use crate::tokenizer::TextTokenizer;
use crate::vectors::TemporaryTokens;
use crate::work::{Done, Runner, Take};

/// Texts that are encoded together, for each thread.
const WINDOW: usize = 2048;

/// A model of model2vec, ready to run.
pub(crate) struct StaticModel {
    encoder: StaticEncoder,
}

impl StaticModel {
    /// Everything besides model and settings that can change a vector, as text: changes when the same model gives other
    /// vectors.
    pub(crate) const IDENTITY: &str = "skerry static 1";
    /// The engine.
    pub(crate) const NAME: &str = "static";

    /// Reads the vectors of `model`.
    pub(crate) fn open(model: &Model, tokenizer: &TextTokenizer) -> Result<Self, Error> {
        let encoder = Self::read(model, model.settings.normalize)?.encoder;
        Ok(Self {
            encoder: match tokenizer.unknown() {
                Some(unknown) => encoder.without(unknown),
                None => encoder,
            },
        })
    }

    /// Reads the vectors of `model`, that of the unknown token included. With `normalized`, vectors of texts have length 1.
    pub(crate) fn read(model: &Model, normalized: bool) -> Result<Self, Error> {
        let path = &model.graph;
        let bytes = model_dir::read(path).map_err(|error| Error::Config {
            path: path.clone(),
            message: error.to_string(),
        })?;
        let encoder = StaticEncoder::from_safetensors(&bytes, normalized);
        let fault = |source| Error::WordVectors {
            path: path.clone(),
            source,
        };
        Ok(Self {
            encoder: encoder.map_err(fault)?,
        })
    }

    /// Dimensions of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    /// The vectors of `tokens`, row-major.
    pub(crate) fn word_vectors(&self, tokens: &[u32]) -> Result<Vec<f32>, text_encoder::Error> {
        let d = self.dimensions();
        let mut vectors = vec![0.0; tokens.len() * d];
        for (at, (token, vector)) in tokens.iter().zip(vectors.chunks_exact_mut(d)).enumerate() {
            self.encoder.encode(at, &[*token], vector)?;
        }
        Ok(vectors)
    }
}

/// Whether `config.json` is that of a model of model2vec.
pub(crate) fn is_static(config: &serde_json::Value) -> bool {
    let architectures = config.get("architectures").and_then(|list| list.as_array());
    config.get("model_type").and_then(|kind| kind.as_str()) == Some("model2vec")
        || architectures.is_some_and(|list| list.iter().any(|name| name == "StaticModel"))
}

/// Whether the model in `dir` is one of model2vec, as far as its configuration can be read.
pub(crate) fn is_in(dir: &Path) -> bool {
    let path = model_dir::file_in(dir, "config.json").ok();
    let bytes = path.and_then(|path| model_dir::read(&path).ok());
    let config = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    config.is_some_and(|config| is_static(&config))
}

impl Runner for StaticModel {
    fn run(&mut self, ids: &[u32], tokens: &TemporaryTokens, take: Take<'_>) -> Result<(), Error> {
        let d = self.dimensions();
        for ids in ids.chunks(WINDOW * rayon::current_num_threads()) {
            let texts = ids.iter().map(|&id| tokens.read(id));
            let texts = texts.collect::<Result<Vec<_>, Error>>()?;
            let mut vectors = vec![0.0; ids.len() * d];
            vectors
                .par_chunks_exact_mut(d)
                .zip(ids.par_iter().zip(texts))
                .try_for_each(|(vector, (&id, tokens))| {
                    let encoded = self.encoder.encode(id as usize, &tokens, vector);
                    encoded.map_err(|source| Batch::of(&[id], &[tokens]).failed(&source))
                })?;
            take(Done {
                ids: ids.to_vec(),
                vectors,
                truncated: Vec::new(),
            })?;
        }
        Ok(())
    }
}
