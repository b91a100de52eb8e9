//! Architectures with rotary positions: against their reference implementations (`tests/data/make_rotary.py`).

use text_encoder::{Config, Encoder, Error, Kernel, Pooling, Precision, Weights};

use crate::tiny::{self, Random, Tensors};

/// A model and its last hidden states.
struct Reference {
    config: Config,
    tensors: Tensors,
    /// Token ids and the states of all tokens.
    states: Vec<(Vec<u32>, Vec<f32>)>,
}

fn reference(text: &str) -> Reference {
    let mut random = Random(7);
    let mut reference = Reference {
        config: Config::default(),
        tensors: Tensors::new(),
        states: Vec::new(),
    };
    for line in text.lines() {
        let (kind, rest) = line.split_once(' ').unwrap();
        match kind {
            "config" => reference.config = serde_json::from_str(rest).unwrap(),
            "tensor" => {
                let [name, dims, scale, offset] = rest.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{line}");
                };
                let dims: Vec<usize> = dims.split(',').map(|dim| dim.parse().unwrap()).collect();
                let (scale, offset): (f32, f32) = (scale.parse().unwrap(), offset.parse().unwrap());
                let count = dims.iter().product();
                let values = (0..count).map(|_| random.next() * scale + offset).collect();
                reference.tensors.insert(name.into(), (dims, values));
            }
            _ => {
                let (ids, values) = rest.split_once(": ").unwrap();
                reference.states.push((
                    ids.split(' ').map(|id| id.parse().unwrap()).collect(),
                    values
                        .split(' ')
                        .map(|value| value.parse().unwrap())
                        .collect(),
                ));
            }
        }
    }
    reference
}

/// Each model with the prefix of the names in published files.
fn references() -> [(&'static str, &'static str, Reference); 3] {
    [
        (
            "modernbert",
            "model.",
            include_str!("../data/modernbert.txt"),
        ),
        ("nomic_bert", "", include_str!("../data/nomic_bert.txt")),
        ("new", "new.", include_str!("../data/new.txt")),
    ]
    .map(|(name, prefix, text)| (name, prefix, reference(text)))
}

