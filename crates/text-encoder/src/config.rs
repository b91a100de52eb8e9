//! What a model's `config.json` says about its architecture.

use serde::Deserialize;

use crate::Error;
use crate::rotary_config::RotaryConfig;

/// The supported values of `model_type`.
pub(crate) const MODEL_TYPES: [&str; 9] = [
    "bert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "distilbert",
    "mpnet",
    "nomic_bert",
    "modernbert",
    "new",
];

/// A model's configuration, as in `config.json` of Hugging Face Transformers. Keys that do not matter are ignored.
///
/// What is missing is taken from the tensors where they show it, else from the defaults of the model type.
///
/// ```
/// let config: text_encoder::Config =
///     serde_json::from_str(r#"{"model_type": "bert", "hidden_size": 384, "num_attention_heads": 12}"#)?;
/// assert_eq!(config.model_type, "bert");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The architecture: `bert`, `roberta`, `xlm-roberta`, `camembert`, `distilbert`, `mpnet`, `nomic_bert`,
    /// `modernbert` or `new` (GTE v1.5).
    pub model_type: String,
    /// Dimensions of the hidden states (`dim` in `DistilBERT`).
    pub hidden_size: Option<usize>,
    /// Number of layers (`n_layers` in `DistilBERT`).
    pub num_hidden_layers: Option<usize>,
    /// Attention heads per layer (`n_heads` in `DistilBERT`).
    pub num_attention_heads: Option<usize>,
    /// The activation of the feed-forward network (`activation` in `DistilBERT`).
    pub hidden_act: Option<String>,
    /// What layer normalization adds to the variance.
    pub layer_norm_eps: Option<f64>,
    /// Number of positions.
    pub max_position_embeddings: Option<usize>,
    /// The id of the padding token; positions of `RoBERTa` and its kin start behind it.
    pub pad_token_id: Option<usize>,
    /// `absolute`, or missing; `rope` in `new`.
    pub position_embedding_type: Option<String>,
    /// Whether the model is a decoder.
    pub is_decoder: Option<bool>,
    dim: Option<usize>,
    n_layers: Option<usize>,
    n_heads: Option<usize>,
    activation: Option<String>,
    #[serde(flatten)]
    pub(crate) rotary: RotaryConfig,
}

/// The families of architectures, by their tensor names and positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bert,
    /// As BERT, but positions start behind the padding id, and the token type is always 0.
    Roberta,
    DistilBert,
    /// As `RoBERTa`, with a bias of attention that depends on the distance of two tokens.
    MpNet,
    /// Rotary positions, gated feed-forward networks.
    Nomic,
    /// As `Nomic`, with normalizations first and windows of attention.
    ModernBert,
    /// GTE v1.5: as `Nomic`, with names of its own.
    New,
}

impl Family {
    /// Whether positions are rotary.
    pub(crate) fn is_rotary(self) -> bool {
        matches!(self, Family::Nomic | Family::ModernBert | Family::New)
    }
}

/// The activation of the feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Gelu,
    GeluTanh,
    Relu,
    Silu,
}

impl Config {
    /// Checks that the architecture is supported, as far as the configuration tells.
    ///
    /// # Errors
    ///
    /// If the model type, the activation or the kind of positions is not supported, or if the epsilon of layer normalization
    /// is none.
    pub fn check(&self) -> Result<(), Error> {
        self.family()?;
        self.activation()?;
        let epsilon = self.epsilon();
        if !(0.0..=1.0).contains(&epsilon) {
            return Err(config(format!(
                "layer_norm_eps is {epsilon}, not a number from 0 to 1"
            )));
        }
        Ok(())
    }

    pub(crate) fn family(&self) -> Result<Family, Error> {
        if self.is_decoder == Some(true) {
            return Err(config(
                "is_decoder is true, but only encoders are supported",
            ));
        }
        if let Some(positions) = self
            .position_embedding_type
            .as_deref()
            .filter(|&name| name != "absolute" && self.model_type != "new")
        {
            return Err(config(format!(
                "position_embedding_type {positions:?} is not supported"
            )));
        }
        match self.model_type.as_str() {
            "bert" => Ok(Family::Bert),
            "roberta" | "xlm-roberta" | "camembert" => Ok(Family::Roberta),
            "distilbert" => Ok(Family::DistilBert),
            "mpnet" => Ok(Family::MpNet),
            "nomic_bert" => Ok(Family::Nomic),
            "modernbert" => Ok(Family::ModernBert),
            "new" => Ok(Family::New),
            _ => Err(Error::ModelType {
                model_type: self.model_type.clone(),
            }),
        }
    }

