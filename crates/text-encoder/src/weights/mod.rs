//! The weights of an encoder, from a safetensors file or an ONNX graph.
//!
//! Both readers give the same: tables of embeddings, and for each layer four linear maps and two layer normalizations. The
//! maps of query, key and value are one, and the attention's scale is part of the query.

mod onnx;
mod safetensors;

pub(crate) use self::safetensors::tensor;
use crate::Error;
use crate::config::{Activation, Config, Family, config};

/// Reads `length` bytes from `offset` on of a file of weights beside an ONNX graph: `(name, offset, length)`.
pub type ReadExternal<'a> = &'a dyn Fn(&str, u64, usize) -> std::io::Result<Vec<u8>>;

/// The weights of an encoder in `f32`.
#[derive(Debug)]
pub struct Weights {
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) activation: Activation,
    pub(crate) embeddings: Embeddings,
    pub(crate) layers: Vec<Layer>,
    /// For each bucket of distances the bias of each head; empty if the architecture has none.
    pub(crate) relative_bias: Vec<f32>,
}

/// The tables whose rows are added for each token.
#[derive(Debug)]
pub(crate) struct Embeddings {
    /// A row per token of the vocabulary.
    pub(crate) words: Vec<f32>,
    /// A row per position. The row of the only token type is added to each.
    pub(crate) positions: Vec<f32>,
    pub(crate) norm: Norm,
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
    fn concat(maps: [LinearWeights; 3]) -> Self {
        let [mut first, second, third] = maps;
        for map in [second, third] {
            first.weight.extend(map.weight);
            first.bias.extend(map.bias);
        }
        first
    }

    fn scale(&mut self, factor: f32) {
        for value in self.weight.iter_mut().chain(&mut self.bias) {
            *value *= factor;
        }
    }
}

/// A layer: attention and feed-forward network, each followed by a normalization of its sum with its input.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Query, key and value, one after the other.
    pub(crate) qkv: LinearWeights,
    pub(crate) attention_out: LinearWeights,
    pub(crate) attention_norm: Norm,
    pub(crate) ffn_in: LinearWeights,
    pub(crate) ffn_out: LinearWeights,
    pub(crate) ffn_norm: Norm,
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

    /// Dimensions of the hidden states.
    pub fn dimensions(&self) -> usize {
        self.hidden
    }

    /// Number of tokens in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.embeddings.words.len() / self.hidden
    }

    /// The largest number of tokens of a sequence.
    pub fn max_tokens(&self) -> usize {
        self.embeddings.positions.len() / self.hidden
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
        for (name, table) in [
            ("word embeddings", &embeddings.words),
            ("position embeddings", &embeddings.positions),
        ] {
            check(name, table, table.len() / h * h)?;
            if table.is_empty() {
                return Err(Error::Tensor {
                    name: name.into(),
                    message: "it is empty".into(),
                });
            }
        }
        check_norm("embedding norm", &embeddings.norm)?;
        let distances = self.relative_bias.len() / self.heads;
        check(
            "relative attention bias",
            &self.relative_bias,
            distances * self.heads,
        )?;
        for (at, layer) in self.layers.iter().enumerate() {
            let inner = layer.ffn_in.bias.len();
            for (name, map, n_in, n_out) in [
                ("query, key, value", &layer.qkv, h, 3 * h),
                ("attention output", &layer.attention_out, h, h),
                ("feed-forward input", &layer.ffn_in, h, inner),
                ("feed-forward output", &layer.ffn_out, inner, h),
            ] {
                check(
                    &format!("layer {at} {name} weight"),
                    &map.weight,
                    n_in * n_out,
                )?;
                check(&format!("layer {at} {name} bias"), &map.bias, n_out)?;
            }
            if inner == 0 {
                return Err(config(format!(
                    "layer {at} has a feed-forward network without units"
                )));
            }
            check_norm(&format!("layer {at} attention norm"), &layer.attention_norm)?;
            check_norm(&format!("layer {at} feed-forward norm"), &layer.ffn_norm)?;
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
