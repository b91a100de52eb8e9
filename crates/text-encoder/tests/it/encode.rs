//! Encoding: against the naive forward pass, and what must not matter.

use std::collections::BTreeMap;

use text_encoder::{Calibration, Config, Encoder, Error, Kernel, Pooling, Precision, Weights};

use crate::reference::{self, BERT, Variant};
use crate::tiny::{self, Random, Shape, TINY, Tensor, Tensors};

/// Sequences of many lengths, longer than a batch together.
fn sequences(seed: u32) -> Vec<Vec<u32>> {
    let mut random = Random(seed);
    [
        1, 2, 3, 5, 64, 17, 16, 15, 33, 64, 1, 7, 24, 25, 48, 49, 60, 64, 63, 62, 2, 40, 41, 42, 43,
    ]
    .into_iter()
    .map(|count| random.ids(count, TINY.vocabulary))
    .collect()
}

fn encode(encoder: &Encoder, sequences: &[Vec<u32>]) -> Vec<f32> {
    let mut vectors = vec![f32::NAN; sequences.len() * encoder.dimensions()];
    encoder
        .encode(sequences, Pooling::Mean, true, &mut vectors)
        .unwrap();
    vectors
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The largest difference from the naive forward pass, over the tokens of some sequences.
fn largest_difference(encoder: &Encoder, tensors: &Tensors, heads: usize, variant: Variant) -> f64 {
    let mut largest = 0.0_f64;
    for ids in &sequences(3)[..10] {
        let expected = reference::hidden_states(tensors, heads, variant, ids);
        let found = encoder.hidden_states(ids).unwrap();
        assert_eq!(found.len(), ids.len() * encoder.dimensions());
        for (found, expected) in found.iter().zip(expected.iter().flatten()) {
            largest = largest.max((f64::from(*found) - expected).abs());
        }
    }
    largest
}

#[test]
fn hidden_states_in_f32_are_those_of_the_naive_forward_pass() {
    let tensors = tiny::bert(TINY, 7);
    let encoder = tiny::encoder(TINY, 7, Precision::Fp32, Kernel::Portable);
    let difference = largest_difference(&encoder, &tensors, TINY.heads, BERT);
    assert!(difference < 2e-5, "{difference}");
}

#[test]
fn odd_sizes_are_padded_right() {
    let shape = Shape {
        hidden: 35,
        heads: 5,
        inner: 51,
        layers: 1,
        vocabulary: 50,
        positions: 64,
    };
    let tensors = tiny::bert(shape, 9);
    for kernel in tiny::kernels() {
        let encoder = tiny::encoder(shape, 9, Precision::Fp32, kernel);
        let difference = largest_difference(&encoder, &tensors, shape.heads, BERT);
        assert!(difference < 2e-5, "{kernel}: {difference}");
        let quantized = tiny::encoder(shape, 9, Precision::Int8, kernel);
        let difference = largest_difference(&quantized, &tensors, shape.heads, BERT);
        assert!(
            difference > 1e-3 && difference < 0.3,
            "{kernel}: {difference}"
        );
    }
}

#[test]
fn roberta_positions_are_offset_by_the_padding_index() {
    let mut tensors = tiny::bert(
        Shape {
            positions: 66,
            ..TINY
        },
        8,
    );
    tensors
        .get_mut("embeddings.token_type_embeddings.weight")
        .unwrap()
        .0[0] = 1;
    let (_, types) = tensors
        .get_mut("embeddings.token_type_embeddings.weight")
        .unwrap();
    types.truncate(TINY.hidden);
    let file = tiny::safetensors_file(&tensors, "roberta.");
    let config: Config = serde_json::from_str(
        r#"{"model_type": "xlm-roberta", "num_attention_heads": 3, "layer_norm_eps": 1e-12, "pad_token_id": 1}"#,
    )
    .unwrap();
    let weights = Weights::from_safetensors(&[&file], &config).unwrap();
    assert_eq!(
        (
            weights.max_tokens(),
            weights.vocabulary(),
            weights.dimensions()
        ),
        (64, 50, 24)
    );
    let encoder = Encoder::with_kernel(weights, Precision::Fp32, None, Kernel::Portable).unwrap();
    let variant = Variant {
        first_position: 2,
        ..BERT
    };
    assert!(largest_difference(&encoder, &tensors, TINY.heads, variant) < 2e-5);
}

#[test]
fn attention_of_mpnet_has_a_bias_per_distance() {
    let mut tensors = tiny::bert(
        Shape {
            positions: 66,
            ..TINY
        },
        5,
    );
    tensors.remove("embeddings.token_type_embeddings.weight");
    let mut random = Random(4);
    let bias = (0..8 * TINY.heads).map(|_| random.next() * 2.0).collect();
    tensors.insert(
        "encoder.relative_attention_bias.weight".into(),
        (vec![8, TINY.heads], bias),
    );
    let renamed: Tensors = tensors
        .iter()
        .map(|(name, tensor)| {
            let name = name
                .replace("attention.self.query", "attention.attn.q")
                .replace("attention.self.key", "attention.attn.k")
                .replace("attention.self.value", "attention.attn.v")
                .replace("attention.output.dense", "attention.attn.o")
                .replace("attention.output.LayerNorm", "attention.LayerNorm");
            (name, tensor.clone())
        })
        .collect();
    let file = tiny::safetensors_file(&renamed, "");
    let config: Config = serde_json::from_str(
        r#"{"model_type": "mpnet", "num_attention_heads": 3, "layer_norm_eps": 1e-12}"#,
    )
    .unwrap();
    let weights = Weights::from_safetensors(&[&file], &config).unwrap();
    let encoder = Encoder::with_kernel(weights, Precision::Fp32, None, Kernel::Portable).unwrap();
    let variant = Variant {
        first_position: 2,
        has_distance_bias: true,
        has_token_types: false,
    };
    assert!(largest_difference(&encoder, &tensors, TINY.heads, variant) < 2e-5);
}

#[test]
fn distilbert_has_names_of_its_own() {
    let mut tensors = tiny::bert(TINY, 5);
    tensors.remove("embeddings.token_type_embeddings.weight");
    let renamed: Tensors = tensors
        .iter()
        .map(|(name, tensor)| {
            let name = name
                .replace("encoder.layer", "transformer.layer")
                .replace("attention.self.query", "attention.q_lin")
                .replace("attention.self.key", "attention.k_lin")
                .replace("attention.self.value", "attention.v_lin")
                .replace("attention.output.dense", "attention.out_lin")
                .replace("attention.output.LayerNorm", "sa_layer_norm")
                .replace("intermediate.dense", "ffn.lin1")
                .replace("output.dense", "ffn.lin2")
                .replace(".output.LayerNorm", ".output_layer_norm");
            (name, tensor.clone())
        })
        .collect();
    let file = tiny::safetensors_file(&renamed, "distilbert.");
    let config: Config =
        serde_json::from_str(r#"{"model_type": "distilbert", "dim": 24, "n_heads": 3, "n_layers": 2, "activation": "gelu"}"#)
            .unwrap();
    let weights = Weights::from_safetensors(&[&file], &config).unwrap();
    let encoder = Encoder::with_kernel(weights, Precision::Fp32, None, Kernel::Portable).unwrap();
    let variant = Variant {
        has_token_types: false,
        ..BERT
    };
    assert!(largest_difference(&encoder, &tensors, TINY.heads, variant) < 2e-5);
}

#[test]
fn vectors_have_the_same_bits_with_every_kernel_and_any_number_of_threads() {
    let sequences = sequences(1);
    for precision in [Precision::Fp32, Precision::Int8] {
        let expected = encode(
            &tiny::encoder(TINY, 7, precision, Kernel::Portable),
            &sequences,
        );
        assert!(expected.iter().all(|value| value.is_finite()));
        for kernel in tiny::kernels() {
            let encoder = tiny::encoder(TINY, 7, precision, kernel);
            for threads in [1, 2, 5] {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                let vectors = pool.install(|| encode(&encoder, &sequences));
                assert_eq!(vectors, expected, "{kernel} {precision} {threads}");
            }
        }
    }
}

#[test]
fn a_vector_does_not_depend_on_the_other_sequences() {
    let sequences = sequences(2);
    for precision in [Precision::Fp32, Precision::Int8] {
        let encoder = Encoder::new(tiny::weights(TINY, 7), precision).unwrap();
        let together = encode(&encoder, &sequences);
        for (at, sequence) in sequences.iter().enumerate() {
            let alone = encode(&encoder, std::slice::from_ref(sequence));
            assert_eq!(
                alone,
                together[at * TINY.hidden..][..TINY.hidden],
                "{precision} {at}"
            );
        }
        let reversed: Vec<Vec<u32>> = sequences.iter().rev().cloned().collect();
        let vectors = encode(&encoder, &reversed);
        let in_order: Vec<f32> = vectors
            .chunks_exact(TINY.hidden)
            .rev()
            .flatten()
            .copied()
            .collect();
        assert_eq!(in_order, together);
    }
}

#[test]
fn pooling_is_that_of_the_hidden_states() {
    let encoder = Encoder::new(tiny::weights(TINY, 7), Precision::Fp32).unwrap();
    let sequence = vec![4, 9, 1];
    let states = encoder.hidden_states(&sequence).unwrap();
    let vector = |pooling, normalized| {
        let mut vector = vec![0.0; TINY.hidden];
        encoder
            .encode(&[&sequence], pooling, normalized, &mut vector)
            .unwrap();
        vector
    };
    assert_eq!(vector(Pooling::Cls, false), states[..TINY.hidden]);
    assert_eq!(vector(Pooling::Last, false), states[2 * TINY.hidden..]);
    let mean = vector(Pooling::Mean, false);
    assert_eq!(
        mean[5],
        (states[5] + states[TINY.hidden + 5] + states[2 * TINY.hidden + 5]) / 3.0
    );
    let length: f32 = vector(Pooling::Mean, true)
        .iter()
        .map(|value| value * value)
        .sum();
    assert!((length - 1.0).abs() < 1e-6);
}

#[test]
fn int8_is_near_f32_and_nearer_where_outliers_are_smoothed() {
    let mut tensors = tiny::bert(TINY, 11);
    // Two dimensions with outliers, as trained models have them.
    for (name, (_, values)) in &mut tensors {
        if name.ends_with("LayerNorm.weight") {
            (values[3], values[17]) = (30.0, 45.0);
        } else if name.ends_with("query.weight")
            || name.ends_with("key.weight")
            || name.ends_with("intermediate.dense.weight")
        {
            for row in values.chunks_exact_mut(TINY.hidden) {
                (row[3], row[17]) = (row[3] / 20.0, row[17] / 20.0);
            }
        }
    }
    let file = tiny::safetensors_file(&tensors, "");
    let weights = || Weights::from_safetensors(&[&file], &tiny::config("bert", TINY)).unwrap();
    let exact = Encoder::new(weights(), Precision::Fp32).unwrap();
    let calibration_set = sequences(20);
    let (calibration, vectors) = Calibration::new(&exact, &calibration_set, Pooling::Mean).unwrap();
    assert_eq!(vectors, encode(&exact, &calibration_set));
    let plain = Encoder::new(weights(), Precision::Int8).unwrap();
    let smoothed = Encoder::calibrated(weights(), &calibration).unwrap();
    let sequences = sequences(21);
    let expected = encode(&exact, &sequences);
    let mean_cosine = |encoder: &Encoder| {
        let found = encode(encoder, &sequences);
        let pairs = found
            .chunks_exact(TINY.hidden)
            .zip(expected.chunks_exact(TINY.hidden));
        pairs.map(|(a, b)| cosine(a, b)).sum::<f32>() / sequences.len() as f32
    };
    let (plain, found) = (mean_cosine(&plain), encode(&smoothed, &sequences));
    let smoothed = mean_cosine(&smoothed);
    let quantized = exact.quantized(&calibration).unwrap();
    assert_eq!(quantized.precision(), Precision::Int8);
    assert_eq!(encode(&quantized, &sequences), found);
    assert!(
        plain > 0.97 && smoothed > 0.99 && smoothed > plain,
        "{plain} {smoothed}"
    );
}

#[test]
fn a_calibration_of_another_shape_is_refused() {
    let exact = Encoder::new(tiny::weights(TINY, 1), Precision::Fp32).unwrap();
    let (calibration, _) = Calibration::new(&exact, &[[1, 2, 3]], Pooling::Mean).unwrap();
    let other = tiny::weights(Shape { inner: 41, ..TINY }, 1);
    assert!(matches!(
        Encoder::calibrated(other, &calibration),
        Err(Error::Config { .. })
    ));
    let none: [Vec<u32>; 0] = [];
    assert!(Calibration::new(&exact, &none, Pooling::Mean).is_err());
    let other = Encoder::new(
        tiny::weights(Shape { inner: 41, ..TINY }, 1),
        Precision::Fp32,
    );
    assert!(other.unwrap().quantized(&calibration).is_err());
}

#[test]
fn a_long_sequence_is_encoded_in_linear_memory() {
    let shape = Shape {
        positions: 3000,
        layers: 1,
        ..TINY
    };
    let encoder = tiny::encoder(shape, 2, Precision::Int8, tiny::kernels().next().unwrap());
    let ids = Random(9).ids(3000, shape.vocabulary);
    let states = encoder.hidden_states(&ids).unwrap();
    assert_eq!(states.len(), 3000 * shape.hidden);
    assert!(states.iter().all(|value| value.is_finite()));
    // The scores of all pairs alone would take 36 MB.
    assert!(encoder.estimate_scratch(3000) < 4_000_000);
}

#[test]
fn bad_sequences_are_refused_and_named() {
    let encoder = Encoder::new(tiny::weights(TINY, 7), Precision::Fp32).unwrap();
    let mut vectors = vec![0.0; 2 * TINY.hidden];
    let mut refused = |sequences: &[Vec<u32>]| {
        encoder
            .encode(sequences, Pooling::Mean, true, &mut vectors)
            .unwrap_err()
    };
    assert_eq!(
        refused(&[vec![1], vec![]]),
        Error::EmptySequence { sequence: 1 }
    );
    assert_eq!(
        refused(&[vec![1], vec![3, 50]]),
        Error::TokenId {
            sequence: 1,
            position: 1,
            id: 50,
            vocabulary: 50
        }
    );
    assert_eq!(
        refused(&[vec![0; 65], vec![1]]),
        Error::TooLong {
            sequence: 0,
            tokens: 65,
            limit: 64
        }
    );
    assert_eq!(
        refused(&[vec![1]]),
        Error::OutputLength {
            found: 48,
            expected: 24
        }
    );
    assert!(encoder.hidden_states(&[]).is_err());
}

#[test]
fn damaged_safetensors_are_refused() {
    let tensors = tiny::bert(TINY, 7);
    let config = tiny::config("bert", TINY);
    let file = tiny::safetensors_file(&tensors, "");
    for cut in [0, 7, 8, 100, file.len() / 2, file.len() - 1] {
        let result = Weights::from_safetensors(&[&file[..cut]], &config);
        assert!(matches!(result, Err(Error::Format { .. })), "{cut}");
    }
    let mut huge = file.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(Weights::from_safetensors(&[&huge], &config).is_err());
    let without = |name: &str| {
        let mut tensors = tensors.clone();
        tensors.remove(name);
        Weights::from_safetensors(&[&tiny::safetensors_file(&tensors, "")], &config).unwrap_err()
    };
    assert!(matches!(
        without("embeddings.word_embeddings.weight"),
        Error::TensorMissing { .. }
    ));
    assert!(matches!(
        without("encoder.layer.1.output.dense.bias"),
        Error::TensorMissing { .. }
    ));
    let changed = |name: &str, change: &dyn Fn(&mut Tensor)| {
        let mut tensors = tensors.clone();
        change(tensors.get_mut(name).unwrap());
        Weights::from_safetensors(&[&tiny::safetensors_file(&tensors, "")], &config).unwrap_err()
    };
    let infinite = changed("encoder.layer.0.output.dense.weight", &|tensor| {
        tensor.1[5] = f32::INFINITY;
    });
    assert!(infinite.to_string().contains("inf"), "{infinite}");
    let reshaped = changed("encoder.layer.0.output.dense.weight", &|tensor| {
        tensor.0 = vec![40, 24];
    });
    assert!(matches!(reshaped, Error::Tensor { .. }), "{reshaped}");
    let flat = changed("embeddings.word_embeddings.weight", &|tensor| {
        tensor.0 = vec![1200];
    });
    assert!(matches!(flat, Error::Tensor { .. }), "{flat}");
    let narrow = changed("encoder.layer.1.output.LayerNorm.bias", &|tensor| {
        *tensor = (vec![23], vec![0.0; 23]);
    });
    assert!(matches!(narrow, Error::Tensor { .. }), "{narrow}");
}

#[test]
fn a_configuration_that_contradicts_the_weights_is_refused() {
    let file = tiny::safetensors_file(&tiny::bert(TINY, 7), "");
    for json in [
        r#"{"model_type": "bert", "num_attention_heads": 3, "hidden_size": 32}"#,
        r#"{"model_type": "bert", "num_attention_heads": 3, "num_hidden_layers": 12}"#,
        r#"{"model_type": "bert", "num_attention_heads": 7}"#,
        r#"{"model_type": "bert", "num_attention_heads": 0}"#,
        r#"{"model_type": "bert"}"#,
        r#"{"model_type": "t5", "num_attention_heads": 3}"#,
    ] {
        let config = serde_json::from_str(json).unwrap();
        assert!(
            Weights::from_safetensors(&[&file], &config).is_err(),
            "{json}"
        );
    }
}

#[test]
fn sixteen_bit_files_and_split_files_are_read() {
    let tensors = tiny::bert(TINY, 7);
    let config = tiny::config("bert", TINY);
    let (words, rest): (Tensors, Tensors) = tensors
        .clone()
        .into_iter()
        .partition(|(name, _)| name.contains("word"));
    let (first, second) = (
        tiny::safetensors_file(&words, "bert."),
        tiny::safetensors_file(&rest, "bert."),
    );
    let split = Weights::from_safetensors(&[&second, &first], &config).unwrap();
    let encoder = Encoder::new(split, Precision::Fp32).unwrap();
    let whole = Encoder::new(tiny::weights(TINY, 7), Precision::Fp32).unwrap();
    assert_eq!(
        encoder.hidden_states(&[1, 2, 3]),
        whole.hidden_states(&[1, 2, 3])
    );
    // Values that are exact in bfloat16.
    let rounded: Tensors = tensors
        .into_iter()
        .map(|(name, (dims, values))| {
            let values = values
                .iter()
                .map(|value| f32::from_bits(value.to_bits() & 0xffff_0000))
                .collect();
            (name, (dims, values))
        })
        .collect();
    let bytes: BTreeMap<&String, Vec<u8>> = rounded
        .iter()
        .map(|(name, (_, values))| {
            (
                name,
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes()[2..].to_vec())
                    .collect(),
            )
        })
        .collect();
    let views = rounded.iter().map(|(name, (dims, _))| {
        let view = safetensors::tensor::TensorView::new(
            safetensors::Dtype::BF16,
            dims.clone(),
            &bytes[name],
        );
        (name, view.unwrap())
    });
    let small = safetensors::serialize(views, None).unwrap();
    let hidden = |file: &[u8]| {
        let weights = Weights::from_safetensors(&[file], &config).unwrap();
        Encoder::new(weights, Precision::Fp32)
            .unwrap()
            .hidden_states(&[5, 6])
            .unwrap()
    };
    assert_eq!(
        hidden(&small),
        hidden(&tiny::safetensors_file(&rounded, ""))
    );
}
