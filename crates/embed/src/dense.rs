//! The linear layers of a model after pooling, and the cut to fewer dimensions.

use std::path::Path;

use text_encoder::{Dense, DenseConfig, normalize};

use crate::error::Error;
use crate::model::Model;
use crate::model_dir::{self, file_in};

/// The configuration of a linear layer, in its folder.
const CONFIG: &str = "config.json";
/// Its weights.
const WEIGHTS: &str = "model.safetensors";
const PICKLED: &str = "pytorch_model.bin";
const ONLY_PICKLED: &str = "it is missing; pytorch_model.bin beside it is not read, because reading pickled weights runs code";

/// The files of the linear layers in these folders, as paths in the model.
pub(crate) fn files(folders: &[String]) -> impl Iterator<Item = String> {
    folders
        .iter()
        .flat_map(|folder| [CONFIG, WEIGHTS].map(|name| format!("{folder}/{name}")))
}

/// The linear layers of a model, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct DenseLayers(Vec<Dense>);

impl DenseLayers {
    /// Reads the layers of `model`, which get vectors of `d` dimensions.
    pub(crate) fn read(model: &Model, d: usize) -> Result<Self, Error> {
        let mut layers = Vec::new();
        let mut d = d;
        for folder in &model.settings.dense {
            let read = |name: &str| {
                let path = file_in(&model.dir, &format!("{folder}/{name}"))?;
                match model_dir::read(&path) {
                    Ok(bytes) => Ok((path, bytes)),
                    Err(_) if path.with_file_name(PICKLED).exists() => {
                        Err(fault(&path, &ONLY_PICKLED))
                    }
                    Err(error) => Err(fault(&path, &error)),
                }
            };
            let (path, config) = read(CONFIG)?;
            let config: DenseConfig =
                serde_json::from_slice(&config).map_err(|error| fault(&path, &error))?;
            let (path, weights) = read(WEIGHTS)?;
            let layer =
                Dense::from_safetensors(&weights, &config).map_err(|error| fault(&path, &error))?;
            if layer.inputs() != d {
                return Err(Error::Dense {
                    path: model.dir.join(folder),
                    expected: layer.inputs(),
                    found: d,
                });
            }
            d = layer.outputs();
            layers.push(layer);
        }
        Ok(Self(layers))
    }

    /// Checks that a graph that pools, to vectors of `d` dimensions, has the linear layers of `model` in it.
    pub(crate) fn check_pooled(model: &Model, d: usize) -> Result<(), Error> {
        let Some(folder) = model.settings.dense.last() else {
            return Ok(());
        };
        let path = file_in(&model.dir, &format!("{folder}/{CONFIG}"))?;
        let bytes = model_dir::read(&path).map_err(|error| fault(&path, &error))?;
        let config: DenseConfig =
            serde_json::from_slice(&bytes).map_err(|error| fault(&path, &error))?;
        if config.out_features == d {
            Ok(())
        } else {
            Err(Error::PooledWidth {
                found: d,
                expected: config.out_features,
            })
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Dimensions of the vectors after the last layer; `None` without layers.
    pub(crate) fn outputs(&self) -> Option<usize> {
        self.0.last().map(Dense::outputs)
    }

    /// The vectors, rows of `d` values, after all layers.
    pub(crate) fn apply(&self, vectors: Vec<f32>, d: usize) -> Vec<f32> {
        let (mut vectors, mut d) = (vectors, d);
        for layer in &self.0 {
            vectors = vectors
                .chunks_exact(d)
                .flat_map(|vector| layer.apply(vector))
                .collect();
            d = layer.outputs();
        }
        vectors
    }
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Config {
        path: path.to_owned(),
        message: error.to_string(),
    }
}

/// Cuts vectors of `d` dimensions to the first `keep` (Kusupati et al. 2022, Matryoshka representation learning), and scales
/// them to length 1 again if they had it.
pub(crate) fn cut(mut values: Vec<f32>, d: usize, keep: usize, unit_length: bool) -> Vec<f32> {
    let rows = values.len() / d;
    for row in 0..rows {
        values.copy_within(row * d..row * d + keep, row * keep);
    }
    values.truncate(rows * keep);
    if unit_length {
        values.chunks_exact_mut(keep).for_each(normalize);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dimensions_stay() {
        let values = vec![3.0, 4.0, 12.0, 0.0, 2.0, 5.0];
        assert_eq!(cut(values.clone(), 3, 2, true), [0.6, 0.8, 0.0, 1.0]);
        assert_eq!(cut(values.clone(), 3, 2, false), [3.0, 4.0, 0.0, 2.0]);
        assert_eq!(cut(values.clone(), 3, 3, false), values);
    }
}
