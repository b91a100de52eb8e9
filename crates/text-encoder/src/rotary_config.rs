//! What the `config.json` of architectures with rotary positions says beside the common keys.

use serde::Deserialize;

use crate::Error;
use crate::config::{Activation, Config, Family, config};
use crate::rotary::{frequencies, power};

/// The largest number of positions: their rotations are computed when a model is opened.
const MAX_POSITIONS: usize = 1 << 20;

/// The largest base of the frequencies, far above that of any published model.
const MAX_BASE: f64 = 1e12;

/// The largest factor by which the positions may be stretched.
const MAX_FACTOR: f64 = 1e6;

/// The keys; some architectures have names of their own for common ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RotaryConfig {
    // nomic-bert, after GPT-2.
    pub(crate) n_embd: Option<usize>,
    pub(crate) n_layer: Option<usize>,
    pub(crate) n_head: Option<usize>,
    n_positions: Option<usize>,
    max_trained_positions: Option<usize>,
    pub(crate) layer_norm_epsilon: Option<f64>,
    activation_function: Option<String>,
    rotary_emb_base: Option<f64>,
    rotary_emb_fraction: Option<f64>,
    rotary_emb_interleaved: Option<bool>,
    rotary_emb_scale_base: Option<f64>,
    rotary_scaling_factor: Option<f64>,
    prenorm: Option<bool>,
    use_rms_norm: Option<bool>,
    causal: Option<bool>,
    num_experts: Option<usize>,
    // ModernBERT.
    pub(crate) norm_eps: Option<f64>,
    pub(crate) hidden_activation: Option<String>,
    global_rope_theta: Option<f64>,
    local_rope_theta: Option<f64>,
    global_attn_every_n_layers: Option<usize>,
    local_attention: Option<usize>,
    layer_types: Option<Vec<String>>,
    rope_parameters: Option<serde::de::IgnoredAny>,
    // GTE v1.5, `new`.
    rope_theta: Option<f64>,
    rope_scaling: Option<Scaling>,
    layer_norm_type: Option<String>,
    logn_attention_scale: Option<bool>,
}

/// `rope_scaling`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Scaling {
    #[serde(rename = "type", alias = "rope_type")]
    kind: String,
    factor: f64,
    mixed_b: Option<f64>,
}

/// The positions of a layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LayerPositions {
    /// Radians per position of each pair of rotated dimensions.
    pub(crate) frequencies: Vec<f32>,
    /// The distance up to which tokens attend to each other, if it is limited.
    pub(crate) window: Option<usize>,
}

impl Config {
    /// Number of positions of an architecture with rotary positions.
    pub(crate) fn rotary_positions(&self) -> Result<usize, Error> {
        let rotary = &self.rotary;
        let limits = match self.family()? {
            // Beyond the trained positions, the rotation depends on the length of the longest text of a batch.
            Family::Nomic
                if rotary
                    .rotary_scaling_factor
                    .is_some_and(|factor| factor > 0.0) =>
            {
                [rotary.n_positions, rotary.max_trained_positions]
            }
            Family::Nomic => [rotary.n_positions, None],
            _ => [self.max_position_embeddings, None],
        };
        let positions = limits.into_iter().flatten().filter(|&limit| limit > 0);
        let positions =
            (positions.min()).ok_or_else(|| config("the number of positions is missing"))?;
        if positions > MAX_POSITIONS {
            return Err(config(format!(
                "{} is {positions}, but at most {MAX_POSITIONS} are supported",
                match self.family()? {
                    Family::Nomic => "n_positions",
                    _ => "max_position_embeddings",
                }
            )));
        }
        Ok(positions)
    }

    /// The activation of a gated feed-forward network.
    pub(crate) fn gated_activation(&self) -> Result<Activation, Error> {
        if self.family()? != Family::Nomic {
            return self.activation();
        }
        match self.rotary.activation_function.as_deref() {
            Some("swiglu") => Ok(Activation::Silu),
            Some("geglu") => Ok(Activation::Gelu),
            other => Err(config(format!(
                "activation_function {} is not supported",
                other.unwrap_or("(missing)")
            ))),
        }
    }

