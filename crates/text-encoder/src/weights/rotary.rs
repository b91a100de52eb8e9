//! Weights of architectures with rotary positions and gated feed-forward networks.
//!
//! | architecture | order | feed-forward network | attention |
//! |---|---|---|---|
//! | nomic-bert | normalization last | `fc11 * act(fc12)` | all tokens |
//! | GTE v1.5 (`new`) | normalization last | `up * act(gate)` | all tokens |
//! | `ModernBERT` | normalization first, one at the end | `act(input) * gate` | all tokens in some layers, a window in the others |
//!
//! Source of the names: the published implementations of the three models; Nussbaum et al. 2024 (nomic), Zhang et al. 2024 (mGTE),
//! Warner et al. 2024 (`ModernBERT`).

use std::sync::Arc;

use safetensors::SafeTensors;

use super::safetensors::{TOKEN_TYPES, Tensors, prefix};
use super::{Embeddings, Layer, LinearWeights, Norm, Weights};
use crate::Error;
use crate::config::{Config, Family, config};
use crate::rotary::Rotation;
use crate::rotary_config::LayerPositions;

/// The names of a layer's tensors, without `.weight` and `.bias`.
struct Names {
    words: &'static str,
    embedding_norm: &'static str,
    layers: &'static str,
    qkv: &'static str,
    attention_out: &'static str,
    attention_norm: &'static str,
    /// What passes through the activation and what it is multiplied by; or both in one, and in which order.
    ffn_in: Gate,
    ffn_out: &'static str,
    ffn_norm: &'static str,
}