fn encoder(reference: &Reference, prefix: &str, precision: Precision, kernel: Kernel) -> Encoder {
    let file = tiny::safetensors_file(&reference.tensors, prefix);
    let weights = Weights::from_safetensors(&[&file], &reference.config).unwrap();
    Encoder::with_kernel(weights, precision, None, kernel).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn hidden_states_are_those_of_the_reference() {
    for (name, prefix, reference) in references() {
        for kernel in tiny::kernels() {
            let exact = encoder(&reference, prefix, Precision::Fp32, kernel);
            let int8 = encoder(&reference, prefix, Precision::Int8, kernel);
            assert_eq!((exact.max_tokens(), exact.vocabulary()), (64, 50));
            for (ids, expected) in &reference.states {
                let found = exact.hidden_states(ids).unwrap();
                assert_eq!(found.len(), expected.len());
                let pairs = found.iter().zip(expected);
                let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(largest < 1e-5, "{name} {kernel} {}: {largest}", ids.len());
                let cosine = cosine(&int8.hidden_states(ids).unwrap(), expected);
                assert!(
                    cosine > 0.99 && cosine < 0.999_99,
                    "{name} {kernel} {}: {cosine}",
                    ids.len()
                );
            }
        }
    }
}

#[test]
fn vectors_have_the_same_bits_with_every_kernel_any_threads_and_any_company() {
    let mut random = Random(5);
    let sequences: Vec<Vec<u32>> = [64, 1, 25, 2, 48, 33, 5, 63, 64, 17, 24, 50, 60, 61, 62]
        .into_iter()
        .map(|count| random.ids(count, 50))
        .collect();
    for (name, prefix, reference) in references() {
        for precision in [Precision::Fp32, Precision::Int8] {
            let encode = |encoder: &Encoder, sequences: &[Vec<u32>]| {
                let mut vectors = vec![f32::NAN; sequences.len() * encoder.dimensions()];
                encoder
                    .encode(sequences, Pooling::Mean, true, &mut vectors)
                    .unwrap();
                vectors
            };
            let portable = encoder(&reference, prefix, precision, Kernel::Portable);
            let expected = encode(&portable, &sequences);
            assert!(expected.iter().all(|value| value.is_finite()));
            for kernel in tiny::kernels() {
                let encoder = encoder(&reference, prefix, precision, kernel);
                for threads in [1, 3] {
                    let pool = rayon::ThreadPoolBuilder::new()
                        .num_threads(threads)
                        .build()
                        .unwrap();
                    let found = pool.install(|| encode(&encoder, &sequences));
                    assert_eq!(found, expected, "{name} {precision} {kernel} {threads}");
                }
            }
            for (sequence, expected) in sequences.iter().zip(expected.chunks_exact(32)) {
                let alone = encode(&portable, std::slice::from_ref(sequence));
                assert_eq!(alone, expected, "{name} {precision} {}", sequence.len());
            }
        }
    }
}

#[test]
fn what_is_missing_or_does_not_match_is_named() {
    let [(_, _, modern), (_, _, nomic), (_, _, new)] = references();
    let read = |tensors: &Tensors, config: &Config| {
        Weights::from_safetensors(&[&tiny::safetensors_file(tensors, "")], config).unwrap_err()
    };
    for (reference, name) in [
        (&modern, "layers.1.attn_norm.weight"),
        (&modern, "final_norm.weight"),
        (&modern, "embeddings.tok_embeddings.weight"),
        (&nomic, "encoder.layers.2.mlp.fc12.weight"),
        (&nomic, "encoder.layers.0.attn.Wqkv.weight"),
        (&new, "encoder.layer.3.mlp.down_proj.weight"),
    ] {
        let mut tensors = reference.tensors.clone();
        tensors.remove(name);
        let error = read(&tensors, &reference.config);
        assert!(
            matches!(&error, Error::TensorMissing { name: missing } if missing.ends_with(name)),
            "{name}: {error}"
        );
    }
    // As many values in another shape.
    for reference in [&modern, &nomic, &new] {
        for (name, (dims, values)) in &reference.tensors {
            let shape = if dims.len() == 1 {
                vec![1, values.len()]
            } else {
                vec![values.len()]
            };
            let mut tensors = reference.tensors.clone();
            tensors.get_mut(name).unwrap().0 = shape;
            let read = Weights::from_safetensors(
                &[&tiny::safetensors_file(&tensors, "")],
                &reference.config,
            );
            assert!(matches!(read, Err(Error::Tensor { .. })), "{name}");
        }
    }
    // A cut matrix; half as many queries; a layer too many.
    let mut tensors = new.tensors.clone();
    let cut = (vec![32, 39], vec![0.5; 32 * 39]);
    tensors.insert("encoder.layer.3.mlp.down_proj.weight".into(), cut);
    assert!(matches!(read(&tensors, &new.config), Error::Tensor { .. }));
    let mut tensors = nomic.tensors.clone();
    let cut = (vec![48, 32], vec![0.5; 48 * 32]);
    tensors.insert("encoder.layers.1.attn.Wqkv.weight".into(), cut);
    assert!(matches!(
        read(&tensors, &nomic.config),
        Error::Config { .. }
    ));
    let config = serde_json::from_str(r#"{"model_type": "new", "num_attention_heads": 4, "num_hidden_layers": 3, "max_position_embeddings": 64}"#).unwrap();
    assert!(matches!(read(&new.tensors, &config), Error::Config { .. }));
    let none = |_: &str, _, _| Err(std::io::ErrorKind::NotFound.into());
    let graph = crate::onnx_writer::GraphWriter::default().file();
    let error = Weights::from_onnx(&graph, &modern.config, &none).unwrap_err();
    assert!(error.to_string().contains("safetensors"), "{error}");
}