    /// The positions of the layer `at`, for heads of `d` dimensions.
    pub(crate) fn layer_positions(&self, at: usize, d: usize) -> Result<LayerPositions, Error> {
        let rotary = &self.rotary;
        let everywhere = |frequencies| LayerPositions {
            frequencies,
            window: None,
        };
        match self.family()? {
            Family::Nomic => {
                let fraction = rotary.rotary_emb_fraction.unwrap_or(0.0);
                if !(fraction > 0.0 && fraction <= 1.0) {
                    return Err(config(format!(
                        "rotary_emb_fraction {fraction} is not supported"
                    )));
                }
                let base = rotary.rotary_emb_base.unwrap_or(10_000.0);
                Ok(everywhere(frequencies(
                    base,
                    (d as f64 * fraction) as usize,
                )))
            }
            Family::ModernBert => {
                let is_global = match &rotary.layer_types {
                    Some(types) => match types.get(at).map(String::as_str) {
                        Some("full_attention") => true,
                        Some("sliding_attention") => false,
                        Some(other) => {
                            return Err(config(format!(
                                "{other:?} in layer_types is not supported"
                            )));
                        }
                        None => {
                            return Err(config(format!(
                                "layer_types has {} layers, but the weights have more",
                                types.len()
                            )));
                        }
                    },
                    None => at.is_multiple_of(rotary.global_attn_every_n_layers.unwrap_or(3)),
                };
                let global = rotary.global_rope_theta.unwrap_or(160_000.0);
                Ok(if is_global {
                    everywhere(frequencies(global, d))
                } else {
                    let local = rotary.local_rope_theta.unwrap_or(global);
                    LayerPositions {
                        frequencies: frequencies(local, d),
                        window: Some(rotary.local_attention.unwrap_or(128) / 2),
                    }
                })
            }
            _ => {
                let base = rotary.rope_theta.unwrap_or(10_000.0);
                Ok(everywhere(match &rotary.rope_scaling {
                    Some(scaling) => {
                        // Source: Su 2023, <https://kexue.fm/archives/9706>, equation 6.
                        let lower = power(scaling.factor, 2.0 / d as f64) as f32;
                        let scaled = frequencies(base * scaling.factor, d);
                        scaled.iter().map(|frequency| frequency / lower).collect()
                    }
                    None => frequencies(base, d),
                }))
            }
        }
    }