enum Gate {
    Apart {
        activated: &'static str,
        gate: &'static str,
    },
    ActivatedFirst(&'static str),
    ActivatedLast(&'static str),
}

fn names(family: Family) -> Names {
    match family {
        Family::Nomic => Names {
            words: "embeddings.word_embeddings.weight",
            embedding_norm: "emb_ln",
            layers: "encoder.layers",
            qkv: "attn.Wqkv",
            attention_out: "attn.out_proj",
            attention_norm: "norm1",
            ffn_in: Gate::Apart {
                activated: "mlp.fc12",
                gate: "mlp.fc11",
            },
            ffn_out: "mlp.fc2",
            ffn_norm: "norm2",
        },
        Family::ModernBert => Names {
            words: "embeddings.tok_embeddings.weight",
            embedding_norm: "embeddings.norm",
            layers: "layers",
            qkv: "attn.Wqkv",
            attention_out: "attn.Wo",
            attention_norm: "attn_norm",
            ffn_in: Gate::ActivatedFirst("mlp.Wi"),
            ffn_out: "mlp.Wo",
            ffn_norm: "mlp_norm",
        },
        _ => Names {
            words: "embeddings.word_embeddings.weight",
            embedding_norm: "embeddings.LayerNorm",
            layers: "encoder.layer",
            qkv: "attention.qkv_proj",
            attention_out: "attention.o_proj",
            attention_norm: "attn_ln",
            ffn_in: Gate::ActivatedLast("mlp.up_gate_proj"),
            ffn_out: "mlp.down_proj",
            ffn_norm: "mlp_ln",
        },
    }
}

pub(super) fn read(
    files: &[SafeTensors<'_>],
    configuration: &Config,
    family: Family,
) -> Result<Weights, Error> {
    configuration.check_rotary()?;
    let names = names(family);
    let prefix = prefix(files, names.words)?;
    let tensors = Tensors {
        files,
        prefix,
        epsilon: configuration.epsilon(),
    };
    let words = tensors.table(names.words)?;
    let hidden = words.columns();
    let heads = configuration
        .heads()
        .filter(|&heads| heads > 0 && hidden.is_multiple_of(heads))
        .ok_or_else(|| {
            config(format!(
                "the number of heads is missing, or {hidden} dimensions cannot be split into it"
            ))
        })?;
    let d = hidden / heads;
    let token_type = match tensors.find(TOKEN_TYPES) {
        Some(_) if family != Family::ModernBert => tensors.matrix(TOKEN_TYPES, hidden)?,
        _ => Vec::new(),
    };
    let max_tokens = configuration.rotary_positions()?;
    let embeddings = Embeddings {
        words,
        positions: Vec::new(),
        token_type: token_type[..hidden.min(token_type.len())].to_vec(),
        max_tokens,
        norm: tensors.norm_without_bias(names.embedding_norm)?,
    };
    // Most layers have the same rotation.
    let mut rotations: Vec<(Vec<f32>, Arc<Rotation>)> = Vec::new();
    let mut rotation = |frequencies: Vec<f32>| {
        let known = rotations.iter().find(|(known, _)| *known == frequencies);
        if let Some((_, rotation)) = known {
            return Arc::clone(rotation);
        }
        let rotation = Arc::new(Rotation::new(&frequencies, max_tokens));
        rotations.push((frequencies, Arc::clone(&rotation)));
        rotation
    };
    let scale = 1.0 / (d as f32).sqrt();
    let qkv = |at: usize| format!("{}.{at}.{}", names.layers, names.qkv);
    let mut layers = Vec::new();
    while tensors
        .find(&format!("{}.weight", qkv(layers.len())))
        .is_some()
    {
        let at = layers.len();
        let name = |part: &str| format!("{}.{at}.{part}", names.layers);
        let mut qkv = tensors.linear_without_bias(&qkv(at))?;
        if qkv.bias.len() != 3 * hidden {
            return Err(config(format!(
                "layer {at} has {} queries, keys and values instead of {}",
                qkv.bias.len(),
                3 * hidden
            )));
        }
        qkv.scale_first(hidden, scale);
        let norm = name(names.attention_norm);
        // The first layer of ModernBERT has the normalization of the embeddings only.
        let is_normalized = tensors.find(&format!("{norm}.weight")).is_some();
        let attention_norm = if is_normalized || family != Family::ModernBert || at > 0 {
            Some(tensors.norm_without_bias(&norm)?)
        } else {
            None
        };
        let LayerPositions {
            frequencies,
            window,
        } = configuration.layer_positions(at, d)?;
        layers.push(Layer {
            qkv,
            attention_out: tensors.linear_without_bias(&name(names.attention_out))?,
            attention_norm,
            ffn_in: tensors.gated(&names.ffn_in, &name)?,
            ffn_out: tensors.linear_without_bias(&name(names.ffn_out))?,
            ffn_norm: tensors.norm_without_bias(&name(names.ffn_norm))?,
            rotation: Some(rotation(frequencies)),
            window,
        });
    }
    if layers.is_empty() {
        return Err(Error::TensorMissing {
            name: format!("{prefix}{}.weight", qkv(0)),
        });
    }
    let final_norm = match family {
        Family::ModernBert => Some(tensors.norm_without_bias("final_norm")?),
        _ => None,
    };
    Weights {
        hidden,
        heads,
        activation: configuration.gated_activation()?,
        is_gated: true,
        embeddings,
        layers,
        relative_bias: Vec::new(),
        final_norm,
    }
    .checked(configuration)
}

impl Tensors<'_> {
    /// A linear map whose bias may be missing.
    fn linear_without_bias(&self, name: &str) -> Result<LinearWeights, Error> {
        if self.find(&format!("{name}.bias")).is_some() {
            return self.linear(name);
        }
        let (weight, shape) = self.get(&format!("{name}.weight"))?;
        match shape.as_slice() {
            &[n_out, n_in] if n_out > 0 && n_in > 0 => Ok(LinearWeights {
                weight,
                bias: vec![0.0; n_out],
            }),
            _ => Err(Error::Tensor {
                name: format!("{name}.weight"),
                message: format!("its shape {shape:?} is not that of a matrix"),
            }),
        }
    }

    /// A layer normalization whose bias may be missing.
    fn norm_without_bias(&self, name: &str) -> Result<Norm, Error> {
        if self.find(&format!("{name}.bias")).is_some() {
            return self.norm(name);
        }
        let weight = self.vector(&format!("{name}.weight"))?;
        Ok(Norm {
            bias: vec![0.0; weight.len()],
            weight,
            epsilon: self.epsilon,
        })
    }

    /// The input of a gated network as one map: first what passes through the activation, then the gates.
    fn gated(&self, gate: &Gate, name: &dyn Fn(&str) -> String) -> Result<LinearWeights, Error> {
        match *gate {
            Gate::Apart { activated, gate } => {
                let activated = self.linear_without_bias(&name(activated))?;
                let gate = self.linear_without_bias(&name(gate))?;
                if activated.bias.len() != gate.bias.len() {
                    return Err(config("the halves of a gated network have different sizes"));
                }
                Ok(LinearWeights::concat([activated, gate]))
            }
            Gate::ActivatedFirst(both) => self.linear_without_bias(&name(both)),
            Gate::ActivatedLast(both) => {
                let mut both = self.linear_without_bias(&name(both))?;
                let half = both.bias.len() / 2;
                let values = half * both.n_in();
                both.weight.rotate_left(values);
                both.bias.rotate_left(half);
                Ok(both)
            }
        }
    }
}
