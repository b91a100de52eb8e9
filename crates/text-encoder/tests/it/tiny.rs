//! Tiny models with random weights, and their files.

use std::collections::BTreeMap;

use safetensors::{Dtype, tensor::TensorView};
use text_encoder::{Config, Encoder, Kernel, Precision, Weights};

/// A tensor by its name in the file: shape and values.
pub type Tensors = BTreeMap<String, Tensor>;
pub type Tensor = (Vec<usize>, Vec<f32>);

/// The shape of a tiny model.
#[derive(Clone, Copy)]
pub struct Shape {
    pub hidden: usize,
    pub heads: usize,
    pub inner: usize,
    pub layers: usize,
    pub vocabulary: usize,
    pub positions: usize,
}

pub const TINY: Shape = Shape {
    hidden: 24,
    heads: 3,
    inner: 40,
    layers: 2,
    vocabulary: 50,
    positions: 64,
};

/// Values between -1 and 1 (linear congruential generator of Numerical Recipes).
pub struct Random(pub u32);

impl Random {
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / 8_388_608.0 - 1.0
    }

    pub fn ids(&mut self, count: usize, vocabulary: usize) -> Vec<u32> {
        (0..count)
            .map(|_| {
                (f32::midpoint(self.next(), 1.0) * vocabulary as f32) as u32 % vocabulary as u32
            })
            .collect()
    }
}

/// The tensors of a BERT, with the names of Hugging Face Transformers.
pub fn bert(shape: Shape, seed: u32) -> Tensors {
    let Shape {
        hidden,
        inner,
        layers,
        vocabulary,
        positions,
        ..
    } = shape;
    let mut random = Random(seed);
    let mut tensors = Tensors::new();
    let mut add = |name: String, dims: &[usize], scale: f32, offset: f32| {
        let count = dims.iter().product();
        let values = (0..count).map(|_| random.next() * scale + offset).collect();
        tensors.insert(name, (dims.to_vec(), values));
    };
    add(
        "embeddings.word_embeddings.weight".into(),
        &[vocabulary, hidden],
        1.0,
        0.0,
    );
    add(
        "embeddings.position_embeddings.weight".into(),
        &[positions, hidden],
        0.3,
        0.0,
    );
    add(
        "embeddings.token_type_embeddings.weight".into(),
        &[2, hidden],
        0.3,
        0.0,
    );
    let mut parts = vec![("embeddings.LayerNorm".to_owned(), None)];
    for at in 0..layers {
        let name = |part: &str| format!("encoder.layer.{at}.{part}");
        for part in ["query", "key", "value"] {
            parts.push((
                name(&format!("attention.self.{part}")),
                Some((hidden, hidden)),
            ));
        }
        parts.push((name("attention.output.dense"), Some((hidden, hidden))));
        parts.push((name("attention.output.LayerNorm"), None));
        parts.push((name("intermediate.dense"), Some((inner, hidden))));
        parts.push((name("output.dense"), Some((hidden, inner))));
        parts.push((name("output.LayerNorm"), None));
    }
    for (name, map) in parts {
        if let Some((n_out, n_in)) = map {
            add(
                format!("{name}.weight"),
                &[n_out, n_in],
                2.0 / (n_in as f32).sqrt(),
                0.0,
            );
            add(format!("{name}.bias"), &[n_out], 0.2, 0.0);
        } else {
            add(format!("{name}.weight"), &[hidden], 0.3, 1.0);
            add(format!("{name}.bias"), &[hidden], 0.2, 0.0);
        }
    }
    tensors
}

/// The configuration of a model type.
pub fn config(model_type: &str, shape: Shape) -> Config {
    let json = format!(
        r#"{{"model_type": "{model_type}", "num_attention_heads": {}, "hidden_size": {}, "hidden_act": "gelu"}}"#,
        shape.heads, shape.hidden
    );
    serde_json::from_str(&json).unwrap()
}

/// A safetensors file with values in `f32`.
pub fn safetensors_file(tensors: &Tensors, prefix: &str) -> Vec<u8> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (dims, values))| {
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (format!("{prefix}{name}"), dims.clone(), bytes)
        })
        .collect();
    let views = bytes.iter().map(|(name, dims, bytes)| {
        (
            name,
            TensorView::new(Dtype::F32, dims.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

pub fn weights(shape: Shape, seed: u32) -> Weights {
    let file = safetensors_file(&bert(shape, seed), "bert.");
    Weights::from_safetensors(&[&file], &config("bert", shape)).unwrap()
}

pub fn encoder(shape: Shape, seed: u32, precision: Precision, kernel: Kernel) -> Encoder {
    Encoder::with_kernel(weights(shape, seed), precision, None, kernel).unwrap()
}

/// The kernels of this machine.
pub fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL
        .into_iter()
        .filter(|kernel| kernel.is_available())
}