    /// Checks that the configuration of an architecture with rotary positions has nothing that is not covered.
    pub(crate) fn check_rotary(&self) -> Result<(), Error> {
        let rotary = &self.rotary;
        let unknown_scaling = rotary.rope_scaling.as_ref().is_some_and(|scaling| {
            let known = self.model_type == "new" && scaling.kind == "ntk";
            !known || scaling.mixed_b.is_some()
        });
        let positions = self.position_embedding_type.as_deref();
        for (is_unsupported, what) in [
            (
                rotary.rotary_emb_interleaved == Some(true),
                "rotary_emb_interleaved",
            ),
            (
                rotary.rotary_emb_scale_base.is_some(),
                "rotary_emb_scale_base",
            ),
            (rotary.prenorm == Some(true), "prenorm"),
            (rotary.use_rms_norm == Some(true), "use_rms_norm"),
            (rotary.causal == Some(true), "causal"),
            (
                rotary.num_experts.is_some_and(|count| count > 0),
                "num_experts",
            ),
            (unknown_scaling, "rope_scaling"),
            (rotary.rope_parameters.is_some(), "rope_parameters"),
            (
                rotary.logn_attention_scale == Some(true),
                "logn_attention_scale",
            ),
            (
                rotary
                    .layer_norm_type
                    .as_deref()
                    .is_some_and(|kind| kind != "layer_norm"),
                "layer_norm_type",
            ),
            (
                self.model_type == "new" && positions.is_some_and(|kind| kind != "rope"),
                "position_embedding_type",
            ),
        ] {
            if is_unsupported {
                return Err(config(format!("this value of {what} is not supported")));
            }
        }
        let factor = rotary.rope_scaling.as_ref().map(|scaling| scaling.factor);
        for (name, value, range) in [
            ("rotary_emb_base", rotary.rotary_emb_base, 1.0..=MAX_BASE),
            (
                "global_rope_theta",
                rotary.global_rope_theta,
                1.0..=MAX_BASE,
            ),
            ("local_rope_theta", rotary.local_rope_theta, 1.0..=MAX_BASE),
            ("rope_theta", rotary.rope_theta, 1.0..=MAX_BASE),
            ("the factor of rope_scaling", factor, 1.0..=MAX_FACTOR),
        ] {
            if let Some(value) = value.filter(|value| !range.contains(value)) {
                return Err(config(format!(
                    "{name} is {value}, not a number from {} to {}",
                    range.start(),
                    range.end()
                )));
            }
        }
        for (name, value) in [
            (
                "global_attn_every_n_layers",
                rotary.global_attn_every_n_layers,
            ),
            ("local_attention", rotary.local_attention),
        ] {
            if value == Some(0) {
                return Err(config(format!("{name} is 0")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn layers_of_modernbert_alternate() {
        let config = parse(
            r#"{"model_type": "modernbert", "local_attention": 10, "max_position_embeddings": 99}"#,
        );
        let windows: Vec<_> = (0..5)
            .map(|at| config.layer_positions(at, 4).unwrap())
            .collect();
        let expected = [None, Some(5), Some(5), None, Some(5)];
        assert!(
            windows
                .iter()
                .map(|positions| positions.window)
                .eq(expected)
        );
        assert_eq!(windows[0].frequencies, [1.0, 0.0025]);
        assert_eq!(config.rotary_positions(), Ok(99));
        let named = parse(
            r#"{"model_type": "modernbert", "layer_types": ["sliding_attention", "full_attention"]}"#,
        );
        assert_eq!(named.layer_positions(0, 4).unwrap().window, Some(64));
        assert_eq!(named.layer_positions(1, 4).unwrap().window, None);
    }

    #[test]
    fn positions_of_nomic_end_where_their_rotation_would_depend_on_the_batch() {
        let json = |scaling: &str| {
            format!(
                r#"{{"model_type": "nomic_bert", "n_positions": 8192, "max_trained_positions": 2048, "rotary_scaling_factor": {scaling}}}"#
            )
        };
        assert_eq!(parse(&json("null")).rotary_positions(), Ok(8192));
        assert_eq!(parse(&json("2")).rotary_positions(), Ok(2048));
        assert!(
            parse(r#"{"model_type": "nomic_bert"}"#)
                .rotary_positions()
                .is_err()
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (key, value) in [
            ("prenorm", "true"),
            ("num_experts", "8"),
            ("rotary_emb_interleaved", "true"),
            ("rope_scaling", r#"{"type": "yarn", "factor": 2.0}"#),
            ("layer_norm_type", r#""rms_norm""#),
            ("position_embedding_type", r#""absolute""#),
        ] {
            let config = parse(&format!(r#"{{"model_type": "new", "{key}": {value}}}"#));
            let error = config.check_rotary().unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        for (model_type, key, value) in [
            ("new", "rope_theta", "0"),
            ("new", "rope_theta", "-1"),
            ("new", "rope_theta", "1e308"),
            ("new", "rope_scaling", r#"{"type": "ntk", "factor": -3}"#),
            ("new", "rope_scaling", r#"{"type": "ntk"}"#),
            ("nomic_bert", "rotary_emb_base", "0.5"),
            ("modernbert", "global_rope_theta", "1e13"),
            ("modernbert", "local_rope_theta", "-10000"),
            ("modernbert", "global_attn_every_n_layers", "0"),
            ("modernbert", "local_attention", "0"),
        ] {
            let config = parse(&format!(
                r#"{{"model_type": "{model_type}", "{key}": {value}}}"#
            ));
            let error = config.check_rotary().unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
        let types = r#"{"model_type": "modernbert", "layer_types": ["full_attention", "chunked"]}"#;
        for (at, fault) in [(1, "\"chunked\""), (2, "has 2 layers")] {
            let error = parse(types).layer_positions(at, 4).unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
        for (model_type, key) in [
            ("new", "max_position_embeddings"),
            ("modernbert", "max_position_embeddings"),
            ("nomic_bert", "n_positions"),
        ] {
            for positions in ["1048577", "18446744073709551615"] {
                let config = parse(&format!(
                    r#"{{"model_type": "{model_type}", "{key}": {positions}}}"#
                ));
                let error = config.rotary_positions().unwrap_err().to_string();
                assert!(error.contains(key), "{error}");
            }
        }
        let ntk = parse(r#"{"model_type": "new", "rope_scaling": {"type": "ntk", "factor": 2.0}}"#);
        assert_eq!(ntk.check_rotary(), Ok(()));
        let glu = parse(r#"{"model_type": "nomic_bert", "activation_function": "glu"}"#);
        assert!(glu.gated_activation().is_err());
    }
}
