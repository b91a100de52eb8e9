//! Linear layers after pooling: the module `Dense` of Sentence Transformers (Reimers, Gurevych 2019).

use serde::Deserialize;

use crate::Error;
use crate::config::config;
use crate::math::{LANES, sum_lanes, tanh};
use crate::weights::tensor;

/// A layer's configuration, as in `config.json` of the module. Keys that do not matter are ignored.
///
/// ```
/// let config: text_encoder::DenseConfig =
///     serde_json::from_str(r#"{"in_features": 768, "out_features": 512}"#)?;
/// assert!(config.bias);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DenseConfig {
    /// Dimensions of the vectors that come in.
    pub in_features: usize,
    /// Dimensions of the vectors that go out.
    pub out_features: usize,
    /// Whether there is a bias.
    #[serde(default = "with_bias")]
    pub bias: bool,
    /// The activation, a path of Python that ends with `Tanh` or `Identity`; the hyperbolic tangent if it is missing.
    #[serde(default)]
    pub activation_function: Option<String>,
}

fn with_bias() -> bool {
    true
}

/// A linear layer with its activation. Sums have a fixed order, so that the same bits come out on every machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// A row of `n_in` values per output.
    weight: Vec<f32>,
    bias: Vec<f32>,
    tanh: bool,
}

impl Dense {
    /// Reads the layer from the module's `model.safetensors`: `linear.weight` (outputs x inputs) and `linear.bias`, in `f32`,
    /// `f16`, `bf16` or `f64`.
    ///
    /// # Errors
    ///
    /// If the activation is neither the identity nor the hyperbolic tangent, or if the tensors do not fit the configuration
    /// or are not finite.
    pub fn from_safetensors(file: &[u8], about: &DenseConfig) -> Result<Self, Error> {
        let name = about.activation_function.as_deref().unwrap_or("Tanh");
        let tanh = match name.rsplit('.').next() {
            Some("Tanh") => true,
            Some("Identity") => false,
            _ => {
                return Err(config(format!(
                    "activation_function {name:?} of a dense layer is not supported"
                )));
            }
        };
        let (inputs, outputs) = (about.in_features, about.out_features);
        if inputs == 0 || outputs == 0 {
            return Err(config("in_features or out_features of a dense layer is 0"));
        }
        let read = |name: &str, expected: &[usize]| {
            let (values, shape) = tensor(file, name)?;
            let message = if shape != expected {
                format!("it has the shape {shape:?} instead of {expected:?}")
            } else if values.iter().any(|value| !value.is_finite()) {
                "it has values that are not finite".to_owned()
            } else {
                return Ok(values);
            };
            Err(Error::Tensor {
                name: name.to_owned(),
                message,
            })
        };
        Ok(Self {
            weight: read("linear.weight", &[outputs, inputs])?,
            bias: if about.bias {
                read("linear.bias", &[outputs])?
            } else {
                vec![0.0; outputs]
            },
            tanh,
        })
    }

    /// Dimensions of the vectors that come in.
    pub fn inputs(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    /// Dimensions of the vectors that go out.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// The layer's output for `vector`. O(inputs x outputs).
    ///
    /// # Panics
    ///
    /// If `vector` does not have [`inputs`](Self::inputs) values.
    pub fn apply(&self, vector: &[f32]) -> Vec<f32> {
        assert_eq!(vector.len(), self.inputs(), "a vector of the inputs");
        let rows = self.weight.chunks_exact(vector.len());
        rows.zip(&self.bias)
            .map(|(row, bias)| {
                let sum = dot(row, vector) + bias;
                if self.tanh { tanh(sum) } else { sum }
            })
            .collect()
    }
}

/// The dot product, by partial sums.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let mut rest = 0.0;
    let (a, b) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.0.iter().zip(b.0) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    for (a, b) in a.1.iter().zip(b.1) {
        rest += a * b;
    }
    sum_lanes(lanes) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of tensors in `f32`.
    fn file(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, _, values)| {
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect()
            })
            .collect();
        let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            let kind = safetensors::Dtype::F32;
            let view = safetensors::tensor::TensorView::new(kind, shape.to_vec(), bytes);
            (*name, view.expect("it fits"))
        });
        safetensors::serialize(views, None).expect("it can be written")
    }

    fn about(inputs: usize, outputs: usize, bias: bool, activation: Option<&str>) -> DenseConfig {
        DenseConfig {
            in_features: inputs,
            out_features: outputs,
            bias,
            activation_function: activation.map(str::to_owned),
        }
    }

    #[test]
    fn a_layer_by_hand() {
        let weight = (
            "linear.weight",
            &[2, 3][..],
            &[1.0, 2.0, 3.0, -1.0, 0.5, 0.0][..],
        );
        let bias = ("linear.bias", &[2][..], &[0.25, -0.5][..]);
        let bytes = file(&[weight, bias]);
        let identity = Some("torch.nn.modules.linear.Identity");
        let layer = Dense::from_safetensors(&bytes, &about(3, 2, true, identity)).unwrap();
        assert_eq!((layer.inputs(), layer.outputs()), (3, 2));
        assert_eq!(layer.apply(&[1.0, -1.0, 0.5]), [0.75, -2.0]);
        let layer = Dense::from_safetensors(&bytes, &about(3, 2, false, identity)).unwrap();
        assert_eq!(layer.apply(&[1.0, -1.0, 0.5]), [0.5, -1.5]);
        for name in [None, Some("torch.nn.modules.activation.Tanh")] {
            let layer = Dense::from_safetensors(&bytes, &about(3, 2, true, name)).unwrap();
            let found = layer.apply(&[1.0, -1.0, 0.5]);
            for (found, expected) in found.iter().zip([0.635_149, -0.964_027_6]) {
                assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn long_sums_are_those_of_wide_numbers() {
        let value = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 50.0;
        for n in [1, 15, 16, 17, 768] {
            let (a, b): (Vec<f32>, Vec<f32>) = (0..n).map(|i| (value(i), value(i + 7))).unzip();
            let expected: f64 = a
                .iter()
                .zip(&b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum();
            assert!((f64::from(dot(&a, &b)) - expected).abs() < 1e-4, "{n}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let weight = ("linear.weight", &[2, 3][..], &[1.0; 6][..]);
        let bytes = file(&[weight]);
        let fault = |about| {
            Dense::from_safetensors(&bytes, &about)
                .unwrap_err()
                .to_string()
        };
        assert!(fault(about(3, 2, true, None)).contains("linear.bias is missing"));
        assert!(fault(about(2, 3, false, None)).contains("[2, 3] instead of [3, 2]"));
        assert!(fault(about(3, 2, false, Some("x.ReLU"))).contains("x.ReLU"));
        assert!(fault(about(0, 2, false, None)).contains("is 0"));
        let endless = file(&[("linear.weight", &[1, 1], &[f32::INFINITY])]);
        assert!(Dense::from_safetensors(&endless, &about(1, 1, false, None)).is_err());
        assert!(Dense::from_safetensors(b"nothing", &about(1, 1, false, None)).is_err());
    }
}
