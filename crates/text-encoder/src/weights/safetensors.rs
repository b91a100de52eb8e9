//! Weights by their names in a safetensors file.
//!
//! Source: the format's description, <https://github.com/huggingface/safetensors>, and the modules of Hugging Face
//! Transformers (`BertModel`, `RobertaModel`, `DistilBertModel`, `MPNetModel`) for the names.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::rotary;
use super::{
    Embeddings, Layer, LinearWeights, Norm, Table, Weights, bfloat_to_f32, half_to_f32,
    has_token_types, positions,
};
use crate::Error;
use crate::config::{Config, Family, config};

const WORDS: &str = "embeddings.word_embeddings.weight";
pub(super) const TOKEN_TYPES: &str = "embeddings.token_type_embeddings.weight";

pub(super) fn read(files: &[&[u8]], configuration: &Config) -> Result<Weights, Error> {
    configuration.check()?;
    let family = configuration.family()?;
    let files = files
        .iter()
        .map(|bytes| {
            SafeTensors::deserialize(bytes).map_err(|error| Error::Format {
                format: "safetensors",
                message: error.to_string(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if family.is_rotary() {
        return rotary::read(&files, configuration, family);
    }
    let prefix = prefix(&files, WORDS)?;
    let tensors = Tensors {
        files: &files,
        prefix,
        epsilon: configuration.epsilon(),
    };
    let words = tensors.table(WORDS)?;
    let hidden = words.columns();
    let heads = configuration
        .heads()
        .ok_or_else(|| config("num_attention_heads is missing"))?;
    if heads == 0 {
        return Err(config("num_attention_heads is 0"));
    }
    let token_type = if has_token_types(family) {
        tensors.matrix(TOKEN_TYPES, hidden)?
    } else {
        Vec::new()
    };
    let table = tensors.matrix("embeddings.position_embeddings.weight", hidden)?;
    let embeddings = Embeddings {
        words,
        positions: positions(
            &table,
            hidden,
            configuration.first_position(),
            &token_type[..hidden.min(token_type.len())],
        )?,
        token_type: Vec::new(),
        max_tokens: 0,
        norm: tensors.norm("embeddings.LayerNorm")?,
    }
    .with_table();
    let names = names(family);
    let has_layer = |at: usize| {
        tensors
            .find(&format!("{}.{at}.{}.weight", names.layers, names.query))
            .is_some()
    };
    let mut count = 0;
    while has_layer(count) {
        count += 1;
    }
    if count == 0 {
        return Err(Error::TensorMissing {
            name: format!("{prefix}{}.0.{}.weight", names.layers, names.query),
        });
    }
    let scale = 1.0 / ((hidden / heads) as f32).sqrt();
    let layers = (0..count)
        .map(|at| {
            let name = |part: &str| format!("{}.{at}.{part}", names.layers);
            let mut query = tensors.linear(&name(names.query))?;
            query.scale(scale);
            Ok(Layer {
                qkv: LinearWeights::concat([
                    query,
                    tensors.linear(&name(names.key))?,
                    tensors.linear(&name(names.value))?,
                ]),
                attention_out: tensors.linear(&name(names.attention_out))?,
                attention_norm: Some(tensors.norm(&name(names.attention_norm))?),
                ffn_in: tensors.linear(&name(names.ffn_in))?,
                ffn_out: tensors.linear(&name(names.ffn_out))?,
                ffn_norm: tensors.norm(&name(names.ffn_norm))?,
                rotation: None,
                window: None,
            })
        })
        .collect::<Result<_, Error>>()?;
    let relative_bias = if family == Family::MpNet {
        tensors.matrix("encoder.relative_attention_bias.weight", heads)?
    } else {
        Vec::new()
    };
    Weights {
        hidden,
        heads,
        activation: configuration.activation()?,
        is_gated: false,
        embeddings,
        layers,
        relative_bias,
        final_norm: None,
    }
    .checked(configuration)
}

/// What precedes the name of the word embeddings, and the names of all other tensors.
pub(super) fn prefix<'a>(files: &'a [SafeTensors<'_>], words: &str) -> Result<&'a str, Error> {
    files
        .iter()
        .flat_map(SafeTensors::names)
        .filter_map(|name| name.strip_suffix(words))
        .min_by_key(|prefix| prefix.len())
        .ok_or_else(|| Error::TensorMissing { name: words.into() })
}

/// The values and the shape of the tensor `name` of a file.
pub(crate) fn tensor(file: &[u8], name: &str) -> Result<(Vec<f32>, Vec<usize>), Error> {
    let tensors = Tensors {
        files: &[parse(file)?],
        prefix: "",
        epsilon: 0.0,
    };
    tensors.get(name)
}

/// The whole numbers of the tensor `name` of a file, if it has one.
pub(crate) fn ids(file: &[u8], name: &str) -> Result<Option<Vec<u32>>, Error> {
    let file = parse(file)?;
    let Ok(tensor) = file.tensor(name) else {
        return Ok(None);
    };
    let fault = |message: String| Error::Tensor {
        name: name.into(),
        message,
    };
    let bytes = tensor.data();
    let values: Vec<i64> = match tensor.dtype() {
        Dtype::I64 => bytes
            .as_chunks()
            .0
            .iter()
            .map(|&value| i64::from_le_bytes(value))
            .collect(),
        Dtype::I32 => (bytes.as_chunks().0.iter())
            .map(|&value| i64::from(i32::from_le_bytes(value)))
            .collect(),
        other => return Err(fault(format!("values of type {other:?} are not ids"))),
    };
    let id = |value: i64| u32::try_from(value).map_err(|_| fault(format!("{value} is not an id")));
    values
        .into_iter()
        .map(id)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Whether a file has the tensor `name`.
pub(crate) fn has_tensor(file: &[u8], name: &str) -> Result<bool, Error> {
    Ok(parse(file)?.tensor(name).is_ok())
}

fn parse(file: &[u8]) -> Result<SafeTensors<'_>, Error> {
    SafeTensors::deserialize(file).map_err(|error| Error::Format {
        format: "safetensors",
        message: error.to_string(),
    })
}

/// The names of a layer's tensors, without `.weight` and `.bias`.
struct Names {
    layers: &'static str,
    query: &'static str,
    key: &'static str,
    value: &'static str,
    attention_out: &'static str,
    attention_norm: &'static str,
    ffn_in: &'static str,
    ffn_out: &'static str,
    ffn_norm: &'static str,
}

fn names(family: Family) -> Names {
    match family {
        Family::DistilBert => Names {
            layers: "transformer.layer",
            query: "attention.q_lin",
            key: "attention.k_lin",
            value: "attention.v_lin",
            attention_out: "attention.out_lin",
            attention_norm: "sa_layer_norm",
            ffn_in: "ffn.lin1",
            ffn_out: "ffn.lin2",
            ffn_norm: "output_layer_norm",
        },
        Family::MpNet => Names {
            layers: "encoder.layer",
            query: "attention.attn.q",
            key: "attention.attn.k",
            value: "attention.attn.v",
            attention_out: "attention.attn.o",
            attention_norm: "attention.LayerNorm",
            ffn_in: "intermediate.dense",
            ffn_out: "output.dense",
            ffn_norm: "output.LayerNorm",
        },
        _ => Names {
            layers: "encoder.layer",
            query: "attention.self.query",
            key: "attention.self.key",
            value: "attention.self.value",
            attention_out: "attention.output.dense",
            attention_norm: "attention.output.LayerNorm",
            ffn_in: "intermediate.dense",
            ffn_out: "output.dense",
            ffn_norm: "output.LayerNorm",
        },
    }
}

pub(super) struct Tensors<'a> {
    pub(super) files: &'a [SafeTensors<'a>],
    pub(super) prefix: &'a str,
    pub(super) epsilon: f32,
}

impl Tensors<'_> {
    pub(super) fn find(&self, name: &str) -> Option<TensorView<'_>> {
        let name = format!("{}{name}", self.prefix);
        self.files.iter().find_map(|file| file.tensor(&name).ok())
    }

    fn required(&self, name: &str) -> Result<TensorView<'_>, Error> {
        self.find(name).ok_or_else(|| Error::TensorMissing {
            name: format!("{}{name}", self.prefix),
        })
    }

    /// The values and the shape of a tensor.
    pub(super) fn get(&self, name: &str) -> Result<(Vec<f32>, Vec<usize>), Error> {
        let tensor = self.required(name)?;
        let bytes = tensor.data();
        let values = match tensor.dtype() {
            Dtype::F32 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&value| f32::from_le_bytes(value))
                .collect(),
            Dtype::F64 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&value| f64::from_le_bytes(value) as f32)
                .collect(),
            Dtype::F16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&value| half_to_f32(u16::from_le_bytes(value)))
                .collect(),
            Dtype::BF16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|&value| bfloat_to_f32(u16::from_le_bytes(value)))
                .collect(),
            other => {
                return Err(Error::Tensor {
                    name: name.into(),
                    message: format!("values of type {other:?} are not read"),
                });
            }
        };
        Ok((values, tensor.shape().to_vec()))
    }

    /// The values of a matrix of so many columns and at least one row.
    pub(super) fn matrix(&self, name: &str, columns: usize) -> Result<Vec<f32>, Error> {
        let (values, shape) = self.get(name)?;
        match shape.as_slice() {
            &[rows, found] if rows > 0 && found == columns => Ok(values),
            _ => Err(Error::Tensor {
                name: name.into(),
                message: format!("it has the shape {shape:?} instead of rows of {columns} values"),
            }),
        }
    }

    /// The values of a tensor of one dimension.
    pub(super) fn vector(&self, name: &str) -> Result<Vec<f32>, Error> {
        let (values, shape) = self.get(name)?;
        if shape.len() == 1 {
            return Ok(values);
        }
        Err(Error::Tensor {
            name: name.into(),
            message: format!("it has the shape {shape:?} instead of one dimension"),
        })
    }

    /// A table, in the form in which it is stored.
    pub(super) fn table(&self, name: &str) -> Result<Table, Error> {
        let tensor = self.required(name)?;
        let &[_, columns] = tensor.shape() else {
            return Err(Error::Tensor {
                name: name.into(),
                message: format!(
                    "it has the shape {:?} instead of two dimensions",
                    tensor.shape()
                ),
            });
        };
        let bits = || {
            let values = tensor.data().as_chunks().0.iter();
            values.map(|&bits| u16::from_le_bytes(bits)).collect()
        };
        Ok(match tensor.dtype() {
            Dtype::F16 => Table::half(bits(), columns),
            Dtype::BF16 => Table::bfloat(bits(), columns),
            _ => Table::float(self.get(name)?.0, columns),
        })
    }

    pub(super) fn linear(&self, name: &str) -> Result<LinearWeights, Error> {
        let (weight, shape) = self.get(&format!("{name}.weight"))?;
        let bias = self.vector(&format!("{name}.bias"))?;
        if shape.len() != 2 || shape[0] != bias.len() || bias.is_empty() {
            return Err(Error::Tensor {
                name: format!("{name}.weight"),
                message: format!(
                    "its shape {shape:?} does not match a bias of {} values",
                    bias.len()
                ),
            });
        }
        Ok(LinearWeights { weight, bias })
    }

    /// A layer normalization; files converted from TensorFlow call its tensors `gamma` and `beta`.
    pub(super) fn norm(&self, name: &str) -> Result<Norm, Error> {
        let get = |new: &str, old: &str| {
            let old = format!("{name}.{old}");
            if self.find(&old).is_some() {
                self.vector(&old)
            } else {
                self.vector(&format!("{name}.{new}"))
            }
        };
        Ok(Norm {
            weight: get("weight", "gamma")?,
            bias: get("bias", "beta")?,
            epsilon: self.epsilon,
        })
    }
}