    pub(crate) fn hidden_size(&self) -> Option<usize> {
        self.hidden_size.or(self.dim).or(self.rotary.n_embd)
    }

    pub(crate) fn layers(&self) -> Option<usize> {
        self.num_hidden_layers
            .or(self.n_layers)
            .or(self.rotary.n_layer)
    }

    pub(crate) fn heads(&self) -> Option<usize> {
        self.num_attention_heads
            .or(self.n_heads)
            .or(self.rotary.n_head)
    }

    /// The activation that the configuration names; exact GELU if none.
    pub(crate) fn activation(&self) -> Result<Activation, Error> {
        let names = [
            &self.hidden_act,
            &self.activation,
            &self.rotary.hidden_activation,
        ];
        match names.into_iter().find_map(Option::as_deref) {
            None | Some("gelu" | "gelu_python") => Ok(Activation::Gelu),
            Some("gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_python_tanh") => {
                Ok(Activation::GeluTanh)
            }
            Some("relu") => Ok(Activation::Relu),
            Some("silu" | "swish") => Ok(Activation::Silu),
            Some(other) => Err(config(format!("activation {other:?} is not supported"))),
        }
    }

    /// What layer normalization adds to the variance.
    pub(crate) fn epsilon(&self) -> f32 {
        let default = match self.model_type.as_str() {
            "roberta" | "xlm-roberta" | "camembert" | "mpnet" | "modernbert" | "nomic_bert" => 1e-5,
            _ => 1e-12,
        };
        self.layer_norm_eps
            .or(self.rotary.layer_norm_epsilon)
            .or(self.rotary.norm_eps)
            .unwrap_or(default) as f32
    }

    /// The row of the position table that belongs to the first token.
    pub(crate) fn first_position(&self) -> usize {
        match self.family() {
            // MPNet's is fixed in its code.
            Ok(Family::MpNet) => 2,
            Ok(Family::Roberta) => self.pad_token_id.unwrap_or(1).saturating_add(1),
            _ => 0,
        }
    }
}

pub(crate) fn config(message: impl Into<String>) -> Error {
    Error::Config {
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_default_models_configuration_is_enough() {
        let config =
            parse(r#"{"model_type": "bert", "hidden_size": 384, "max_position_embeddings": 512}"#);
        assert_eq!(config.family(), Ok(Family::Bert));
        assert_eq!(config.activation(), Ok(Activation::Gelu));
        assert_eq!(
            (
                config.hidden_size(),
                config.heads(),
                config.first_position()
            ),
            (Some(384), None, 0)
        );
        assert_eq!(config.epsilon(), 1e-12);
    }

    #[test]
    fn positions_of_roberta_start_after_the_padding_index() {
        let config = parse(
            r#"{"model_type": "xlm-roberta", "pad_token_id": 1, "layer_norm_eps": 1e-5, "unknown": [1]}"#,
        );
        assert_eq!(
            (config.family(), config.first_position()),
            (Ok(Family::Roberta), 2)
        );
        let config = parse(
            r#"{"model_type": "distilbert", "dim": 8, "n_layers": 2, "n_heads": 4, "activation": "relu"}"#,
        );
        assert_eq!(
            (config.hidden_size(), config.layers(), config.heads()),
            (Some(8), Some(2), Some(4))
        );
        assert_eq!(config.activation(), Ok(Activation::Relu));
    }

    #[test]
    fn what_is_not_supported_is_named() {
        assert_eq!(
            parse(r#"{"model_type": "t5"}"#).family(),
            Err(Error::ModelType {
                model_type: "t5".into()
            })
        );
        assert!(
            parse(r#"{"model_type": "bert", "position_embedding_type": "relative_key"}"#)
                .family()
                .is_err()
        );
        assert!(
            parse(r#"{"model_type": "bert", "is_decoder": true}"#)
                .family()
                .is_err()
        );
        assert!(
            parse(r#"{"model_type": "bert", "hidden_act": "quick_gelu"}"#)
                .activation()
                .is_err()
        );
    }
}
